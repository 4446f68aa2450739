"""Parses the values of options and arguments."""

import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

__all__ = [
    "COUNT",
    "DURATION",
    "FIELD",
    "HEADER",
    "JSON_TEXT",
    "NUMBER",
    "PAIR",
    "QUERY",
    "TOKEN_ID",
]

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_PART = re.compile(r"(\d+(?:\.\d+)?)([smhdw])")
_PARTS = re.compile(rf"(?:{_PART.pattern})+")

if TYPE_CHECKING:
    from typing import Any

    _Base = click.ParamType[Any]
else:
    # ParamType takes no type parameter in older versions of click.
    _Base = click.ParamType


def _seconds(text: str) -> float | None:
    """Return the seconds in a text such as "15m" or "1h30m", or None if it is not a duration."""
    if _PARTS.fullmatch(text) is None:
        return None
    return sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(text))


class _Value(_Base):
    def refuse(
        self,
        message: str,
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> NoReturn:
        raise click.BadParameter(message, ctx=ctx, param=param)


class _Duration(_Value):
    """A duration in seconds ("90") or with units ("15m", "2h", "1d", "1h30m")."""

    name = "duration"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        text = str(value).strip()
        seconds = _seconds(text)
        if seconds is None:
            try:
                seconds = float(text)
            except ValueError:
                self.refuse(
                    f"{text!r} is not a duration; write 90 (seconds), 15m, 2h or 1d", param, ctx
                )
        if not 0 <= seconds < 1e9:
            self.refuse(f"{text!r} must be from 0 to 1e9 seconds (31 years)", param, ctx)
        return seconds


class _Number(_Value):
    """A whole number from 1, or from another one."""

    def __init__(self, name: str, expected: str, *, least: int = 1) -> None:
        self.name = name
        self._expected = expected
        self._least = least

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> int:
        try:
            number = int(str(value))
        except ValueError:
            number = -1
        if number < self._least:
            self.refuse(f"{str(value)!r} is not {self._expected}", param, ctx)
        return number


class _Pair(_Value):
    """A name and a value with a separator between them."""

    def __init__(self, name: str, separator: str, example: str) -> None:
        self.name = name
        self._separator = separator
        self._example = example

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, str]:
        if isinstance(value, tuple):
            return value
        name, found, rest = str(value).partition(self._separator)
        if not found or not name.strip():
            # The message omits the value, which may be a secret.
            self.refuse(f"must have the form {self._example}", param, ctx)
        return (name, rest) if self._separator == "=" else (name.strip(), rest.strip())


class _Field(_Value):
    """A name and a text ("name=value"), or a name and JSON ("name:=value")."""

    name = "field"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, object]:
        if isinstance(value, tuple):
            return value
        name, found, rest = str(value).partition("=")
        if not found or not name.strip(":"):
            # The message omits the value, which may be a secret.
            self.refuse("must have the form name=text or name:=JSON", param, ctx)
        if not name.endswith(":"):
            return (name, rest)
        try:
            return (name[:-1], json.loads(rest))
        except ValueError:
            self.refuse(f"{name}= must be followed by JSON, such as 7, true or null", param, ctx)


class _Query(_Value):
    """An expression in JMESPath."""

    name = "query"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> object:
        import jmespath

        if not isinstance(value, str):
            return value
        try:
            return jmespath.compile(value)
        except jmespath.exceptions.JMESPathError as error:
            reason = str(error).splitlines()[0].removeprefix("Invalid jmespath expression: ")
            self.refuse(f"is not a JMESPath expression: {reason.rstrip(':')}", param, ctx)


class _JsonText(_Value):
    """JSON as text, as @FILE, or as - for standard input. It is sent unchanged."""

    name = "json"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> str:
        text = str(value)
        if text == "-" or text.startswith("@"):
            where = "standard input" if text == "-" else text[1:]
            try:
                read = sys.stdin.buffer.read() if text == "-" else Path(text[1:]).read_bytes()
                text = read.decode()
            except (OSError, UnicodeDecodeError) as error:
                reason = getattr(error, "strerror", None) or "it is not UTF-8"
                self.refuse(f"cannot read {where}: {reason}", param, ctx)
        try:
            json.loads(text)
        except ValueError as error:
            where = f", line {error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
            self.refuse(
                f"is not valid JSON{where}; write a string in quotes, such as '\"text\"'",
                param,
                ctx,
            )
        return text


DURATION = _Duration()
COUNT = _Number("count", "a whole number from 0", least=0)
NUMBER = _Number("number", "a whole number from 1")
PAIR = _Pair("pair", "=", "name=value")
FIELD = _Field()
QUERY = _Query()
HEADER = _Pair("header", ":", "'Name: value'")
JSON_TEXT = _JsonText()
TOKEN_ID = _Number("id", "the id of an application token; `emnify-auth tokens list` shows the ids")
