"""`request`: makes any API call."""

import http
import json
import sys
from collections.abc import Iterator
from typing import Any

import click

from .. import EmnifyError, Response
from ._failure import fail
from ._fields import collected
from ._output import console, is_for_people, print_json, selected
from ._progress import counting
from ._session import open_client
from ._settings import Command, Settings
from ._values import FIELD, HEADER, JSON_TEXT, NUMBER, PAIR

__all__ = ["request"]

_settings = click.make_pass_decorator(Settings, ensure=True)
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")


@click.command(cls=Command)
@click.argument(
    "method",
    type=click.Choice(_METHODS, case_sensitive=False),
    metavar="METHOD",
    # click's own completion depends on the case.
    shell_complete=lambda _ctx, _param, typed: [
        method for method in _METHODS if method.startswith(typed.upper())
    ],
)
@click.argument("path")
@click.option(
    "-p",
    "--param",
    "params",
    multiple=True,
    type=PAIR,
    metavar="NAME=VALUE",
    help="Query parameter.",
)
@click.option(
    "-d",
    "--data",
    "fields",
    multiple=True,
    type=FIELD,
    metavar="NAME=TEXT|NAME:=JSON",
    help="Field of the JSON body (repeatable). NAME may be nested: 'status[id]:=0', 'tags[]=a'.",
)
@click.option(
    "-H",
    "--header",
    multiple=True,
    type=HEADER,
    metavar="'NAME: VALUE'",
    help="Header. Authorization is added automatically.",
)
@click.option(
    "--json",
    "body",
    type=JSON_TEXT,
    metavar="TEXT|@FILE|-",
    help="JSON body: as text, from a file or from standard input. (For errors as JSON, write "
    "--json before the command: emnify-auth --json request …)",
)
@click.option(
    "-i", "--include", is_flag=True, help="Print the status and the headers before the body."
)
@click.option("--all", "every", is_flag=True, help="Get all pages of a list, as one JSON array.")
@click.option(
    "--lines", is_flag=True, help="With --all: print each row on a line of its own, as it arrives."
)
@click.option(
    "--per-page", type=NUMBER, metavar="N", help="With --all: how many rows each request gets."
)
@_settings
def request(
    settings: Settings,
    method: str,
    path: str,
    params: tuple[tuple[str, str], ...],
    fields: tuple[tuple[str, object], ...],
    header: tuple[tuple[str, str], ...],
    body: str | None,
    include: bool,
    every: bool,
    lines: bool,
    per_page: int | None,
) -> None:
    """Send a request to the API and print the response's body.

    METHOD is GET, HEAD, POST, PUT, PATCH or DELETE. PATH starts with a slash,
    for example /api/v1/sim. On a terminal JSON is indented; elsewhere the
    body is printed unchanged. HEAD prints the headers.
    """
    if not every and (lines or per_page):
        raise click.UsageError("--lines and --per-page need --all")
    if fields:
        if body is not None:
            raise click.UsageError("--data and --json are both given; pass only one")
        body = json.dumps(collected(fields))
    if body is not None and method in ("GET", "HEAD"):
        raise click.UsageError(f"{method} has no body; pass query parameters with --param")
    if every and (method != "GET" or header or include):
        raise click.UsageError("--all needs GET, and excludes --header and --include")
    if include and settings.query is not None:
        raise click.UsageError("--include and --query are both given; pass only one")
    if method == "HEAD" and settings.query is not None:
        raise click.UsageError("HEAD has no result for --query")
    with open_client(settings) as client:
        if every:
            rows = counting(settings, client.paginate(path, params=params, per_page=per_page))
            if settings.query is not None and not lines:
                print_json(settings, list(rows))
            else:
                _print_rows(settings, rows, lines)
            return
        response = client.request(method, path, params=params, headers=header, content=body)
    if settings.query is not None:
        print_json(settings, _decoded(response))
    else:
        if include:
            click.echo(_status_line(response.status_code))
        if include or method == "HEAD":
            _print_headers(response)
        if include:
            click.echo()
        _print_body(settings, response)


def _decoded(response: Response) -> object:
    try:
        return response.json()
    except EmnifyError:
        fail("--query: the response is not JSON", 1)


def _print_rows(settings: Settings, rows: Iterator[dict[str, Any]], lines: bool) -> None:
    """Print each row as it arrives, without collecting them in memory."""
    write = sys.stdout.write
    if lines:
        for row in rows:
            shown = row if settings.query is None else selected(settings, row)
            text = shown if isinstance(shown, str) else json.dumps(shown, ensure_ascii=False)
            write(_printable(text) + "\n")
        return
    before = "[\n  "
    for row in rows:
        write(before + _printable(json.dumps(row, ensure_ascii=False)))
        before = ",\n  "
    write("[]\n" if before.startswith("[") else "\n]\n")


def _status_line(status: int) -> str:
    try:
        reason = f" {http.HTTPStatus(status).phrase}"
    except ValueError:
        reason = ""
    return f"HTTP/1.1 {status}{reason}"


def _print_headers(response: Response) -> None:
    for name, value in response.headers.items():
        click.echo(f"{name}: {_printable(value)}")


def _print_body(settings: Settings, response: Response) -> None:
    if not is_for_people(sys.stdout):
        sys.stdout.flush()
        sys.stdout.buffer.write(response.content)
        sys.stdout.buffer.flush()
    elif response.content:
        _show(settings, response)


def _show(settings: Settings, response: Response) -> None:
    try:
        value = json.loads(response.content)
    except ValueError:
        click.echo(_printable(response.text))
        return
    from rich.syntax import Syntax

    text = _printable(json.dumps(value, indent=2, ensure_ascii=False))
    screen = console(settings, sys.stdout)
    if screen.color_system is None:
        click.echo(text)
    else:
        screen.print(
            Syntax(text, "json", theme="ansi_dark", background_color="default"), soft_wrap=True
        )


def _printable(text: str) -> str:
    """Escape control characters, which a terminal would obey, as JSON does."""
    if text.isprintable():
        return text
    return "".join(
        letter if letter.isprintable() or letter in "\n\t" else json.dumps(letter)[1:-1]
        for letter in text
    )
