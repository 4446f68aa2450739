"""`tokens`: lists, renames and revokes application tokens."""

import sys

import click

from .. import AuditedToken
from ._failure import fail
from ._output import as_json, print_json, rows, token_cells
from ._session import open_client
from ._settings import Command, Group, Settings
from ._text import clean
from ._value import read_value, value_file
from ._values import TOKEN_ID

__all__ = ["tokens"]

_settings = click.make_pass_decorator(Settings, ensure=True)


@click.group(cls=Group)
def tokens() -> None:
    """Manage the application tokens of the workspace."""


@tokens.command("list", cls=Command)
@_settings
def list_(settings: Settings) -> None:
    """List all application tokens, including expired and revoked ones.

    Times are in UTC.
    """
    with open_client(settings) as client:
        found = client.application_tokens.list()
    if settings.prints_json:
        print_json(settings, [as_json(token) for token in found])
        return
    rows(
        settings,
        ("ID", "DESCRIPTION", "STATUS", "EXPIRES", "ADDRESS", "CREATED", "BY"),
        (
            [
                *token_cells(token),
                token.ip or "any",
                f"{token.created_at:%Y-%m-%d}" if token.created_at else "-",
                token.creator or "-",
            ]
            for token in found
        ),
    )


@tokens.command(cls=Command)
@click.argument("id", type=TOKEN_ID)
@click.option("--description", required=True, help="The new description.")
@_settings
def update(settings: Settings, id: int, description: str) -> None:
    """Change the description of the application token ID."""
    with open_client(settings) as client:
        client.application_tokens.update(id, description=description)
    if settings.prints_json:
        print_json(settings, {"id": id, "description": description})
    elif description:
        click.echo(f"The description of application token {id} is now: {clean(description)}")
    else:
        click.echo(f"Application token {id} has no description now.")


@tokens.command(cls=Command)
@click.argument("ids", metavar="ID...", type=TOKEN_ID, nargs=-1)
@value_file
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@_settings
def revoke(settings: Settings, ids: tuple[int, ...], value_file: str | None, yes: bool) -> None:
    """Permanently revoke application tokens, by ID or by value.

    At a terminal the command asks first. Without a terminal, it revokes the
    application token that it signs in with only if --yes is given.

    --value-file is for a value that was found in public. The command signs in
    with it once, to find out which application token it is.
    """
    if bool(ids) == (value_file is not None):
        raise click.UsageError("pass either ID... or --value-file")
    value = read_value(value_file) if value_file is not None else None
    with open_client(settings) as client:
        if value is not None:
            ids = (client.application_tokens.identify(value).token.id,)
        if not yes:
            audited = client.application_tokens.audit(refused_within=0)
            _confirm({row.token.id: row for row in audited}, ids)
        for id in ids:
            client.application_tokens.revoke(id)
            if not settings.prints_json:
                click.echo(f"Revoked application token {id}.")
    if settings.prints_json:
        print_json(settings, {"revoked": ids})


def _confirm(known: dict[int, AuditedToken], ids: tuple[int, ...]) -> None:
    own = [id for id in ids if id in known and "own" in known[id].findings]
    if not sys.stdin.isatty():
        if own:
            fail(
                f"this command signs in with application token {own[0]}; nothing was revoked. "
                "Pass --yes to revoke it",
                2,
            )
        return
    for id in ids:
        row = known.get(id)
        description = (row.token.description if row is not None else None) or "without description"
        self = " (this command signs in with it)" if id in own else ""
        click.echo(f"  {id}  {clean(description)}{self}", err=True)
    if not click.confirm("Revoke permanently?", err=True):
        fail("nothing was revoked", 1)
