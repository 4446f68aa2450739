"""Error messages, and the exit code for each error."""

import contextlib
import itertools
import json
import re
import sys
from typing import Any, NoReturn

import click

from .. import (
    AccountLockedError,
    AuthenticationError,
    EmnifyError,
    ForbiddenError,
    InvalidInputError,
    MfaRequiredError,
    NetworkError,
    NotFoundError,
    RateLimitedError,
    RequestTimeoutError,
    ResourceError,
    RotationError,
    ServerError,
    StoreError,
    ValidationError,
)
from ._settings import Settings
from ._text import clean, duration

__all__ = [
    "CRITICAL", "ENTER_CODE", "EXIT_CODES", "FOUND", "NO_CODE", "NO_CREDENTIALS", "SET_CREDENTIALS",
    "WARNING", "as_options", "fail", "lacks_credentials", "report", "warn",
]  # fmt: skip

EXIT_CODES = (
    (0, "success"),
    (1, "any other error; doctor: something needs attention"),
    (2, "wrong usage or an invalid value; doctor: a check failed"),
    (3, "sign-in failed: credentials refused, one-time code missing, or account locked"),
    (4, "not found (HTTP 404)"),
    (5, "not allowed (HTTP 403)"),
    (6, "no connection, an untrusted certificate, or a timeout"),
    (7, "too many requests (HTTP 429)"),
    (8, "emnify failed (HTTP 5xx)"),
    (9, "standard output, a file or the store could not be written"),
    (10, "a rotation stopped; run the same command again to continue it"),
    (11, "tokens audit --fail: there are findings"),
    (126, "exec: the program cannot be run"),
    (127, "exec: there is no such program"),
    (130, "interrupted, for example with Ctrl-C"),
    (141, "the program that reads standard output has closed it"),
)
FOUND = 11
# Those of doctor, as monitoring plugins use them.
WARNING, CRITICAL = 1, 2

# Temporary errors that carry the time until the next attempt.
_LATER = (AccountLockedError, RateLimitedError, ServerError)

_CODES: tuple[tuple[type[EmnifyError], int], ...] = (
    (InvalidInputError, 2),
    (ValidationError, 2),
    (AuthenticationError, 3),
    (NotFoundError, 4),
    (ForbiddenError, 5),
    (NetworkError, 6),
    (ResourceError, 6),
    (RequestTimeoutError, 6),
    (RateLimitedError, 7),
    (ServerError, 8),
    (StoreError, 9),
    (RotationError, 10),
)

# The library's arguments that are options here. The unmistakable ones are replaced anywhere in a
# message, the others only at its beginning, where it names the invalid argument.
_OPTION = re.compile(
    r"\b(application_token_file|base_url|ca_bundle|expiry_date|keep_old|valid_for)\b"
    r"|^(store|timeout|retries|description|ip)(?=: )"
)


NO_CREDENTIALS = "no credentials"
SET_CREDENTIALS = (
    "set EMNIFY_APPLICATION_TOKEN or EMNIFY_APPLICATION_TOKEN_FILE, or pass "
    "--application-token-file or --user"
)
NO_CODE = "emnify asks for a one-time code, and none was given"
ENTER_CODE = "run the command at a terminal to enter the code, or use an application token"


class _Failure(Exception):  # noqa: N818
    """A message and an exit code that end the command."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


def fail(message: str, code: int) -> NoReturn:
    """End the command with a message and an exit code."""
    raise _Failure(message, code)


def warn(message: str) -> None:
    """Print a message on standard error. If that fails, there is nowhere to report it."""
    with contextlib.suppress(OSError):
        click.echo(f"emnify-auth: {clean(message)}", err=True)


def as_options(text: str) -> str:
    """Replace the library's arguments in a message by the options that set them."""
    return _OPTION.sub(lambda found: "--" + found[0].replace("_", "-"), text)


def lacks_credentials(error: EmnifyError) -> bool:
    """Whether neither an argument nor a variable says how to sign in."""
    return str(error).startswith("application_token: is missing")


def _message(error: EmnifyError) -> str:
    if isinstance(error, MfaRequiredError):
        return f"cannot sign in: {NO_CODE}"
    if lacks_credentials(error):
        return f"{NO_CREDENTIALS}: {SET_CREDENTIALS}"
    return as_options(str(error))


def _advice(error: EmnifyError) -> str | None:
    """Return what to do next, unless the message contains it."""
    if isinstance(error, RotationError):
        return "Run the same command again to continue the rotation. Keep the store until then."
    if isinstance(error, MfaRequiredError):
        return f"{ENTER_CODE.capitalize()}."
    if "; the next attempt is possible in " in str(error):
        return None
    if isinstance(error, _LATER) and error.retry_after is not None and error.retry_after >= 1:
        return f"Try again in {duration(error.retry_after)}."
    if error.is_retryable and "; try again later" not in str(error):
        return "This may be temporary; try again later."
    return None


def report(error: BaseException, settings: Settings) -> int | None:
    """Print the error that ended the command and return the exit code, or None for a bug."""
    message, advice, code, kind = str(error), None, 1, None
    fields: dict[str, Any] = {"http_status": None, "retry_after": None, "state": None}
    if isinstance(error, (KeyboardInterrupt, EOFError, click.Abort)):
        message, code = "interrupted", 130
    elif isinstance(error, _Failure):
        code = error.code
    elif isinstance(error, EmnifyError):
        message, advice, kind = _message(error), _advice(error), type(error).__name__
        code = next((code for kind, code in _CODES if isinstance(error, kind)), 1)
        fields = {name: getattr(error, name, None) for name in fields}
    elif isinstance(error, click.ClickException):
        return _report_usage(error, settings, fields)
    elif isinstance(error, BrokenPipeError):
        message, code = "the program that reads standard output has closed it", 141
    elif isinstance(error, OSError):
        where = error.filename or "standard output"
        message, code = f"cannot write to {where}: {error.strerror}", 9
    else:
        return None
    if settings.json_output:
        _print_json(kind, message, advice, fields, code)
        return code
    if sys.stderr.isatty() and code == 130:
        # The terminal has just echoed ^C.
        click.echo(err=True)
    for line in message.split("\n"):
        warn(line)
    if advice is not None:
        with contextlib.suppress(OSError):
            click.echo(advice, err=True)
    return code


def _report_usage(error: click.ClickException, settings: Settings, fields: dict[str, Any]) -> int:
    """Report wrong usage: as click does, or as JSON."""
    context = getattr(error, "ctx", None)
    # Wrong usage may come before the option was read. In `request` it is another option.
    words = itertools.takewhile(lambda word: word not in ("--", "request"), sys.argv[1:])
    if settings.json_output or "--json" in words:
        is_help = isinstance(error, getattr(click.exceptions, "NoArgsIsHelpError", ()))
        message = "Missing command." if is_help else error.format_message()
        advice = f"Run `{context.command_path} --help`." if context is not None else None
        _print_json("UsageError", message, advice, fields, error.exit_code)
    else:
        with contextlib.suppress(OSError):
            error.show()
    return error.exit_code


def _print_json(
    kind: str | None, message: str, advice: str | None, fields: dict[str, Any], code: int
) -> None:
    told = {"kind": kind, "message": message, "advice": advice, **fields, "exit_code": code}
    with contextlib.suppress(OSError):
        click.echo(json.dumps({"error": told}), err=True)
