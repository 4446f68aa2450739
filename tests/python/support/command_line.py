"""Runs the installed command emnify-auth, as a plain process or at a pseudo-terminal."""

import contextlib
import os
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sandbox import Sandbox

COMMAND = Path(sys.executable).with_name("emnify-auth")
# Makes standard input the controlling terminal, for Ctrl-C and /dev/tty, and starts a program.
AT_TERMINAL = (
    "import os, sys; os.open(os.ttyname(0), os.O_RDWR); os.execv(sys.argv[1], sys.argv[1:])"
)
ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Terminal:
    """A person at the terminal of a process."""

    def __init__(self, process: "subprocess.Popen[bytes]", file: int) -> None:
        self._process = process
        self._file = file
        self.raw = ""

    @property
    def screen(self) -> str:
        """Everything shown so far, without escape codes."""
        return ESCAPE.sub("", self.raw).replace("\r\n", "\n")

    def read_until(self, text: str) -> None:
        """Wait for a text to be shown."""
        ends = time.monotonic() + 20
        while text not in self.screen:
            assert self._read(ends - time.monotonic()), f"{text!r} is not in {self.screen!r}"

    def type(self, text: str) -> None:
        """Type a text, or a control character such as Ctrl-C."""
        # The program must have started to read after showing its prompt.
        time.sleep(0.2)
        os.write(self._file, text.encode())

    def end(self) -> int:
        """Wait for the end of the process and return its exit code."""
        ends = time.monotonic() + 20
        while self._read(ends - time.monotonic()):
            pass
        return self._process.wait(timeout=10)

    def _read(self, within: float) -> bool:
        if not select.select([self._file], [], [], max(within, 0))[0]:
            return False
        try:
            read = os.read(self._file, 65536)
        except OSError:
            # No process has the terminal open any more.
            return False
        self.raw += read.decode(errors="replace")
        return bool(read)


class CommandLine:
    """Runs the command against a sandbox, and checks that it prints no secret."""

    def __init__(self, sandbox: Sandbox, place: Path) -> None:
        self.sandbox = sandbox
        self.place = place
        self.environment = {
            **{
                name: value
                for name, value in os.environ.items()
                if name not in ("NO_COLOR", "FORCE_COLOR")
            },
            **sandbox.environment(),
            "TERM": "xterm-256color",
            "COLUMNS": "120",
        }

    def run(
        self,
        *arguments: object,
        shows_secret: bool = False,
        **options: Any,  # noqa: ANN401
    ) -> "subprocess.CompletedProcess[str]":
        """Run the command to its end."""
        process = self.start(*arguments, **options)
        try:
            said, errors = process.communicate(options.get("input"), timeout=60)
        finally:
            process.kill()
        if not shows_secret:
            self.sees_no_secret((said or "") + errors)
        assert "Traceback" not in errors, errors
        return subprocess.CompletedProcess(process.args, process.returncode, said, errors)

    def start(
        self,
        *arguments: object,
        environment: "dict[str, str] | None" = None,
        before: tuple[str, ...] = (),
        input: str | None = None,  # noqa: A002 - named as in subprocess
        stdout: Any = subprocess.PIPE,  # noqa: ANN401
    ) -> "subprocess.Popen[str]":
        """Start the command."""
        words = [*before, str(COMMAND), *map(str, arguments)]
        self.sees_no_secret(" ".join(words))
        return subprocess.Popen(
            words,
            cwd=self.place,
            env={**self.environment, **(environment or {})},
            stdin=subprocess.PIPE if input is not None else subprocess.DEVNULL,
            stdout=stdout,
            stderr=subprocess.PIPE,
            text=True,
        )

    def sees_no_secret(self, text: str) -> None:
        """Check that a text contains neither an auth token nor an application token."""
        assert "eyJ" not in text
        for row in self.sandbox.application_tokens():
            assert row["value"] not in text
            assert row["value"].rsplit(".", maxsplit=1)[-1] not in text

    def without_credential(self) -> None:
        """Remove the credentials from the environment of the commands that follow."""
        del self.environment["EMNIFY_APPLICATION_TOKEN"]

    def gateway(self) -> "tuple[int, list[object]]":
        """Write a new application token to a file. Returns its id, and the options for the file and
        a store."""
        id = self.sandbox.seed(description="gateway 7", expiry_date="2099-01-01")
        [row] = [row for row in self.sandbox.application_tokens() if row["id"] == id]
        (self.place / "secret").write_text(row["value"])
        self.without_credential()
        return id, ["--application-token-file", "secret", "--store", "store"]

    @contextlib.contextmanager
    def terminal(
        self,
        *arguments: object,
        environment: "dict[str, str] | None" = None,
        program: Path | str = COMMAND,
    ) -> Iterator[Terminal]:
        """Start the command, or another program, at a new terminal."""
        ours, theirs = os.openpty()
        process = subprocess.Popen(
            [sys.executable, "-c", AT_TERMINAL, str(program), *map(str, arguments)],
            cwd=self.place,
            env={**self.environment, **(environment or {})},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)
        try:
            yield Terminal(process, ours)
        finally:
            process.kill()
            process.wait()
            os.close(ours)


def interrupt(
    process: "subprocess.Popen[str]", sent: signal.Signals = signal.SIGINT
) -> "tuple[str, str]":
    """Send SIGINT or another signal, wait for the end, and return the output and the errors."""
    process.send_signal(sent)
    try:
        return process.communicate(timeout=30)
    finally:
        process.kill()
