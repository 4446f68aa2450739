"""The command `exec`: a program with an auth token in its environment or in a file."""

import contextlib
import json
import os
import signal
import stat
import sys
import time
from pathlib import Path

import pytest

from command_line import CommandLine, interrupt
from sandbox import AUTHENTICATE, LONG, SIM

# Prints how it was started, then waits for a signal and ends with code 9.
WAITS = """
import os, signal, sys
signal.signal(int(sys.argv[1]), lambda *_: sys.exit(9))
print("ready", flush=True)
signal.pause()
"""


def python(program: str, *arguments: object) -> list[object]:
    """Return the words that run a program in Python."""
    return ["--", sys.executable, "-c", program, *arguments]


def test_the_program_has_an_auth_token_and_not_the_application_token(
    command_line: CommandLine,
) -> None:
    program = "import json, os; print(json.dumps(dict(os.environ)))"
    ended = command_line.run("exec", *python(program), shows_secret=True)
    assert (ended.returncode, ended.stderr) == (0, "")
    environment = json.loads(ended.stdout)
    assert environment["EMNIFY_AUTH_TOKEN"].startswith("eyJ")
    assert "EMNIFY_APPLICATION_TOKEN" not in environment
    assert environment["EMNIFY_BASE_PATH"] == command_line.sandbox.url


@pytest.mark.parametrize("options", [[], ["--renew"]])
@pytest.mark.parametrize(
    ("program", "code"),
    [("import sys; sys.exit(7)", 7), ("import os; os.kill(os.getpid(), 15)", 143)],
)
def test_the_exit_code_is_the_program_s(
    command_line: CommandLine, options: list[str], program: str, code: int
) -> None:
    ended = command_line.run("exec", *options, *python(program))
    # A signal ends the process itself, if the program replaced it.
    assert ended.returncode in (code, 128 - code if code > 128 else code)


@pytest.mark.parametrize("options", [[], ["--renew"]])
def test_signals_have_their_default_effect_in_the_program(
    command_line: CommandLine, options: list[str]
) -> None:
    ended = command_line.run("exec", *options, "sh", "-c", "yes | head -1")
    assert (ended.stdout, ended.stderr) == ("y\n", "")
    # The last 31 bits, since the C library has signals of its own.
    shown = "grep -E '^Sig(Blk|Ign)' /proc/self/status"
    ended = command_line.run("exec", *options, "sh", "-c", shown)
    plain = command_line.run(before=("sh", "-c", shown))
    sets = [
        [int(line.split()[1], 16) & 0x7FFF_FFFF for line in text.splitlines()]
        for text in (ended.stdout, plain.stdout)
    ]
    assert sets[0] == sets[1]


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGUSR1])
def test_signals_are_passed_on(command_line: CommandLine, sent: signal.Signals) -> None:
    process = command_line.start("exec", "--renew", *python(WAITS, int(sent)))
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(sent)
    _, errors = process.communicate(timeout=20)
    assert (process.returncode, errors) == (9, "")


def test_ctrl_c_reaches_the_program_once(command_line: CommandLine) -> None:
    program = """
import signal, time
got = []
signal.signal(signal.SIGINT, lambda *_: got.append(1))
print("ready", flush=True)
while not got:
    time.sleep(0.05)
time.sleep(0.5)
print(f"interrupted {len(got)} times")
"""
    with command_line.terminal("exec", "--renew", *python(program)) as terminal:
        terminal.read_until("ready")
        terminal.type("\x03")
        assert terminal.end() == 0
    assert "interrupted 1 times" in terminal.screen


@pytest.mark.parametrize("options", [[], ["--renew"]])
def test_ctrl_c_during_the_sign_in_ends_the_command(
    command_line: CommandLine, options: list[str]
) -> None:
    command_line.sandbox.fault("delay", AUTHENTICATE, milliseconds=LONG)
    process = command_line.start("exec", *options, *python("print('started')"))
    command_line.sandbox.wait_for_call("POST", AUTHENTICATE, 1)
    assert interrupt(process) == ("", "emnify-auth: interrupted\n")
    assert process.returncode == 130


def test_the_file_stays_fresh_and_private_and_is_deleted_at_the_end(
    command_line: CommandLine, tmp_path: Path
) -> None:
    command_line.sandbox.settings(auth_token_lifetime=8)
    program = """
import os, stat, time
path = os.environ["EMNIFY_AUTH_TOKEN_FILE"]
folder = os.path.dirname(path)
print(path, oct(os.stat(path).st_mode & 0o777), oct(os.stat(folder).st_mode & 0o777))
seen = set()
until = time.monotonic() + 30
while len(seen) < 2 and time.monotonic() < until:
    seen.add(open(path).read())
    time.sleep(0.05)
print(len(seen), "EMNIFY_AUTH_TOKEN" in os.environ)
"""
    ended = command_line.run(
        "exec", "--renew", *python(program), environment={"XDG_RUNTIME_DIR": str(tmp_path)}
    )
    assert ended.stderr == ""
    where, told = ended.stdout.splitlines()
    path, *modes = where.split()
    assert modes == ["0o600", "0o700"]
    assert Path(path).parent.parent == tmp_path
    assert told == "2 False"
    assert list(tmp_path.iterdir()) == []
    assert command_line.sandbox.calls("POST", AUTHENTICATE) == 2


