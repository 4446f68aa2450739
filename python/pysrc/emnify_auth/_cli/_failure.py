"""Error messages, and the exit code for each error."""

import json
import os
import re
import sys
from typing import NoReturn

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

__all__ = ["EXIT_CODES", "FOUND", "fail", "report", "silence", "warn"]

EXIT_CODES = (
    (0, "success"),
    (1, "any other error"),
    (2, "wrong usage, or a value that is invalid here or for emnify (HTTP 400, 422)"),
    (3, "sign-in failed: credentials refused, one-time code missing, or account locked"),
    (4, "not found (HTTP 404)"),
    (5, "not allowed (HTTP 403)"),
    (6, "no connection, an untrusted certificate, or a timeout"),
    (7, "too many requests (HTTP 429)"),
    (8, "emnify failed (HTTP 5xx)"),
    (9, "a file or the store could not be written"),
    (10, "a rotation stopped; run the same command again to continue it"),
    (11, "tokens audit --fail: there are findings"),
    (130, "interrupted, for example with Ctrl-C"),
    (141, "the program that reads standard output has closed it"),
)
FOUND = 11

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
    r"\b(application_token_file|base_url|ca_bundle|expiry_date|keep_old)\b"
    r"|^(store|timeout|description|ip)(?=: )"
)


class _Failure(Exception):  # noqa: N818
    """A message and an exit code that end the command."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


def fail(message: str, code: int) -> NoReturn:
    """End the command with a message and an exit code."""
    raise _Failure(message, code)


def warn(message: str) -> None:
    """Print a message on standard error."""
    click.echo(f"emnify-auth: {clean(message)}", err=True)


def _settings() -> Settings:
    context = click.get_current_context(silent=True)
    found = context.find_object(Settings) if context is not None else None
    return found or Settings()


def _message(error: EmnifyError) -> str:
    text = str(error)
    if isinstance(error, MfaRequiredError):
        return "cannot sign in: emnify asks for a one-time code, and none was given"
    if text.startswith("application_token: is missing"):
        return (
            "no credentials: set EMNIFY_APPLICATION_TOKEN or EMNIFY_APPLICATION_TOKEN_FILE, "
            "or pass --application-token-file or --user"
        )
    return _OPTION.sub(lambda found: "--" + found[0].replace("_", "-"), text)


def _advice(error: EmnifyError) -> str | None:
    """Return what to do next, unless the message contains it."""
    if isinstance(error, RotationError):
        return (
            "Run the same command again to continue the rotation. The application token in the "
            "file still works."
        )
    if isinstance(error, MfaRequiredError):
        return "Run the command at a terminal to enter the code, or use an application token."
    if isinstance(error, _LATER) and error.retry_after is not None and error.retry_after >= 1:
        return f"Try again in {duration(error.retry_after)}."
    if error.is_retryable:
        return "This may be temporary; try again later."
    return None


def report(error: BaseException) -> int | None:
    """Print the error that ended the command and return the exit code, or None if click handles
    the error."""
    if isinstance(error, (KeyboardInterrupt, click.Abort)):
        _print("interrupted", None, 130, None)
        return 130
    if isinstance(error, _Failure):
        _print(str(error), None, error.code, None)
        return error.code
    if isinstance(error, EmnifyError):
        code = next((code for kind, code in _CODES if isinstance(error, kind)), 1)
        _print(_message(error), _advice(error), code, error)
        return code
    if isinstance(error, BrokenPipeError):
        silence()
        return 141
    return None


def silence() -> None:
    """Redirect standard output to /dev/null, so that flushing its buffer at exit cannot fail."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _print(message: str, advice: str | None, code: int, error: EmnifyError | None) -> None:
    settings = _settings()
    if settings.json_output:
        fields = {
            "kind": type(error).__name__ if error is not None else None,
            "message": message,
            "advice": advice,
            "http_status": error.http_status if error is not None else None,
            "retry_after": error.retry_after if error is not None else None,
            "state": error.state if isinstance(error, RotationError) else None,
            "exit_code": code,
        }
        click.echo(json.dumps({"error": fields}), err=True)
        return
    if sys.stderr.isatty() and code == 130:
        # The terminal has just echoed ^C.
        click.echo(err=True)
    for line in message.split("\n"):
        warn(line)
    if advice is not None:
        click.echo(advice, err=True)
