"""What is said when something goes wrong, and the exit code that says it to a script."""

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

__all__ = ["EXIT_CODES", "FOUND", "ended_by", "fail", "silence", "warn"]

EXIT_CODES = (
    (0, "it worked"),
    (1, "anything that is not in this list"),
    (2, "wrong usage: found here, or by emnify (HTTP 400, 422)"),
    (3, "not signed in: credentials refused, one-time code missing, account locked"),
    (4, "there is no such thing (HTTP 404)"),
    (5, "not allowed (HTTP 403)"),
    (6, "no connection, a certificate that is not trusted, or a timeout"),
    (7, "too many calls (HTTP 429)"),
    (8, "emnify failed (HTTP 5xx)"),
    (9, "a file or the store could not be written"),
    (10, "a rotation stopped; the same command goes on with it"),
    (11, "tokens audit --fail: there are findings"),
    (130, "Ctrl-C"),
    (141, "nobody reads standard output any more"),
)
FOUND = 11

# Those that pass by themselves, and say when.
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

# Arguments of the library that are options here: words that can be nothing else, and others where
# they are what was refused.
_OPTION = re.compile(
    r"\b(application_token_file|base_url|ca_bundle|expiry_date)\b"
    r"|^(store|timeout|description|ip)(?=: )"
)


class _Failure(Exception):  # noqa: N818
    """Ends the command with a message and an exit code."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


def fail(message: str, code: int) -> NoReturn:
    """End the command with a message and an exit code."""
    raise _Failure(message, code)


def warn(message: str) -> None:
    """Tell something beside the result."""
    click.echo(f"emnify-auth: {clean(message)}", err=True)


def _settings() -> Settings:
    context = click.get_current_context(silent=True)
    found = context.find_object(Settings) if context is not None else None
    return found or Settings()


def _message(error: EmnifyError) -> str:
    text = str(error)
    if isinstance(error, MfaRequiredError):
        return "cannot sign in: a one-time code is due, and none was given"
    if text.startswith("application_token: is missing"):
        return (
            "there is no credential: set EMNIFY_APPLICATION_TOKEN or "
            "EMNIFY_APPLICATION_TOKEN_FILE, or use --application-token-file or --user"
        )
    return _OPTION.sub(lambda found: "--" + found[0].replace("_", "-"), text)


def _advice(error: EmnifyError) -> str | None:
    """Say what to do, where the message does not."""
    if isinstance(error, RotationError):
        return (
            "Run the same command again: the rotation goes on from there. The application token "
            "in the file works."
        )
    if isinstance(error, MfaRequiredError):
        return "Run this at a terminal, which asks for the code, or use an application token."
    if isinstance(error, _LATER) and error.retry_after is not None and error.retry_after >= 1:
        return f"Try again in {duration(error.retry_after)}."
    if error.is_retryable:
        return "Trying again later may help."
    return None


def ended_by(error: BaseException) -> int | None:
    """Report what ended the command; return its exit code, or None if it is not for us."""
    if isinstance(error, (KeyboardInterrupt, click.Abort)):
        _report("interrupted", None, 130, None)
        return 130
    if isinstance(error, _Failure):
        _report(str(error), None, error.code, None)
        return error.code
    if isinstance(error, EmnifyError):
        code = next((code for kind, code in _CODES if isinstance(error, kind)), 1)
        _report(_message(error), _advice(error), code, error)
        return code
    if isinstance(error, BrokenPipeError):
        silence()
        return 141
    return None


def silence() -> None:
    """Let what is still to be written on standard output go nowhere: nobody reads it any more."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _report(message: str, advice: str | None, code: int, error: EmnifyError | None) -> None:
    settings = _settings()
    if settings.json_output:
        said = {
            "kind": type(error).__name__ if error is not None else None,
            "message": message,
            "advice": advice,
            "http_status": error.http_status if error is not None else None,
            "retry_after": error.retry_after if error is not None else None,
            "state": error.state if isinstance(error, RotationError) else None,
            "exit_code": code,
        }
        click.echo(json.dumps({"error": said}), err=True)
        return
    if sys.stderr.isatty() and code == 130:
        # After the terminal's ^C.
        click.echo(err=True)
    for line in message.split("\n"):
        warn(line)
    if advice is not None:
        click.echo(advice, err=True)
