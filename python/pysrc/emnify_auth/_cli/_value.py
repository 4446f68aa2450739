"""`tokens inspect`: shows what a value says about itself, such as one that was found in public."""

import getpass
import sys
from pathlib import Path

import click

from .. import ApplicationTokens, TokenClaims
from ._failure import fail
from ._output import facts, print_json
from ._settings import Command, Settings, complete_file
from ._text import date, iso

__all__ = ["inspect", "read_value", "value_file"]

_settings = click.make_pass_decorator(Settings, ensure=True)

# As much as an application token can be.
_LONGEST = 8192

value_file = click.option(
    "--value-file",
    metavar="FILE",
    help="The file with the value, or - for standard input; at a terminal the command asks for it.",
    shell_complete=complete_file,
)


@click.command(cls=Command)
@value_file
@_settings
def inspect(settings: Settings, value_file: str | None) -> None:
    """Show what the value of an application token says about itself.

    Nothing is sent, and the value is not printed. Nothing of it is verified:
    anyone can write such a text. `tokens revoke --value-file` asks emnify.
    """
    claims = ApplicationTokens.inspect(read_value(value_file or "-"))
    if settings.prints_json:
        print_json(settings, claims and _as_json(claims))
    elif claims is None:
        click.echo("The value is opaque: it says nothing about itself.")
    else:
        facts(
            settings,
            [
                ("Kind", "auth token" if claims.is_auth_token else "application token"),
                ("Application token", str(claims.id or "-")),
                ("Workspace", str(claims.organisation_id or "-")),
                ("Created", date(claims.issued_at, zone=True) if claims.issued_at else "-"),
                ("Expires", date(claims.expires_at, zone=True) if claims.expires_at else "never"),
            ],
        )


def _as_json(claims: TokenClaims) -> dict[str, object]:
    return {
        **claims.to_dict(),
        "issued_at": iso(claims.issued_at),
        "expires_at": iso(claims.expires_at),
    }


def read_value(file: str) -> str:
    """Return the value of a token from a file or from standard input."""
    where = "standard input" if file == "-" else file
    try:
        if file != "-":
            with Path(file).open("rb") as source:
                data = source.read(_LONGEST + 1)
        elif sys.stdin.isatty():
            data = getpass.getpass("Value of the token: ").encode()
        else:
            data = sys.stdin.buffer.read(_LONGEST + 1)
        value = data.decode().strip()
    except OSError as error:
        fail(f"--value-file: cannot read {where}: {error.strerror}", 2)
    except UnicodeDecodeError:
        fail(f"--value-file: {where} is not UTF-8", 2)
    if not value:
        fail(f"--value-file: {where} is empty", 2)
    return value
