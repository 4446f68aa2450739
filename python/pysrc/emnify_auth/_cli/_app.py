"""The command with its subcommands, and its exit code."""

import io
import sys

import click

from .. import __version__
from . import _audit, _create, _request, _rotate, _signed_in, _tokens
from ._failure import EXIT_CODES, report
from ._settings import Group

__all__ = ["run"]

_EPILOG = """\b
Credentials, the first that is set:
  --application-token-file or --user
  EMNIFY_APPLICATION_TOKEN        the application token
  EMNIFY_APPLICATION_TOKEN_FILE   the path of a file that contains it
  EMNIFY_USERNAME, EMNIFY_PASSWORD
Other environment variables that are read: EMNIFY_BASE_PATH, HTTPS_PROXY,
SSL_CERT_FILE, NO_COLOR and those that the README lists. No option takes a
secret, because every user of this machine can see the arguments.

\b
Exit codes:
""" + "".join(f"  {code:<4}{meaning}\n" for code, meaning in EXIT_CODES)


class _Root(Group):
    """The top-level command. It turns any exception of a subcommand into a message and an exit
    code."""

    lists_common = True

    def invoke(self, ctx: click.Context) -> object:
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
        except (Exception, KeyboardInterrupt) as error:
            code = report(error)
            if code is None:
                raise
            ctx.exit(code)
        return result


@click.group(cls=_Root, epilog=_EPILOG)
@click.version_option(__version__, prog_name="emnify-auth")
def _root() -> None:
    """Sign in to emnify, manage application tokens, and call the API.

    Results go to standard output: as tables on a terminal, as tab-separated
    lines elsewhere, and as JSON with --json. Errors and notes go to standard
    error. The options below may also follow the command.
    """


_root.add_command(_signed_in.status)
_root.add_command(_signed_in.token)
_root.add_command(_tokens.tokens)
_tokens.tokens.add_command(_create.create)
_tokens.tokens.add_command(_rotate.rotate)
_tokens.tokens.add_command(_audit.audit)
_root.add_command(_request.request)


def run() -> int:
    """Run the command with the arguments of this process, and return its exit code."""
    if sys.stdout is None:
        # Python sets it to None if the descriptor is closed. A new secret would be lost.
        sys.stderr.write("emnify-auth: standard output is closed\n")
        return 9
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # Print an escape such as \u20ac if the terminal's encoding lacks a character.
            stream.reconfigure(errors="backslashreplace")
    try:
        _root.main(prog_name="emnify-auth")
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else 1
    return 0
