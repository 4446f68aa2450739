"""`tokens failures`: lists the sign-ins that emnify refused."""

import datetime
import sys
from collections.abc import Iterator, Sequence

import click

from .. import SignInFailure
from ._failure import warn
from ._output import Cell, print_json, rows
from ._session import open_client
from ._settings import Command, Settings
from ._text import duration, iso
from ._values import DURATION

__all__ = ["failures"]

_settings = click.make_pass_decorator(Settings, ensure=True)


@click.command(cls=Command)
@click.option(
    "--since",
    type=DURATION,
    default="24h",
    metavar="DURATION",
    help="How far to go back; emnify keeps 30 days. Default: 24h.",
)
@_settings
def failures(settings: Settings, since: float) -> None:
    """List the sign-ins with application tokens that emnify refused.

    They are those of all machines in the workspace, the latest first. Several
    IDs mean that these tokens have the same description. A note on standard
    error names each machine that still uses a token that was replaced. Times
    are in UTC.
    """
    with open_client(settings) as client:
        found = client.application_tokens.failures(datetime.timedelta(seconds=since))
    if settings.prints_json:
        print_json(settings, [_as_json(failure) for failure in found])
        return
    if not found and sys.stderr.isatty():
        click.echo(f"emnify refused no sign-in in the last {duration(since)}.", err=True)
        return
    rows(settings, ("TIME", "ID", "DESCRIPTION", "ADDRESS", "REASON"), map(_cells, found))
    for note in _notes(found):
        warn(note)


def _as_json(failure: SignInFailure) -> dict[str, object]:
    return {**failure.to_dict(), "at": iso(failure.at)}


def _cells(failure: SignInFailure) -> list[Cell]:
    return [
        f"{failure.at:%Y-%m-%d %H:%M} UTC" if failure.at else "-",
        _ids(failure),
        failure.token_name or "-",
        failure.address or "-",
        # What cannot be parsed is shown as emnify wrote it.
        failure.reason or failure.description,
    ]


def _ids(failure: SignInFailure) -> str:
    return " ".join(map(str, failure.token_ids)) or "-"


def _notes(found: Sequence[SignInFailure]) -> Iterator[str]:
    """Yield a note for each replaced token and address, about the latest refusal."""
    now = datetime.datetime.now(datetime.timezone.utc)
    told = set()
    for failure in found:
        key = (failure.token_ids, failure.address)
        if failure.successor_id is None or key in told:
            continue
        told.add(key)
        ago = f" {duration((now - failure.at).total_seconds())} ago" if failure.at else ""
        which = _ids(failure) if len(failure.token_ids) == 1 else f"one of {_ids(failure)}"
        yield (
            f"the old token of {failure.token_name} ({which}) was refused from "
            f"{failure.address}{ago}; {failure.successor_id} probably replaced it"
        )
