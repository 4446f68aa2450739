"""The command with its subcommands, and its exit code."""

import contextlib
import io
import os
import sys
from typing import TextIO

import click
from click.shell_completion import shell_complete

from .. import __version__
from . import (
    _audit,
    _create,
    _doctor,
    _exec,
    _failures,
    _metrics,
    _request,
    _rotate,
    _signed_in,
    _tokens,
    _value,
)
from ._completion import COMPLETE, completion
from ._failure import EXIT_CODES, fail, report
from ._settings import Group, Settings

__all__ = ["run"]

_EPILOG = """\b
Credentials, the first that is set:
  --application-token-file or --user
  EMNIFY_APPLICATION_TOKEN        the application token
  EMNIFY_APPLICATION_TOKEN_FILE   the path of a file that contains it
  EMNIFY_USERNAME, EMNIFY_PASSWORD
Other environment variables that are read: EMNIFY_BASE_PATH, EMNIFY_STORE,
HTTPS_PROXY, SSL_CERT_FILE, NO_COLOR, FORCE_COLOR and those that the README
lists. No option takes a secret, because every user of this machine can see
the arguments.

\b
Exit codes:
""" + "".join(f"  {code:<4}{meaning}\n" for code, meaning in EXIT_CODES)


_NAME = "emnify-auth"


class _Root(Group):
    """The top-level command."""

    lists_common = True


@click.group(cls=_Root, epilog=_EPILOG)
@click.version_option(__version__, prog_name=_NAME)
def _root() -> None:
    """Sign in to emnify, manage application tokens, and call the API.

    Results go to standard output: as tables on a terminal, as tab-separated
    lines elsewhere, and as JSON with --json or --query. Errors and notes go to
    standard error. The options below may also follow the command.
    """


_root.add_command(_signed_in.status)
_root.add_command(_signed_in.token)
_root.add_command(_metrics.metrics)
_root.add_command(_doctor.doctor)
_root.add_command(_tokens.tokens)
_tokens.tokens.add_command(_create.create)
_tokens.tokens.add_command(_rotate.rotate)
_tokens.tokens.add_command(_audit.audit)
_tokens.tokens.add_command(_failures.failures)
_tokens.tokens.add_command(_value.inspect)
_root.add_command(_request.request)
_root.add_command(_exec.exec_)
_root.add_command(completion)


def run(has_output: bool) -> int:
    """Run the command with the arguments of this process, and return its exit code.

    has_output: whether standard output was open at the start. A new secret would be lost.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # Print an escape such as \u20ac if the terminal's encoding lacks a character.
            stream.reconfigure(errors="backslashreplace")
    settings = Settings()
    try:
        if not has_output:
            fail("standard output is closed", 9)
        code = _invoke(settings)
        sys.stdout.flush()
    except (Exception, KeyboardInterrupt) as error:
        found = report(error, settings)
        if found is None:
            raise
        code = found
    for stream in (sys.stdout, sys.stderr):
        _end(stream)
    return code


def _invoke(settings: Settings) -> int:
    # Not click's main(), which handles some errors itself.
    instruction = os.environ.get(COMPLETE)
    if instruction:
        return shell_complete(_root, {}, _NAME, COMPLETE, instruction)
    try:
        with _root.make_context(_NAME, sys.argv[1:], obj=settings) as context:
            _root.invoke(context)
    except click.exceptions.Exit as ended:
        return ended.exit_code
    return 0


def _end(stream: TextIO) -> None:
    """Write what is left in the buffer. If that fails, discard it, so that Python's own attempt at
    exit does not fail."""
    try:
        stream.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        with contextlib.suppress(OSError):
            stream.flush()
