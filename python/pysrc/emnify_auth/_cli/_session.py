"""Creates the client of a command, and asks for the password and the one-time code."""

import getpass
import os
import sys
from collections.abc import Callable
from pathlib import Path

import click

from .. import AuthToken, Client, ClientSettings, Event
from ._failure import fail, warn
from ._settings import Settings

__all__ = ["authenticate", "open_client", "person"]

# Events about what the command was asked to do, which the user must know.
_TOLD = frozenset(
    {
        # The library works without its store, but here the user passed --store.
        "store_error",
        "created_without_expiry",
        "created_without_address_restriction",
        "audit_incomplete",
    }
)

# As much as the library reads from a file.
_LONGEST_FILE = 64 * 1024
# The terminal, even if standard input and output are redirected.
_KEYBOARD, _SCREEN = ("CONIN$", "CONOUT$") if sys.platform == "win32" else ("/dev/tty", "/dev/tty")


def open_client(
    settings: Settings,
    *,
    is_quiet: bool = False,
    application_token_source: Callable[[], str] | None = None,
) -> Client:
    """Create a client from the options and the environment. It sends nothing yet.

    is_quiet: whether to print no event, except with --verbose.
    application_token_source: where the application token comes from, if nothing else says so.
    """
    if settings.user and settings.application_token_file:
        raise click.UsageError("--user and --application-token-file are both given; pass only one")
    if settings.password_file and not settings.user:
        raise click.UsageError("--password-file needs --user")
    common: ClientSettings = {
        "base_url": settings.base_url,
        "ca_bundle": settings.ca_bundle,
        "store": settings.store,
        "timeout": settings.timeout,
        "retries": settings.retries,
        "on_event": _teller(settings, is_quiet),
    }
    user = person(settings)
    if user:
        mfa = _ask_for_code if _has_terminal() else None
        client = Client.from_user(user, _password(settings, user), mfa=mfa, **common)
        return client.switch_workspace(settings.workspace) if settings.workspace else client
    if settings.workspace:
        raise click.UsageError(
            "--workspace needs --user: an application token works in its own workspace only"
        )
    file = settings.application_token_file
    if file is not None and file.is_fifo():
        return Client(_token_in_pipe(file), **common)
    return Client(
        application_token_file=file, application_token_source=application_token_source, **common
    )


def authenticate(client: Client, valid_for: float | None) -> AuthToken:
    """Return an auth token that is valid now, or for this long."""
    return client.authenticate() if valid_for is None else client.authenticate_for(valid_for)


def _token_in_pipe(pipe: Path) -> str:
    """Return the application token from a pipe, such as the shell's <(command). The library reads a
    file at each sign-in, but a pipe can be read only once."""
    try:
        with pipe.open("rb") as source:
            token = source.read(_LONGEST_FILE).decode().strip()
    except OSError as error:
        fail(f"--application-token-file: cannot read {pipe}: {error.strerror}", 2)
    except UnicodeDecodeError:
        fail(f"--application-token-file: {pipe} is not UTF-8", 2)
    if not token:
        fail(f"--application-token-file: {pipe} was empty; did the command in it fail?", 2)
    return token


def person(settings: Settings) -> str | None:
    """Return the user to sign in as, or None for an application token.

    The library reads EMNIFY_USERNAME too, but has no way to ask for a one-time code.
    """
    if settings.user:
        return settings.user
    has_token = settings.application_token_file or any(
        os.environ.get(name)
        for name in ("EMNIFY_APPLICATION_TOKEN", "EMNIFY_APPLICATION_TOKEN_FILE")
    )
    return None if has_token else os.environ.get("EMNIFY_USERNAME")


def _teller(settings: Settings, is_quiet: bool) -> Callable[[Event], None]:
    told: set[str] = set()

    def print_event(event: Event) -> None:
        # Each use of a store that does not work is an event, with the same reason.
        is_news = event.kind in _TOLD and not (event.kind == "store_error" and event.kind in told)
        told.add(event.kind)
        if settings.verbose or (is_news and not is_quiet):
            warn(str(event))

    return print_event


def _password(settings: Settings, user: str) -> str:
    if settings.password_file is not None:
        return _password_in(settings.password_file)
    password = os.environ.get("EMNIFY_PASSWORD")
    if password:
        return password
    if not _has_terminal():
        fail(
            f"no password for {user}: set EMNIFY_PASSWORD, pass --password-file, or run the "
            "command at a terminal",
            2,
        )
    return getpass.getpass(f"Password of {user}: ")


def _password_in(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8").rstrip("\r\n")
    except OSError as error:
        fail(f"--password-file: cannot read {file}: {error.strerror}", 2)
    except UnicodeDecodeError:
        fail(f"--password-file: {file} is not UTF-8", 2)


def _has_terminal() -> bool:
    try:
        os.close(os.open(_KEYBOARD, os.O_RDWR | getattr(os, "O_NOCTTY", 0)))
    except OSError:
        return False
    return True


def _ask_for_code() -> str | None:
    """Ask for the code at the terminal, even if standard input and output are redirected. Returns
    None without a terminal."""
    try:
        with open(_SCREEN, "w", encoding="utf-8") as screen:
            screen.write("One-time code from emnify: ")
        with open(_KEYBOARD, encoding="utf-8") as keyboard:
            return keyboard.readline().strip() or None
    except OSError:
        return None
