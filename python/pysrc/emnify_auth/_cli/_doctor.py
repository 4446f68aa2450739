"""`doctor`: checks what this machine needs to stay signed in."""

import dataclasses

import click

from .. import Check, InvalidInputError
from ._failure import (
    CRITICAL,
    ENTER_CODE,
    NO_CODE,
    NO_CREDENTIALS,
    SET_CREDENTIALS,
    WARNING,
    as_options,
    lacks_credentials,
)
from ._output import Cell, print_json, rows
from ._session import open_client
from ._settings import Command, Settings

__all__ = ["doctor"]

_STYLES = {"ok": "green", "warning": "yellow", "failed": "red", "skipped": "dim"}


@click.command(cls=Command)
@click.option(
    "--check-rights",
    is_flag=True,
    help="Also check the right to revoke application tokens. This writes to emnify: it sets the "
    "description of the application token to what it is.",
)
@click.pass_context
def doctor(ctx: click.Context, check_rights: bool) -> None:
    """Check what this machine needs to stay signed in.

    Prints one line for each check: the result, what was tried, what was found,
    and what to do. It signs in, unless a stored auth token is valid, and reads
    the list of application tokens. All checks together take at most --timeout.

    The exit codes are those of monitoring plugins: 0 if all is well, 1 if
    something needs attention, 2 if something does not work.
    """
    settings = ctx.ensure_object(Settings)
    checks = _checks(settings, check_rights)
    if settings.prints_json:
        print_json(settings, [check.to_dict() for check in checks])
    else:
        found: list[list[Cell]] = [
            [
                (check.verdict, _STYLES[check.verdict]),
                check.subject,
                f"{check.tried}: {as_options(check.found)}" + _advice(check),
            ]
            for check in checks
        ]
        rows(settings, ("VERDICT", "CHECK", "FOUND"), found)
    verdicts = {check.verdict for check in checks}
    ctx.exit(CRITICAL if "failed" in verdicts else WARNING if "warning" in verdicts else 0)


def _checks(settings: Settings, check_rights: bool) -> list[Check]:
    # An event would only repeat a line of the result.
    try:
        with open_client(settings, is_quiet=True) as client:
            return [_with_code(check) for check in client.check(rights=check_rights)]
    except InvalidInputError as error:
        if not lacks_credentials(error):
            raise
    # The other checks do not need a credential.
    with open_client(settings, is_quiet=True, application_token_source=_no_token) as client:
        return [
            dataclasses.replace(check, found=NO_CREDENTIALS, advice=SET_CREDENTIALS)
            if check.subject == "credential"
            else check
            for check in client.check(rights=check_rights)
        ]


def _with_code(check: Check) -> Check:
    """Replace what only a program can do by what a person can do."""
    if check.subject != "credential" or "a one-time code is required" not in check.found:
        return check
    return dataclasses.replace(check, found=NO_CODE, advice=ENTER_CODE)


def _no_token() -> str:
    raise LookupError


def _advice(check: Check) -> str:
    return f"; {as_options(check.advice)}" if check.advice else ""
