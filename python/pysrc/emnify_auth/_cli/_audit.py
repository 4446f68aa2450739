"""`tokens audit`: what there is to say against each application token."""

import datetime

import click

from .. import AuditedToken
from ._failure import FOUND
from ._output import Cell, as_json, print_json, rows, token_cells
from ._session import open_client
from ._settings import Command, Settings
from ._values import DURATION

__all__ = ["audit"]

_settings = click.make_pass_decorator(Settings, ensure=True)

# What is nothing against a token, or against none that works.
_HARMLESS = frozenset({"own", "revoked", "expired"})
_FINDINGS = (
    "orphan",
    "expires_soon",
    "no_expiry",
    "no_address_restriction",
    "old",
    "unreadable_expiry",
    "other",
)
_STYLES = {
    "orphan": "red",
    "expires_soon": "yellow",
    "no_expiry": "yellow",
    "old": "yellow",
    "unreadable_expiry": "yellow",
}


@click.command(cls=Command)
@click.option(
    "--expires-within",
    type=DURATION,
    default="30d",
    metavar="DURATION",
    help="From when on a token expires soon. Default: 30d.",
)
@click.option(
    "--older-than",
    type=DURATION,
    default="365d",
    metavar="DURATION",
    help="From when on a token is old. Default: 365d.",
)
@click.option("--fail", "fails", is_flag=True, help=f"Exit with {FOUND} if there are findings.")
@click.option(
    "--ignore",
    multiple=True,
    type=click.Choice(_FINDINGS),
    metavar="FINDING",
    help="Do not report this one: " + ", ".join(_FINDINGS) + ".",
)
@click.pass_context
def audit(
    ctx: click.Context,
    expires_within: float,
    older_than: float,
    fails: bool,
    ignore: tuple[str, ...],
) -> None:
    """Say of each application token what there is to say against it.

    \b
    own                     the one that this command signs in with
    revoked, expired        it works no more
    orphan                  a rotation made it and did not finish
    expires_soon            within --expires-within
    no_expiry               it never expires
    no_address_restriction  it may be used from any address
    old                     older than --older-than
    unreadable_expiry       its expiry date cannot be read: look at it

    Nothing is changed. For --fail the first two lines are no findings.
    """  # noqa: D301 - click's mark for lines that stay as they are
    settings = ctx.ensure_object(Settings)
    with open_client(settings) as client:
        audited = client.application_tokens.audit(
            expires_within=datetime.timedelta(seconds=expires_within),
            older_than=datetime.timedelta(seconds=older_than),
        )
    ignored = frozenset(ignore)
    found = [(row, _reported(row, ignored)) for row in audited]
    if settings.json_output:
        print_json([{**as_json(row.token), "findings": list(said)} for row, said in found])
    else:
        rows(
            settings,
            ("ID", "DESCRIPTION", "STATUS", "EXPIRES", "FINDINGS"),
            ([*token_cells(row.token), _cell(said)] for row, said in found),
        )
    if fails and any(_HARMLESS.isdisjoint({name}) for _, said in found for name in said):
        ctx.exit(FOUND)


def _reported(row: AuditedToken, ignored: frozenset[str]) -> list[str]:
    return sorted(row.findings - ignored, key=lambda name: (name != "own", name))


def _cell(findings: list[str]) -> Cell:
    text = " ".join(findings) or "-"
    if not _HARMLESS.issuperset(findings):
        worst = [_STYLES[name] for name in findings if name in _STYLES]
        return (text, "red" if "red" in worst else worst[0] if worst else "")
    return (text, "dim")
