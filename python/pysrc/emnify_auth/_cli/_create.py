"""`tokens create`: creates an application token, whose value emnify shows only once."""

import contextlib
import queue
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import click

from .. import Client, CreatedApplicationToken, EmnifyError
from ._failure import fail, warn
from ._output import print_json
from ._secret_file import SecretFile
from ._session import open_client
from ._settings import Command, Settings, complete_file
from ._values import DURATION

__all__ = ["create"]

_settings = click.make_pass_decorator(Settings, ensure=True)


@click.command(cls=Command)
@click.option("--description", help="A label to recognise it by.")
@click.option(
    "--expiry-date",
    metavar="DATE",
    help="When it expires: 2027-05-29 or 2027-05-29T18:30:00Z. Default: never.",
)
@click.option(
    "--expires-in",
    type=DURATION,
    metavar="DURATION",
    help="How long it lives, counted on emnify's clock: 90d, 12h or 30m.",
)
@click.option(
    "--ip",
    metavar="ADDRESS",
    help="The only address or range that may use it, such as 192.0.2.0/24. Default: any.",
)
@click.option(
    "-o",
    "--output",
    required=True,
    metavar="FILE",
    help="Where to write its value: a new file with mode 0600, or - for standard output.",
    shell_complete=complete_file,
)
@click.option("--force", is_flag=True, help="Replace an existing file.")
@click.option(
    "--or-print",
    is_flag=True,
    help="Print the value on standard output if the file cannot be written. Without this option "
    "the new application token is then revoked.",
)
@_settings
def create(
    settings: Settings,
    description: str | None,
    expiry_date: str | None,
    expires_in: float | None,
    ip: str | None,
    output: str,
    force: bool,
    or_print: bool,
) -> None:
    """Create an application token and write its value to a file.

    emnify shows the value only once. If it cannot be written, or on Ctrl-C,
    the new application token is revoked.
    """
    ends = [signal.SIGTERM]
    if sys.platform != "win32":
        ends.append(signal.SIGHUP)
    for number in ends:
        # They act like Ctrl-C, unless they are ignored.
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, signal.default_int_handler)
    with contextlib.ExitStack() as stack:
        # The file comes first: if it cannot be created, no application token is.
        file = (
            None if output == "-" else stack.enter_context(SecretFile(Path(output), replace=force))
        )
        client = stack.enter_context(open_client(settings))
        client.authenticate()
        created = _create(
            client,
            lambda: client.application_tokens.create(
                description=description, expiry_date=expiry_date, expires_in=expires_in, ip=ip
            ),
        )
        _write(settings, client, created, file, or_print)
    _report(settings, created, file)


def _create(client: Client, call: Callable[[], CreatedApplicationToken]) -> CreatedApplicationToken:
    """Create an application token. On Ctrl-C, wait for the result and revoke it."""
    results: queue.SimpleQueue[CreatedApplicationToken | BaseException] = queue.SimpleQueue()

    def work() -> None:
        try:
            results.put(call())
        except BaseException as error:  # noqa: BLE001 - the main thread raises it
            results.put(error)

    threading.Thread(target=work, daemon=True).start()
    try:
        result = results.get()
    except KeyboardInterrupt:
        warn(
            "interrupted: waiting for emnify's response, to revoke the application token if it is "
            "created. Press Ctrl-C again to stop waiting"
        )
        result = results.get()
        if isinstance(result, CreatedApplicationToken):
            warn(_revoke(client, result))
        else:
            warn(str(result))
        raise
    if isinstance(result, BaseException):
        raise result
    return result


def _write(
    settings: Settings,
    client: Client,
    created: CreatedApplicationToken,
    file: SecretFile | None,
    or_print: bool,
) -> None:
    """Write the value to the file or to standard output. If that fails, revoke it."""
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
        failed = f"the application token was created, but writing to {where} failed: {reason}"
        if file is not None and or_print:
            _print(settings, created)
            fail(f"{failed}. Its value was printed on standard output instead", 9)
        fail(f"{failed}. {_revoke(client, created)}", 9)


def _print(settings: Settings, created: CreatedApplicationToken) -> None:
    if settings.prints_json:
        print_json(settings, {"id": created.id, "application_token": created.reveal()})
    else:
        click.echo(created.reveal())


def _revoke(client: Client, created: CreatedApplicationToken) -> str:
    """Revoke an application token whose value is lost, and return a message about it."""
    if created.id is None:
        return (
            "It could not be revoked, because its id is not known, and its value is lost: find it "
            "with `emnify-auth tokens list` and revoke it with `emnify-auth tokens revoke`"
        )
    try:
        client.application_tokens.revoke(created.id)
    except EmnifyError as error:
        return (
            f"Revoking it failed too ({error}): revoke it with "
            f"`emnify-auth tokens revoke {created.id}`"
        )
    return f"Application token {created.id} was revoked"


def _report(settings: Settings, created: CreatedApplicationToken, file: SecretFile | None) -> None:
    which = f"application token {created.id}" if created.id is not None else "an application token"
    if file is None:
        # Standard output contains the value and nothing else.
        click.echo(f"Created {which}.", err=True)
    elif settings.prints_json:
        print_json(settings, {"id": created.id, "file": str(file.path)})
    else:
        click.echo(
            f"Created {which}. Its value was written to {file.path} and cannot be shown again."
        )
