"""`status` and `token`: sign in, and print the session or the auth token."""

import sys
from typing import Any

import click

from .. import ApplicationToken, AuthToken, Client, ForbiddenError
from ._failure import warn
from ._output import Cell, as_json, expiry, facts, print_json
from ._session import authenticate, open_client, person
from ._settings import Command, Settings
from ._text import date, duration, iso
from ._values import DURATION

__all__ = ["status", "token"]

_settings = click.make_pass_decorator(Settings, ensure=True)


def _seconds_left(client: Client) -> float | None:
    """Return how long the auth token is still valid, measured by this machine's clock."""
    until = client.status().valid_until
    if until is None:
        return None
    import datetime

    return (until - datetime.datetime.now(datetime.timezone.utc)).total_seconds()


@click.command(cls=Command)
@_settings
def status(settings: Settings) -> None:
    """Sign in, and show who is signed in and for how long."""
    with open_client(settings) as client:
        auth_token = client.authenticate()
        made = client.status().calls_made
        known = True
        own: ApplicationToken | None = None
        try:
            own = client.application_tokens.own()
        except ForbiddenError:
            # An application token without the right to read the list can still sign in.
            known = False
        left = _seconds_left(client)
    if settings.prints_json:
        print_json(settings, _status_json(settings, auth_token, own, made))
        return
    facts(
        settings,
        [
            ("Workspace", str(auth_token.organisation_id or "-")),
            ("Application token", _own(settings, own, known)),
            ("Auth token", _auth_token(auth_token, left)),
            ("Store", _store(settings, made)),
        ],
    )


def _own(settings: Settings, own: ApplicationToken | None, known: bool) -> Cell:
    if own is not None:
        when = expiry(own, zone=True)
        text, style = (when, "") if isinstance(when, str) else when
        ends = f"expires {text}" if own.expiry_date else "never expires"
        return (f"{own.id} ({own.description or 'without description'}), {ends}", style)
    user = person(settings)
    if user:
        return f"none, signed in as {user}"
    return "unknown" if known else "unknown: no right to read the list of application tokens"


def _auth_token(auth_token: AuthToken, left: float | None) -> str:
    remaining = f" (in {duration(left)})" if left is not None else ""
    return f"expires {date(auth_token.expires_at, zone=True)}{remaining}"


def _store(settings: Settings, calls_made: int) -> Cell:
    if settings.store_location is None:
        return ("none, each command signs in", "dim")
    how = "used the stored session" if calls_made == 0 else "signed in"
    return f"{_shown_store(settings)} ({how})"


def _shown_store(settings: Settings) -> str | None:
    """Return the store without the password that the variable may contain."""
    location = settings.store_location
    scheme, found, rest = (location or "").rpartition("@")
    return f"{scheme.partition('://')[0]}://…@{rest}" if found and "://" in scheme else location


def _status_json(
    settings: Settings, auth_token: AuthToken, own: ApplicationToken | None, made: int
) -> dict[str, Any]:
    return {
        "workspace": auth_token.organisation_id,
        "application_token": as_json(own) if own is not None else None,
        "auth_token_expires_at": iso(auth_token.expires_at),
        "store": _shown_store(settings),
        "signed_in_anew": made > 0,
    }


@click.command(cls=Command)
@click.option("--header", is_flag=True, help='Print "Authorization: Bearer …", for curl --header.')
@click.option(
    "--valid-for",
    type=DURATION,
    metavar="DURATION",
    help="Sign in if the stored one is valid for less than this: 90 (seconds), 15m or 2h.",
)
@_settings
def token(settings: Settings, header: bool, valid_for: float | None) -> None:
    """Print an auth token, for use in other programs.

    An auth token is a secret. With --store, the command prints the stored one
    and signs in only when that is due for renewal.
    """
    with open_client(settings) as client:
        auth_token = authenticate(client, valid_for)
        left = _seconds_left(client)
    text = f"Authorization: Bearer {auth_token.reveal()}" if header else auth_token.reveal()
    if settings.prints_json:
        name = "header" if header else "auth_token"
        print_json(settings, {name: text, "expires_at": iso(auth_token.expires_at)})
    else:
        click.echo(text)
    if sys.stdout.isatty():
        span = f" for {duration(left)}" if left is not None else ""
        warn(f"this is a secret: anyone who has it can call the API as you{span}")
