"""`tokens rotate`: replaces the application token in a file; at any time, one of them works."""

import os
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import click

from .. import Client, Rotation, RotationError
from ._failure import fail
from ._hand_over import by_command, by_template
from ._output import print_json
from ._progress import waiting
from ._session import open_client
from ._settings import Command, Settings, complete_file
from ._text import duration
from ._values import DURATION

__all__ = ["rotate"]

_settings = click.make_pass_decorator(Settings, ensure=True)


@click.command(cls=Command)
@click.option(
    "--grace",
    type=DURATION,
    default=0,
    metavar="DURATION",
    help="How long the old one keeps working beside the new one: 90 (seconds), 15m, 2h or 1d. "
    "Default: 0.",
)
@click.option("--wait", is_flag=True, help="Wait for the end of --grace, then revoke the old one.")
@click.option("--description", help="The new one's label. Default: that of the old one.")
@click.option(
    "--expiry-date",
    metavar="DATE",
    help="When the new one expires: 2027-05-29 or 2027-05-29T18:30:00Z. Default: after the old "
    "one's lifetime, counted from now.",
)
@click.option(
    "--expires-in",
    type=DURATION,
    metavar="DURATION",
    help="How long the new one lives, counted on emnify's clock: 90d, 12h or 30m.",
)
@click.option(
    "--ip",
    metavar="ADDRESS",
    help="The only address or range that may use the new one. Default: as for the old one.",
)
@click.option(
    "--keep-old",
    is_flag=True,
    help="Do not revoke the old one. For an application token that has no right to revoke.",
)
@click.option(
    "--hand-over-command",
    metavar="COMMAND",
    help="Let /bin/sh -c COMMAND store the new one, which is its standard input; the file stays as "
    "it is. If it fails, the rotation stops, and the next run calls it again.",
)
@click.option(
    "--read-back-command",
    metavar="COMMAND",
    help="With --hand-over-command: revoke the old one only after /bin/sh -c COMMAND has printed "
    "the new one.",
)
@click.option(
    "--template",
    type=click.Path(path_type=Path, readable=False),
    metavar="FILE",
    shell_complete=complete_file,
    help="With --output: a text with {token} and {organisation_id}, which are filled in.",
)
@click.option(
    "--output",
    type=click.Path(path_type=Path, readable=False),
    metavar="FILE",
    shell_complete=complete_file,
    help="With --template: the file that gets the result, in one step and with mode 0600, instead "
    "of the application token's own file.",
)
@_settings
def rotate(
    settings: Settings,
    grace: float,
    wait: bool,
    description: str | None,
    expiry_date: str | None,
    expires_in: float | None,
    ip: str | None,
    keep_old: bool,
    hand_over_command: str | None,
    read_back_command: str | None,
    template: Path | None,
    output: Path | None,
) -> None:
    """Replace the application token in a file with a new one.

    The old one is revoked after the new one has been written to the file and
    has worked. Name the file with --application-token-file, and with --store
    a directory that keeps the progress. After an error, a crash or Ctrl-C,
    run the same command again: it continues where it stopped.

    If another program needs the new one in another place, use
    --hand-over-command or --template. Then the old one stays in the file, and
    the store knows the new one: keep it.
    """
    if (template is None) != (output is None):
        raise click.UsageError("--template and --output need each other")
    for option, command in (
        ("--hand-over-command", hand_over_command),
        ("--read-back-command", read_back_command),
    ):
        # The shell would succeed, and the new application token would be nowhere.
        if command is not None and not command.strip():
            raise click.UsageError(f"{option} is empty")
    if read_back_command is not None and hand_over_command is None:
        raise click.UsageError("--read-back-command needs --hand-over-command")
    if hand_over_command is not None and template is not None:
        raise click.UsageError("--hand-over-command and --template are both given; pass only one")
    if hand_over_command is None and template is None:
        settings.application_token_file = _replaceable(settings)
    store = settings.store_location
    if store is None:
        raise click.UsageError("tokens rotate needs --store DIRECTORY, where it keeps its progress")
    if "://" in store:
        raise click.UsageError(
            "the store must be a directory: tokens rotate keeps its progress there, where it "
            "survives a power failure"
        )
    with open_client(settings) as client, ExitStack() as stack:
        handed = None
        if hand_over_command is not None:
            handed = by_command(hand_over_command, read_back_command)
        elif template is not None and output is not None:
            file = settings.application_token_file or os.environ.get(
                "EMNIFY_APPLICATION_TOKEN_FILE"
            )
            handed = by_template(template, output, client, stack, Path(file) if file else None)

        def once() -> Rotation:
            return client.application_tokens.rotate(
                grace=grace,
                description=description,
                expiry_date=expiry_date,
                expires_in=expires_in,
                ip=ip,
                keep_old=keep_old,
                hand_over=handed.hand_over if handed else None,
                read_back=handed.read_back if handed else None,
            )

        try:
            rotation = _until_done(client, once, settings) if wait else once()
        except (KeyboardInterrupt, RotationError) as error:
            # Ctrl-C may have ended a command that the rotation called.
            ended = error.__cause__ if isinstance(error, RotationError) else error
            if not isinstance(ended, KeyboardInterrupt):
                raise
            message = (
                f"interrupted. The progress is in {store}; run the same command again to continue"
            )
            if handed is None:
                message += (
                    f". The application token in {settings.application_token_file} still works"
                )
            fail(message, 130)
    where = handed.where if handed else f"is in {settings.application_token_file}"
    _report(settings, rotation, where)


