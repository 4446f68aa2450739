"""`tokens rotate`: replace the application token in a file, with no moment at which none works."""

import os
import sys
import time
from pathlib import Path
from typing import Any

import click

from .. import Client, Rotation
from ._failure import fail
from ._output import print_json
from ._progress import waiting
from ._session import open_client
from ._settings import Command, Settings
from ._text import duration
from ._values import DURATION, EXPIRY

__all__ = ["rotate"]

_settings = click.make_pass_decorator(Settings, ensure=True)


@click.command(cls=Command)
@click.option(
    "--grace",
    type=DURATION,
    default=0,
    metavar="DURATION",
    help="How long the old one goes on working beside the new one: 90, 15m, 2h, 1d. Default: 0.",
)
@click.option("--wait", is_flag=True, help="Wait until that is over, and revoke the old one.")
@click.option("--description", help="Of the new one. Default: that of the old one.")
@click.option(
    "--expiry-date",
    type=EXPIRY,
    metavar="WHEN",
    help="2027-05-29, 2027-05-29T18:30:00Z, or 90d from now. Default: it lives as long as the old "
    "one was made for.",
)
@click.option("--ip", help="Where the new one may be used from. Default: as the old one.")
@click.option(
    "--keep-old",
    is_flag=True,
    help="Do not revoke the old one, where it may not revoke any.",
)
@_settings
def rotate(
    settings: Settings,
    grace: float,
    wait: bool,
    description: str | None,
    expiry_date: Any,  # noqa: ANN401 - str or datetime
    ip: str | None,
    keep_old: bool,
) -> None:
    """Replace the application token in a file by a new one.

    The old one is revoked once the new one is in its place and works. Give
    the file with --application-token-file, and a directory with --store, where
    each step is noted before it is taken. After an error, a crash or Ctrl-C the
    same command goes on where it stopped.
    """
    file = _file(settings)
    if settings.store is None:
        raise click.UsageError(
            "--store DIRECTORY is needed: each step is noted there, so that a rotation which "
            "stopped can go on"
        )
    settings.application_token_file = file
    with open_client(settings) as client:

        def once() -> Rotation:
            return client.application_tokens.rotate(
                grace=grace,
                description=description,
                expiry_date=expiry_date,
                ip=ip,
                keep_old=keep_old,
            )

        try:
            rotation = _until_done(client, once, settings) if wait else once()
        except KeyboardInterrupt:
            fail(
                f"interrupted. What was begun is noted in {settings.store}, and the same command "
                f"goes on with it; the application token in {file} works",
                130,
            )
    _report(settings, rotation, file)


def _file(settings: Settings) -> Path:
    if settings.application_token_file is not None:
        return settings.application_token_file
    file = os.environ.get("EMNIFY_APPLICATION_TOKEN_FILE")
    if os.environ.get("EMNIFY_APPLICATION_TOKEN"):
        raise click.UsageError(
            "EMNIFY_APPLICATION_TOKEN is set, and the new application token cannot be put there: "
            "pass --application-token-file, which is read and written"
        )
    if not file:
        raise click.UsageError(
            "--application-token-file FILE is needed: the new application token is written there"
        )
    return Path(file)


def _until_done(client: Client, once: Any, settings: Settings) -> Rotation:  # noqa: ANN401
    rotation: Rotation = once()
    while rotation.grace_left is not None:
        seconds = max(rotation.grace_left.total_seconds(), 0.1)
        with waiting(settings, "Both application tokens work", seconds) as tell:
            until = time.monotonic() + seconds
            while (left := until - time.monotonic()) > 0:
                tell(left)
                time.sleep(min(left, 0.25 if sys.stderr.isatty() else 30.0))
                # Tells what happened in the background, with -v.
                client.status()
        rotation = once()
    return rotation


def _report(settings: Settings, rotation: Rotation, file: Path) -> None:
    left = rotation.grace_left
    if rotation.ignored_options:
        names = ", ".join(f"--{name.replace('_', '-')}" for name in rotation.ignored_options)
        click.echo(
            f"{names} did not apply: the rotation had begun without, and went on as it began.",
            err=True,
        )
    if settings.json_output:
        print_json(
            {
                "state": rotation.state,
                "old_id": rotation.old_id,
                "new_id": rotation.new_id,
                "grace_left": left.total_seconds() if left is not None else None,
                "is_adopted": rotation.is_adopted,
                "is_old_kept": rotation.is_old_kept,
                "ignored_options": list(rotation.ignored_options),
            }
        )
    elif rotation.is_adopted:
        click.echo(
            f"Application token {rotation.old_id} was replaced by {rotation.new_id} already; "
            "nothing was changed."
        )
    elif left is not None:
        click.echo(
            f"Application token {rotation.new_id} is in {file}. {rotation.old_id} works for "
            f"{duration(left.total_seconds())} more.\nRun the same command again after that, "
            "which revokes it; --wait does both."
        )
    elif rotation.is_old_kept:
        click.echo(
            f"Application token {rotation.new_id} is in {file}. {rotation.old_id} goes on working "
            "until it is revoked."
        )
    else:
        click.echo(
            f"Application token {rotation.new_id} is in {file}, and {rotation.old_id} is revoked."
        )
