"""Results on standard output: tables on a terminal, tab-separated lines elsewhere, or JSON."""

import datetime
import json
import os
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, TextIO

import click

from .. import ApplicationToken
from ._failure import fail, warn
from ._settings import Settings
from ._text import clean, date, iso

if TYPE_CHECKING:
    from rich.console import Console, JustifyMethod
    from rich.text import Text

__all__ = [
    "Cell",
    "as_json",
    "console",
    "expiry",
    "facts",
    "is_for_people",
    "print_json",
    "rows",
    "selected",
    "token_cells",
]

Cell = str | tuple[str, str]
"""A text, or a text and its style on a terminal."""


def console(settings: Settings, stream: TextIO) -> "Console":
    """Return a rich console for a stream, with colours only where they are wanted."""
    from rich.console import Console

    plain = settings.no_color or bool(os.environ.get("NO_COLOR")) or not is_for_people(stream)
    return Console(file=stream, color_system=None if plain else "auto", highlight=False)


def is_for_people(stream: TextIO) -> bool:
    """Whether the output is laid out for a person: on a terminal, or if FORCE_COLOR is set."""
    return stream.isatty() or bool(os.environ.get("FORCE_COLOR"))


def print_json(settings: Settings, value: object) -> None:
    """Print a value, or what --query selects from it, as indented JSON."""
    if settings.query is not None:
        value = selected(settings, value)
        if isinstance(value, str):
            # As a script needs it: without quotes.
            click.echo(clean(value) if sys.stdout.isatty() else value)
            return
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def selected(settings: Settings, value: object) -> object:
    """Return what --query selects from a value."""
    from jmespath.exceptions import JMESPathError

    try:
        return settings.query.search(value)
    except JMESPathError as error:
        fail(f"--query: {str(error).splitlines()[0]}", 2)


def _text(cell: Cell) -> str:
    return clean(cell if isinstance(cell, str) else cell[0])


def _styled(cell: Cell) -> "Text":
    from rich.text import Text

    return Text(_text(cell), style="" if isinstance(cell, str) else cell[1])


def rows(settings: Settings, headings: Sequence[str], found: Iterable[Sequence[Cell]]) -> None:
    """Print rows: a table with headings on a terminal, tab-separated lines elsewhere."""
    if not is_for_people(sys.stdout):
        for row in found:
            sys.stdout.write("\t".join(map(_text, row)) + "\n")
        return
    from rich.table import Table

    from ._table import GAP, fitting

    screen = console(settings, sys.stdout)
    table = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0), header_style="bold")
    cells = list(found)
    shown = fitting(headings, [[_text(cell) for cell in row] for row in cells], screen.width)
    for number, width in shown:
        heading = headings[number]
        justify: JustifyMethod = "right" if heading == "ID" else "left"
        table.add_column(heading, justify=justify, width=width, overflow="fold")
    for row in cells:
        table.add_row(*(_styled(row[number]) for number, _ in shown))
    screen.print(table)
    missing = [name for n, name in enumerate(headings) if n not in dict(shown)]
    if missing and sys.stderr.isatty():
        warn(f"too narrow for {', '.join(missing)}; --json shows all")


def facts(settings: Settings, found: Sequence[tuple[str, Cell]]) -> None:
    """Print names with their values, one pair per line."""
    if not is_for_people(sys.stdout):
        for name, cell in found:
            sys.stdout.write(f"{name}\t{_text(cell)}\n")
        return
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, 3, 0, 0))
    table.add_column()
    table.add_column(overflow="fold")
    for name, cell in found:
        table.add_row(Text(name, style="bold"), _styled(cell))
    console(settings, sys.stdout).print(table)


def as_json(token: ApplicationToken) -> dict[str, Any]:
    """Return an application token as a JSON object."""
    return {
        "id": token.id,
        "description": token.description,
        "status": token.status,
        "created_at": iso(token.created_at),
        "expiry_date": token.expiry_date,
        "expires_at": iso(token.expires_at),
        "ip": token.ip,
        "creator": token.creator,
    }


def expiry(token: ApplicationToken, *, zone: bool = False) -> Cell:
    """Return when an application token expires, styled by how soon that is."""
    if token.expires_at is None:
        return token.expiry_date or "never"
    left = token.expires_at - datetime.datetime.now(datetime.timezone.utc)
    text = date(token.expires_at, zone=zone)
    if left < datetime.timedelta():
        return (text, "red")
    return (text, "yellow") if left < datetime.timedelta(days=30) else text


_STATUS_STYLES = {"activated": "green", "revoked": "dim"}


def token_cells(token: ApplicationToken) -> list[Cell]:
    """Return the columns ID, DESCRIPTION, STATUS and EXPIRES of an application token."""
    gone = token.status == "revoked"
    status = token.status or "-"
    cells: list[Cell] = [
        str(token.id),
        token.description or "-",
        (status, _STATUS_STYLES.get(status, "")),
        expiry(token),
    ]
    return [(_text(cell), "dim") for cell in cells] if gone else cells
