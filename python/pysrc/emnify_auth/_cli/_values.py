"""What the values of options look like, and what they mean."""

import datetime
import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

__all__ = ["DURATION", "EXPIRY", "HEADER", "JSON_TEXT", "PAIR"]

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_PART = re.compile(r"(\d+(?:\.\d+)?)([smhdw])")
_PARTS = re.compile(rf"(?:{_PART.pattern})+")

if TYPE_CHECKING:
    from typing import Any

    _Base = click.ParamType[Any]
else:
    # Older versions of click have no type parameter there.
    _Base = click.ParamType


def _seconds(text: str) -> float | None:
    """Read "15m" or "1h30m"; None is something else."""
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
    """Seconds: "90", or with units "15m", "2h", "1d", "1h30m"."""

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
                self.refuse(f"{text!r} is no duration such as 90, 15m, 2h or 1d", param, ctx)
        if not 0 <= seconds < 1e9:
            self.refuse(f"{text!r} is out of range", param, ctx)
        return seconds


class _Expiry(_Value):
    """A date or an instant, which the library reads, or a duration from now."""

    name = "expiry"

    def convert(
        self,
        value: object,
        param: click.Parameter | None,  # noqa: ARG002 as click calls it
        ctx: click.Context | None,  # noqa: ARG002
    ) -> str | datetime.datetime:
        text = str(value).strip()
        seconds = _seconds(text)
        if seconds is None or seconds > 1e9:
            return text
        now = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
        return now + datetime.timedelta(seconds=seconds)


class _Pair(_Value):
    """Two texts with something between them."""

    def __init__(self, name: str, between: str, example: str) -> None:
        self.name = name
        self._between = between
        self._example = example

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, str]:
        if isinstance(value, tuple):
            return value
        name, found, rest = str(value).partition(self._between)
        if not found or not name.strip():
            # What stands there may be a secret header: it is not repeated.
            self.refuse(f"should look like {self._example}", param, ctx)
        return (name, rest) if self._between == "=" else (name.strip(), rest.strip())


class _JsonText(_Value):
    """JSON, as text, as @FILE or as - for standard input. It is sent as it was written."""

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
                f"is not JSON{where}; a text is written in quotes, as '\"text\"'", param, ctx
            )
        return text


DURATION = _Duration()
EXPIRY = _Expiry()
PAIR = _Pair("pair", "=", "name=value")
HEADER = _Pair("header", ":", "'Name: value'")
JSON_TEXT = _JsonText()
