"""Results on standard output: tables on a terminal, tab-separated lines elsewhere, or JSON."""

import datetime
import json
import os
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, TextIO

import click

from .. import ApplicationToken
from ._settings import Settings
from ._text import clean, date, iso

if TYPE_CHECKING:
    from rich.console import Console

__all__ = [
    "Cell",
    "as_json",
    "console",
    "expiry",
    "facts",
    "print_json",
    "rows",
    "token_cells",
]

Cell = str | tuple[str, str]
"""A text, or a text and its style on a terminal."""


# The columns that wrap on a narrow terminal.
_FOLDED = ("DESCRIPTION", "ADDRESS", "FINDINGS", "BY")
# The columns that a terminal with fewer than _WIDE characters per line does not show.
_OPTIONAL = ("CREATED", "BY")
_WIDE = 80


def console(settings: Settings, stream: TextIO) -> "Console":
    """Return a rich console for a stream, with colours only on a terminal that may show them."""
    from rich.console import Console

    plain = settings.no_color or bool(os.environ.get("NO_COLOR")) or not stream.isatty()
    return Console(file=stream, color_system=None if plain else "auto", highlight=False)


def print_json(value: object) -> None:
    """Print a value as indented JSON."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def _text(cell: Cell) -> str:
    return clean(cell if isinstance(cell, str) else cell[0])


def rows(settings: Settings, headings: Sequence[str], found: Iterable[Sequence[Cell]]) -> None:
    """Print rows: a table with headings on a terminal, tab-separated lines elsewhere."""
    if not sys.stdout.isatty():
        for row in found:
            sys.stdout.write("\t".join(map(_text, row)) + "\n")
        return
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    screen = console(settings, sys.stdout)
    shown = [n for n, heading in enumerate(headings) if heading not in _OPTIONAL]
    if screen.width >= _WIDE:
        shown = list(range(len(headings)))
    for heading in (headings[n] for n in shown):
        table.add_column(
            heading,
            justify="right" if heading == "ID" else "left",
            no_wrap=heading not in _FOLDED,
            min_width=len(heading),
            overflow="fold",
        )
    for row in found:
        cells = (row[n] for n in shown)
        table.add_row(
            *(Text(_text(cell), style="" if isinstance(cell, str) else cell[1]) for cell in cells)
        )
    screen.print(table)


def facts(settings: Settings, found: Sequence[tuple[str, Cell]]) -> None:
    """Print names with their values, one pair per line."""
    if not sys.stdout.isatty():
        for name, cell in found:
            sys.stdout.write(f"{name}\t{_text(cell)}\n")
        return
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, 3, 0, 0))
    for name, cell in found:
        style = "" if isinstance(cell, str) else cell[1]
        table.add_row(Text(name, style="bold"), Text(_text(cell), style=style))
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


def expiry(token: ApplicationToken) -> Cell:
    """Return when an application token expires, styled by how soon that is."""
    if token.expires_at is None:
        return token.expiry_date or "never"
    left = token.expires_at - datetime.datetime.now(datetime.timezone.utc)
    text = date(token.expires_at)
    if left < datetime.timedelta():
        return (text, "red")
    return (text, "yellow") if left < datetime.timedelta(days=30) else text


_STATUS_STYLES = {"Activated": "green", "Revoked": "dim"}


def token_cells(token: ApplicationToken) -> list[Cell]:
    """Return the columns ID, DESCRIPTION, STATUS and EXPIRES of an application token."""
    gone = token.status == "Revoked"
    status = token.status or "-"
    cells: list[Cell] = [
        str(token.id),
        token.description or "-",
        (status, _STATUS_STYLES.get(status, "")),
        expiry(token),
    ]
    return [(_text(cell), "dim") for cell in cells] if gone else cells
