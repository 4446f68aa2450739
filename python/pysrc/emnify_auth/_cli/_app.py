"""The command and its parts, and how it ends."""

import io
import sys

import click

from .. import __version__
from . import _audit, _create, _request, _rotate, _signed_in, _tokens
from ._failure import EXIT_CODES, ended_by
from ._settings import Group

__all__ = ["run"]

_EPILOG = """\b
Credentials, the first that is there:
  --application-token-file, --user
  EMNIFY_APPLICATION_TOKEN        the application token
  EMNIFY_APPLICATION_TOKEN_FILE   a file that holds it
  EMNIFY_USERNAME, EMNIFY_PASSWORD
Other settings are read as by the library: EMNIFY_BASE_PATH, HTTPS_PROXY,
SSL_CERT_FILE, NO_COLOR and so on. No secret is taken as an argument, which
everybody on the machine could see.

\b
Exit codes:
""" + "".join(f"  {code:<4}{meaning}\n" for code, meaning in EXIT_CODES)


class _Root(Group):
    """All commands. Whatever ends one of them gets its message and its exit code here."""

    lists_common = True

    def invoke(self, ctx: click.Context) -> object:
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
        except (Exception, KeyboardInterrupt) as error:
            code = ended_by(error)
            if code is None:
                raise
            ctx.exit(code)
        return result


@click.group(cls=_Root, epilog=_EPILOG)
@click.version_option(__version__, prog_name="emnify-auth")
def _root() -> None:
    """Sign in to emnify, look after application tokens, and call the API.

    Results go to standard output, as tables on a terminal, as lines with tabs
    elsewhere and as JSON with --json; everything else goes to standard error.
    The options here may also follow the command.
    """


_root.add_command(_signed_in.status)
_root.add_command(_signed_in.token)
_root.add_command(_tokens.tokens)
_tokens.tokens.add_command(_create.create)
_tokens.tokens.add_command(_rotate.rotate)
_tokens.tokens.add_command(_audit.audit)
_root.add_command(_request.request)


def run() -> int:
    """Run the command that this process was started with, and return its exit code."""
    if sys.stdout is None:
        # Somebody closed it: what is written would go nowhere, a new secret too.
        sys.stderr.write("emnify-auth: standard output is closed\n")
        return 9
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A terminal that cannot show a letter gets its number.
            stream.reconfigure(errors="backslashreplace")
    try:
        _root.main(prog_name="emnify-auth")
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else 1
    return 0
