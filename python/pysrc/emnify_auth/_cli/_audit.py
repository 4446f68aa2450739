"""`tokens audit`: lists the risks of each application token."""

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

# Findings that are not risks, because the token is in use or no longer works.
_HARMLESS = frozenset({"own", "revoked", "expired"})
_FINDINGS = (
    "orphan",
    "expires_soon",
    "no_expiry",
    "no_address_restriction",
    "old",
    "unreadable_expiry",
    "refused_lately",
    "other",
)
_STYLES = {
    "orphan": "red",
    "expires_soon": "yellow",
    "no_expiry": "yellow",
    "old": "yellow",
    "unreadable_expiry": "yellow",
    "refused_lately": "yellow",
}


@click.command(cls=Command)
@click.option(
    "--expires-within",
    type=DURATION,
    default="30d",
    metavar="DURATION",
    help="Report tokens that expire within this time. Default: 30d.",
)
@click.option(
    "--older-than",
    type=DURATION,
    default="365d",
    metavar="DURATION",
    help="Report tokens that were created longer ago than this. Default: 365d.",
)
@click.option(
    "--refused-within",
    type=DURATION,
    default="1d",
    metavar="DURATION",
    help="Report tokens that emnify refused within this time. 0 does not look. Default: 1d.",
)
@click.option(
    "--fail", "fails", is_flag=True, help=f"Exit with code {FOUND} if there are findings."
)
@click.option(
    "--ignore",
    multiple=True,
    type=click.Choice(_FINDINGS),
    metavar="FINDING",
    help="Omit this finding (repeatable): " + ", ".join(_FINDINGS) + ".",
)
@click.pass_context
def audit(
    ctx: click.Context,
    expires_within: float,
    older_than: float,
    refused_within: float,
    fails: bool,
    ignore: tuple[str, ...],
) -> None:
    """List the application tokens with the risks found for each.

    \b
    own                     this command signs in with it
    revoked, expired        it no longer works
    orphan                  an unfinished rotation created it
    expires_soon            it expires within --expires-within
    no_expiry               it never expires
    no_address_restriction  it may be used from any address
    old                     it is older than --older-than
    unreadable_expiry       its expiry date has an unknown format; check it
    refused_lately          emnify refused it, or one of the same description,
                            within --refused-within: see `tokens failures`
    other                   a finding that this version does not know

    Nothing is changed. Times are in UTC. --fail ignores own, revoked and expired.
    """  # noqa: D301 - \b tells click to keep the line breaks
    settings = ctx.ensure_object(Settings)
    with open_client(settings) as client:
        audited = client.application_tokens.audit(
            expires_within=datetime.timedelta(seconds=expires_within),
            older_than=datetime.timedelta(seconds=older_than),
            refused_within=datetime.timedelta(seconds=refused_within),
        )
    ignored = frozenset(ignore)
    found = [(row, _reported(row, ignored)) for row in audited]
    if settings.prints_json:
        print_json(
            settings, [{**as_json(row.token), "findings": list(names)} for row, names in found]
        )
    else:
        rows(
            settings,
            ("ID", "DESCRIPTION", "STATUS", "EXPIRES", "FINDINGS"),
            ([*token_cells(row.token), _cell(names)] for row, names in found),
        )
    if fails and any(_HARMLESS.isdisjoint({name}) for _, names in found for name in names):
        ctx.exit(FOUND)


def _reported(row: AuditedToken, ignored: frozenset[str]) -> list[str]:
    return sorted(row.findings - ignored, key=lambda name: (name != "own", name))


def _cell(findings: list[str]) -> Cell:
    text = " ".join(findings) or "-"
    if not _HARMLESS.issuperset(findings):
        worst = [_STYLES[name] for name in findings if name in _STYLES]
        return (text, "red" if "red" in worst else worst[0] if worst else "")
    return (text, "dim")
