"""`exec`: runs a program with an auth token in its environment or in a file."""

import contextlib
import os
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import click

from .. import AuthToken, Client
from ._failure import fail, warn
from ._secret_file import SecretFile
from ._session import authenticate, open_client
from ._settings import Command, Settings
from ._values import DURATION

__all__ = ["exec_"]

_settings = click.make_pass_decorator(Settings, ensure=True)

_TOKEN = "EMNIFY_AUTH_TOKEN"  # noqa: S105 - the name of a variable
_FILE = "EMNIFY_AUTH_TOKEN_FILE"
# The program gets none of these, but an auth token.
_REMOVED = ("EMNIFY_APPLICATION_TOKEN", "EMNIFY_PASSWORD", _TOKEN, _FILE)
# How often the auth token is compared with the file, in seconds: a tenth of what is left of its
# lifetime, within these bounds.
_OFTEN, _SELDOM = 0.2, 30.0
# How often the end of the program is looked for, in seconds, in case its signal was missed.
_LOOK = 5.0


@click.command("exec", cls=Command, context_settings={"allow_interspersed_args": False})
@click.option(
    "--valid-for",
    type=DURATION,
    metavar="DURATION",
    help="Sign in if the stored auth token is valid for less than this: 90 (seconds), 15m or 2h.",
)
@click.option(
    "--renew",
    is_flag=True,
    help=f"For a program that runs for long: keep a valid auth token in the file {_FILE}.",
)
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
@click.pass_context
def exec_(
    ctx: click.Context, valid_for: float | None, renew: bool, command: tuple[str, ...]
) -> None:
    """Run a program with an auth token. Write -- before it.

    \b
    Its environment contains:
      EMNIFY_AUTH_TOKEN       a valid auth token
      EMNIFY_AUTH_TOKEN_FILE  with --renew, instead: a file with mode 0600 that
                              contains one; it is replaced before the auth
                              token expires and deleted when the program ends

    EMNIFY_APPLICATION_TOKEN and EMNIFY_PASSWORD are removed from it. Signals are
    passed on to the program, and its exit code is returned.
    """  # noqa: D301 - \b tells click to keep the line breaks
    settings = ctx.ensure_object(Settings)
    program = shutil.which(command[0])
    if program is None:
        # With the exit codes of a shell.
        if os.sep in command[0] and os.path.exists(command[0]):
            fail(f"cannot run {command[0]}: it is not executable", 126)
        fail(f"cannot run {command[0]}: there is no such program", 127)
    environment = {name: text for name, text in os.environ.items() if name not in _REMOVED}
    with open_client(settings) as client:
        if renew:
            ctx.exit(_run_with_file(client, valid_for, program, command, environment))
        environment[_TOKEN] = authenticate(client, valid_for).reveal()
    _replace_this_process(program, command, environment)


def _replace_this_process(
    program: str, command: tuple[str, ...], environment: dict[str, str]
) -> NoReturn:
    sys.stdout.flush()
    sys.stderr.flush()
    # Python ignores these signals, and a new program would inherit that.
    if sys.platform != "win32":
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    try:
        os.execve(program, command, environment)  # noqa: S606 - as intended
    except OSError as error:
        fail(f"cannot run {command[0]}: {error.strerror}", 126)


def _run_with_file(
    client: Client,
    valid_for: float | None,
    program: str,
    command: tuple[str, ...],
    environment: dict[str, str],
) -> int:
    """Run the program beside this one, which keeps the file fresh, and return its exit code."""
    if sys.platform != "linux":
        fail("exec --renew works only on Linux", 2)
    passed_on = {
        signal.SIGHUP,
        signal.SIGINT,
        signal.SIGQUIT,
        signal.SIGTERM,
        signal.SIGUSR1,
        signal.SIGUSR2,
        signal.SIGWINCH,
    }
    # Until then, Ctrl-C ends this command.
    auth_token = authenticate(client, valid_for)
    # Blocked in all threads of this process, and received below.
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {*passed_on, signal.SIGCHLD})
    with _private_folder() as folder:
        file = folder / "auth-token"
        _write(file, auth_token)
        environment[_FILE] = str(file)
        try:
            child = os.posix_spawn(
                program,
                command,
                environment,
                setsigmask=mask,
                setsigdef={signal.SIGPIPE, signal.SIGXFSZ},
            )
        except OSError as error:
            fail(f"cannot run {command[0]}: {error.strerror}", 126)
        over = threading.Event()
        arguments = (client, valid_for, file, auth_token.reveal(), over)
        threading.Thread(target=_keep_fresh, args=arguments, daemon=True).start()
        while True:
            ended, status = os.waitpid(child, os.WNOHANG)
            if ended:
                over.set()
                code = os.waitstatus_to_exitcode(status)
                # As a shell reports that a signal ended the program.
                return code if code >= 0 else 128 - code
            received = signal.sigtimedwait({*passed_on, signal.SIGCHLD}, _LOOK)
            # The kernel sends a terminal's signals, such as that of Ctrl-C, to both processes.
            if received is not None and received.si_signo in passed_on and received.si_code <= 0:
                os.kill(child, received.si_signo)


@contextlib.contextmanager
def _private_folder() -> Iterator[Path]:
    """Create a directory with mode 0700, in memory if the system has a place for that, and delete
    it at the end."""
    place = os.environ.get("XDG_RUNTIME_DIR")
    try:
        folder = tempfile.mkdtemp(
            prefix="emnify-auth-", dir=place if place and os.access(place, os.W_OK) else None
        )
    except OSError as error:
        fail(f"cannot create a temporary directory: {error.strerror}", 9)
    try:
        yield Path(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _keep_fresh(
    client: Client, valid_for: float | None, file: Path, written: str, over: threading.Event
) -> None:
    """Write each new auth token to the file. The client renews it when that is due."""
    reported: type[Exception] | None = None
    pause = _OFTEN
    while not over.wait(pause):
        try:
            until = client.status().valid_until
            left = until.timestamp() - time.time() if until is not None else 0.0
            pause = min(max(left / 10, _OFTEN), _SELDOM)
            auth_token = authenticate(client, valid_for)
            if auth_token.reveal() != written:
                _write(file, auth_token)
                written = auth_token.reveal()
            reported = None
        except Exception as error:  # noqa: BLE001, PERF203 - the next may succeed
            # Once for each problem, and not if the client was closed meanwhile.
            if type(error) is not reported and not over.is_set():
                reported = type(error)
                warn(f"the auth token in {file} was not renewed: {error}")


def _write(file: Path, auth_token: AuthToken) -> None:
    with SecretFile(file, replace=True) as secret:
        try:
            secret.write(auth_token.reveal())
        except OSError as error:
            fail(f"cannot write {file}: {error.strerror}", 9)