def _replaceable(settings: Settings) -> Path:
    """Return the file in which the application token is replaced."""
    given = settings.application_token_file
    if given is not None:
        if given.is_fifo():
            raise click.UsageError(
                f"{given} is a pipe: tokens rotate needs a file in which it can replace the token"
            )
        return given
    file = os.environ.get("EMNIFY_APPLICATION_TOKEN_FILE")
    if os.environ.get("EMNIFY_APPLICATION_TOKEN"):
        raise click.UsageError(
            "EMNIFY_APPLICATION_TOKEN is set, but the new application token cannot be written to "
            "an environment variable: put it into a file and pass --application-token-file"
        )
    if not file:
        raise click.UsageError(
            "tokens rotate needs --application-token-file FILE: it replaces the application token "
            "in that file"
        )
    return Path(file)


def _until_done(client: Client, once: Any, settings: Settings) -> Rotation:  # noqa: ANN401
    rotation: Rotation = once()
    while rotation.grace_left is not None:
        seconds = max(rotation.grace_left.total_seconds(), 0.1)
        with waiting(settings, "Both application tokens work", seconds) as show:
            until = time.monotonic() + seconds
            while (left := until - time.monotonic()) > 0:
                show(left)
                time.sleep(min(left, 0.25 if sys.stderr.isatty() else 30.0))
                # With -v this prints what happened in the background.
                client.status()
        rotation = once()
    return rotation


def _report(settings: Settings, rotation: Rotation, where: str) -> None:
    left = rotation.grace_left
    if rotation.ignored_options:
        names = ", ".join(f"--{name.replace('_', '-')}" for name in rotation.ignored_options)
        click.echo(
            f"{names} had no effect: the rotation was started without and continued as started.",
            err=True,
        )
    if settings.prints_json:
        print_json(
            settings,
            {
                "state": rotation.state,
                "old_id": rotation.old_id,
                "new_id": rotation.new_id,
                "grace_left": left.total_seconds() if left is not None else None,
                "is_adopted": rotation.is_adopted,
                "is_old_kept": rotation.is_old_kept,
                "ignored_options": list(rotation.ignored_options),
            },
        )
    elif rotation.is_adopted:
        click.echo(
            f"Application token {rotation.old_id} had already been replaced by "
            f"{rotation.new_id}; nothing was changed."
        )
    elif left is not None:
        click.echo(
            f"Application token {rotation.new_id} {where}. {rotation.old_id} still works for "
            f"{duration(left.total_seconds())}.\nAfter that, run the same command again to revoke "
            "it. With --wait, the command waits and revokes it."
        )
    elif rotation.is_old_kept:
        click.echo(
            f"Application token {rotation.new_id} {where}. {rotation.old_id} keeps working "
            "until it is revoked."
        )
    else:
        click.echo(
            f"Application token {rotation.new_id} {where}, and {rotation.old_id} is revoked."
        )