def test_a_failed_renewal_is_reported_and_the_program_goes_on(command_line: CommandLine) -> None:
    command_line.sandbox.settings(auth_token_lifetime=6)
    process = command_line.start("exec", "--renew", *python(WAITS, int(signal.SIGTERM)))
    assert process.stdout is not None
    assert process.stderr is not None
    assert process.stdout.readline() == "ready\n"
    command_line.sandbox.fault("status", AUTHENTICATE, status=401)
    assert "was not renewed: " in process.stderr.readline()
    time.sleep(1)
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=20)
    assert (process.returncode, errors) == (9, "")


@pytest.mark.parametrize("options", [[], ["--renew"]])
@pytest.mark.parametrize(
    ("command", "code"), [("nowhere", 127), ("./nowhere", 127), ("./file", 126)]
)
def test_a_program_that_cannot_be_run_is_reported_before_any_request(
    command_line: CommandLine, options: list[str], command: str, code: int
) -> None:
    (command_line.place / "file").touch()
    ended = command_line.run("exec", *options, "--", command)
    assert ended.returncode == code
    assert ended.stderr.startswith(f"emnify-auth: cannot run {command}: ")
    assert command_line.sandbox.calls() == 0


@pytest.mark.parametrize("options", [[], ["--renew"]])
def test_a_file_that_is_no_program_is_reported(
    command_line: CommandLine, options: list[str]
) -> None:
    file = command_line.place / "file"
    file.touch()
    file.write_bytes(b"\x7fELF")
    file.chmod(stat.S_IRWXU)
    ended = command_line.run("exec", *options, "--", "./file")
    assert (ended.returncode, ended.stderr) == (
        126,
        "emnify-auth: cannot run ./file: Exec format error\n",
    )


def test_a_refused_sign_in_starts_no_program(command_line: CommandLine) -> None:
    command_line.sandbox.fault("status", AUTHENTICATE, status=401)
    ended = command_line.run("exec", *python("print('started')"))
    assert (ended.returncode, ended.stdout) == (3, "")


def test_a_token_that_is_valid_for_longer_is_asked_for(command_line: CommandLine) -> None:
    for arguments in (["token"], ["exec", "printenv", "EMNIFY_AUTH_TOKEN"]):
        name, *rest = arguments
        ended = command_line.run(name, "--valid-for", "3h", *rest, shows_secret=True)
        assert ended.stdout.startswith("eyJ")
        ended = command_line.run(name, "--valid-for", "4h", *rest)
        assert ended.returncode == 2
        assert ended.stderr.startswith("emnify-auth: --valid-for: must be less than 14400 s")


def test_the_application_token_may_come_from_a_pipe(command_line: CommandLine) -> None:
    token = command_line.sandbox.application_token
    command_line.without_credential()
    script = '"$0" --application-token-file <(printf "%s\\n" "$TOKEN"; sleep 0.1) "$@"'
    bash = ("bash", "-c", script)
    ended = command_line.run("request", "GET", SIM, before=bash, environment={"TOKEN": token})
    assert (ended.returncode, ended.stderr) == (0, "")
    ended = command_line.run("status", before=bash, environment={"TOKEN": ""})
    assert ended.returncode == 2
    assert "was empty; did the command in it fail?" in ended.stderr
    options = ["tokens", "rotate", "--store", "store"]
    ended = command_line.run(*options, before=bash, environment={"TOKEN": token})
    assert ended.returncode == 2
    assert "is a pipe: tokens rotate needs a file" in ended.stderr


def test_a_token_from_a_pipe_survives_a_renewal(command_line: CommandLine) -> None:
    command_line.sandbox.settings(auth_token_lifetime=6)
    token = command_line.sandbox.application_token
    command_line.without_credential()
    script = '"$0" --application-token-file <(printf "%s" "$TOKEN") "$@"'
    program = 'sleep 8; cat "$EMNIFY_AUTH_TOKEN_FILE" > /dev/null'
    ended = command_line.run(
        "exec",
        "--renew",
        "sh",
        "-c",
        program,
        before=("bash", "-c", script),
        environment={"TOKEN": token},
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    assert command_line.sandbox.calls("POST", AUTHENTICATE) >= 2


def test_ctrl_c_ends_the_wait_for_a_pipe(command_line: CommandLine) -> None:
    pipe = command_line.place / "pipe"
    os.mkfifo(pipe)
    process = command_line.start("status", "--application-token-file", "pipe")
    until = time.monotonic() + 20
    writer = None
    while writer is None and time.monotonic() < until:
        # Fails until the command reads from the pipe.
        with contextlib.suppress(OSError):
            writer = os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
        time.sleep(0.02)
    assert writer is not None
    assert interrupt(process) == ("", "emnify-auth: interrupted\n")
    assert process.returncode == 130
    os.close(writer)
