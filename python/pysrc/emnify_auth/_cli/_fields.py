"""Builds a JSON object from the fields that --data gives, whose names may be nested."""

import re
from collections.abc import Iterable
from itertools import pairwise
from typing import Any, NoReturn

import click

__all__ = ["collected"]

_NAME = re.compile(r"[^\[\]]+(?:\[[^\[\]]*\])*")
_PART = re.compile(r"[^\[\]]+|(?<=\[)(?=\])")


def collected(fields: Iterable[tuple[str, object]]) -> dict[str, Any]:
    """Return the fields as one object: a[b]=1 becomes {"a": {"b": "1"}}, a[]=1 {"a": ["1"]}."""
    body: dict[str, Any] = {}
    for name, value in fields:
        if _NAME.fullmatch(name) is None:
            raise click.UsageError(f"--data: {name} is not a name such as a, a[b] or a[]")
        _put(body, name, value)
    return body


def _put(body: dict[str, Any], name: str, value: object) -> None:
    # An empty part stands for the next element of a list.
    *path, last = _PART.findall(name)
    holder: Any = body
    for part, following in pairwise([*path, last]):
        kind: type[Any] = dict if following else list
        if not part:
            # Another field of the last element, or the first one of another element.
            if not holder or not isinstance(holder[-1], kind) or following in holder[-1]:
                holder.append(kind())
            holder = holder[-1]
        else:
            holder = holder.setdefault(part, kind())
        if not isinstance(holder, kind):
            _refuse(name)
    if not last:
        holder.append(value)
    elif last in holder:
        _refuse(name)
    else:
        holder[last] = value


def _refuse(name: str) -> NoReturn:
    raise click.UsageError(f"--data: {name} contradicts an earlier field")
