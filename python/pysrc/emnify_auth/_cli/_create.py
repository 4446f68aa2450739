"""`tokens create`: a new application token, whose value is shown once and must not get lost."""

import contextlib
import queue
import signal
import threading
from collections.abc import Callable
from pathlib import Path

import click

from .. import Client, CreatedApplicationToken, EmnifyError
from ._failure import fail, silence, warn
from ._output import print_json
from ._secret_file import SecretFile
from ._session import open_client
from ._settings import Command, Settings
from ._values import EXPIRY

__all__ = ["create"]

_settings = click.make_pass_decorator(Settings, ensure=True)


@click.command(cls=Command)
@click.option("--description", help="A label, by which people know it again.")
@click.option(
    "--expiry-date",
    type=EXPIRY,
    metavar="WHEN",
    help="2027-05-29, 2027-05-29T18:30:00Z, or 90d from now. Default: never.",
)
@click.option("--ip", help="The one address or range (192.0.2.0/24) that it may be used from.")
@click.option(
    "-o",
    "--output",
    required=True,
    metavar="FILE",
    help="Where its value goes: a new file of mode 0600, or - for standard output.",
)
@click.option("--force", is_flag=True, help="Replace a file that exists.")
@click.option(
    "--or-print",
    is_flag=True,
    help="If the file cannot be written in the end, print the value on standard output. "
    "Without this the new application token is revoked then.",
)
@_settings
def create(
    settings: Settings,
    description: str | None,
    expiry_date: str | None,
    ip: str | None,
    output: str,
    force: bool,
    or_print: bool,
) -> None:
    """Create an application token, and put its value into a file.

    The value is shown this once. Where it cannot be kept, or on Ctrl-C, the
    new application token is revoked again.
    """
    for number in (signal.SIGTERM, signal.SIGHUP):
        # As Ctrl-C; one that is ignored stays so.
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, signal.default_int_handler)
    with contextlib.ExitStack() as stack:
        # What can go wrong with the file should do so before there is a secret.
        file = (
            None if output == "-" else stack.enter_context(SecretFile(Path(output), replace=force))
        )
        client = stack.enter_context(open_client(settings))
        client.authenticate()
        created = _to_the_end(
            client,
            lambda: client.application_tokens.create(
                description=description, expiry_date=expiry_date, ip=ip
            ),
        )
        _keep(settings, client, created, file, or_print)
    _report(settings, created, file)


def _to_the_end(
    client: Client, call: Callable[[], CreatedApplicationToken]
) -> CreatedApplicationToken:
    """Create, and on Ctrl-C wait for what comes of it, so that it can be revoked."""
    answers: queue.SimpleQueue[CreatedApplicationToken | BaseException] = queue.SimpleQueue()

    def work() -> None:
        try:
            answers.put(call())
        except BaseException as error:  # noqa: BLE001 - it is raised by the main thread
            answers.put(error)

    threading.Thread(target=work, daemon=True).start()
    try:
        answer = answers.get()
    except KeyboardInterrupt:
        warn("interrupted: waiting for the answer, to revoke what is created. Ctrl-C again leaves")
        answer = answers.get()
        said = _revoked(client, answer) if isinstance(answer, CreatedApplicationToken) else answer
        warn(str(said))
        raise
    if isinstance(answer, BaseException):
        raise answer
    return answer


def _keep(
    settings: Settings,
    client: Client,
    created: CreatedApplicationToken,
    file: SecretFile | None,
    or_print: bool,
) -> None:
    """Put the value where it belongs; where that fails, nobody shall have it."""
    where = file.path if file is not None else "standard output"
    try:
        if file is None:
            _print(settings, created)
        else:
            file.write(created.reveal())
    except (OSError, KeyboardInterrupt) as error:
        if file is not None and file.is_kept:
            return
        reason = getattr(error, "strerror", None) or "interrupted"
        failed = f"an application token was created, but {where} could not be written: {reason}"
        if file is None:
            silence()
        elif or_print:
            _print(settings, created)
            fail(f"{failed}. Its value is on standard output, and nowhere else", 9)
        fail(f"{failed}. {_revoked(client, created)}", 9)


def _print(settings: Settings, created: CreatedApplicationToken) -> None:
    if settings.json_output:
        print_json({"id": created.id, "application_token": created.reveal()})
    else:
        click.echo(created.reveal())


def _revoked(client: Client, created: CreatedApplicationToken) -> str:
    """Revoke what nobody knows the value of; say what came of it."""
    if created.id is None:
        return (
            "It works, nobody knows its value, and which row of the list it is is not certain: "
            "find it with `emnify-auth tokens list` and revoke it"
        )
    try:
        client.application_tokens.revoke(created.id)
    except EmnifyError as error:
        return (
            f"It could not be revoked either ({error}): revoke it with "
            f"`emnify-auth tokens revoke {created.id}`"
        )
    return f"Application token {created.id} was revoked again"


def _report(settings: Settings, created: CreatedApplicationToken, file: SecretFile | None) -> None:
    which = f"application token {created.id}" if created.id is not None else "an application token"
    if file is None:
        # Standard output is for the value alone.
        click.echo(f"Created {which}.", err=True)
    elif settings.json_output:
        print_json({"id": created.id, "file": str(file.path)})
    else:
        click.echo(f"Created {which}. Its value is in {file.path} and nowhere else.")
