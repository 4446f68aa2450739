"""`tokens`: the list of application tokens, and small changes to it."""

import sys

import click

from .. import AuditedToken
from ._failure import fail
from ._output import as_json, print_json, rows, token_cells
from ._session import open_client
from ._settings import Command, Group, Settings
from ._text import clean

__all__ = ["tokens"]

_settings = click.make_pass_decorator(Settings, ensure=True)


@click.group(cls=Group)
def tokens() -> None:
    """Look after the application tokens of the workspace."""


@tokens.command("list", cls=Command)
@_settings
def list_(settings: Settings) -> None:
    """List all application tokens, expired and revoked ones too."""
    with open_client(settings) as client:
        found = client.application_tokens.list()
    if settings.json_output:
        print_json([as_json(token) for token in found])
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
@click.argument("id", type=click.IntRange(min=1))
@click.option("--description", required=True, help="The new one.")
@_settings
def update(settings: Settings, id: int, description: str) -> None:
    """Change the description of the application token ID."""
    with open_client(settings) as client:
        client.application_tokens.update(id, description=description)
    if settings.json_output:
        print_json({"id": id, "description": description})
    else:
        click.echo(f"Application token {id} is now described as: {clean(description)}")


@tokens.command(cls=Command)
@click.argument("ids", metavar="ID...", type=click.IntRange(min=1), nargs=-1, required=True)
@click.option("-y", "--yes", is_flag=True, help="Do not ask, and revoke even the own one.")
@_settings
def revoke(settings: Settings, ids: tuple[int, ...], yes: bool) -> None:
    """Revoke the application tokens ID... for good.

    At a terminal you are asked first. The one that this command signs in with
    is revoked only after a question or with --yes.
    """
    with open_client(settings) as client:
        if not yes:
            _confirm({row.token.id: row for row in client.application_tokens.audit()}, ids)
        for id in ids:
            client.application_tokens.revoke(id)
            if not settings.json_output:
                click.echo(f"Revoked application token {id}.")
    if settings.json_output:
        print_json({"revoked": ids})


def _confirm(known: dict[int, AuditedToken], ids: tuple[int, ...]) -> None:
    own = [id for id in ids if id in known and "own" in known[id].findings]
    if not sys.stdin.isatty():
        if own:
            fail(
                f"application token {own[0]} is the one that this command signs in with; nothing "
                "was revoked. To revoke it say --yes",
                2,
            )
        return
    for id in ids:
        row = known.get(id)
        description = (row.token.description if row is not None else None) or "without description"
        self = ", which this command signs in with" if id in own else ""
        click.echo(f"  {id}  {clean(description)}{self}", err=True)
    if not click.confirm("Revoke for good?", err=True):
        fail("nothing was revoked", 1)
