"""The client that a command works with, and the questions that it puts to a person."""

import getpass
import os
from collections.abc import Callable
from pathlib import Path

import click

from .. import Client, ClientSettings, Event
from ._failure import fail, warn
from ._settings import Settings

__all__ = ["open_client", "person"]


def open_client(settings: Settings) -> Client:
    """Return a client for what the options and the environment say. Nothing is sent yet."""
    if settings.user and settings.application_token_file:
        raise click.UsageError("--user and --application-token-file exclude each other")
    if settings.password_file and not settings.user:
        raise click.UsageError("--password-file goes with --user")
    common: ClientSettings = {
        "base_url": settings.base_url,
        "ca_bundle": settings.ca_bundle,
        "store": settings.store,
        "timeout": settings.timeout,
        "on_event": _teller(settings),
    }
    user = person(settings)
    if user:
        mfa = _ask_for_code if _has_terminal() else None
        client = Client.from_user(user, _password(settings, user), mfa=mfa, **common)
        return client.switch_workspace(settings.workspace) if settings.workspace else client
    if settings.workspace:
        raise click.UsageError(
            "--workspace goes with --user: an application token is bound to its workspace"
        )
    return Client(application_token_file=settings.application_token_file, **common)


def person(settings: Settings) -> str | None:
    """Return the name of the person that is signed in, if it is one. It may come from the
    environment, as in the library; here a one-time code can be asked for."""
    if settings.user:
        return settings.user
    set_up = settings.application_token_file or any(
        os.environ.get(name)
        for name in ("EMNIFY_APPLICATION_TOKEN", "EMNIFY_APPLICATION_TOKEN_FILE")
    )
    return None if set_up else os.environ.get("EMNIFY_USERNAME")


def _teller(settings: Settings) -> Callable[[Event], None]:
    def tell(event: Event) -> None:
        # A store that does not work is no error of the library's; here somebody asked for it.
        if settings.verbose or event.kind == "store_trouble":
            warn(str(event))

    return tell


def _password(settings: Settings, user: str) -> str:
    if settings.password_file is not None:
        return _password_in(settings.password_file)
    password = os.environ.get("EMNIFY_PASSWORD")
    if password:
        return password
    if not _has_terminal():
        fail(
            f"there is no password for {user}: set EMNIFY_PASSWORD, use --password-file, or run "
            "this at a terminal",
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
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return False
    return True


def _ask_for_code() -> str | None:
    """Ask the terminal, whatever standard input and output are; None where there is none."""
    try:
        with open("/dev/tty", "w", encoding="utf-8") as screen:
            screen.write("One-time code that emnify sent: ")
        with open("/dev/tty", encoding="utf-8") as keyboard:
            return keyboard.readline().strip() or None
    except OSError:
        return None
