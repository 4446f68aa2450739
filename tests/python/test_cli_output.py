"""Output that cannot be written: a full disk, a pipe that nobody reads, closed streams."""

import errno
import json
import os

import pytest

from command_line import CommandLine
from sandbox import SIM

FULL = f"emnify-auth: cannot write to standard output: {os.strerror(errno.ENOSPC)}\n"
UNREAD = "emnify-auth: the program that reads standard output has closed it\n"
COMMANDS = (
    ["--help"],
    ["--version"],
    ["completion", "bash"],
    ["status", "--json"],
    ["tokens", "list"],
    ["tokens", "list", "--query", "[0]"],
    ["tokens", "update", "4711", "--description", "new"],
    ["request", "GET", SIM],
    ["request", "GET", SIM, "--all", "--lines"],
)


def through(script: str) -> tuple[str, ...]:
    """Return the beginning of a command that a shell runs in this way."""
    return ("sh", "-c", script)


def is_output_error(said: str, expected: str) -> bool:
    """Whether standard error is this line, also as JSON."""
    if said.startswith("{"):
        said = f"emnify-auth: {json.loads(said)['error']['message']}\n"
    return said == expected


@pytest.mark.parametrize("arguments", COMMANDS)
def test_a_full_disk_is_reported_in_one_line(
    command_line: CommandLine, arguments: list[str]
) -> None:
    ended = command_line.run(*arguments, before=through('exec "$0" "$@" > /dev/full'))
    assert is_output_error(ended.stderr, FULL), ended.stderr
    assert ended.returncode == 9


@pytest.mark.parametrize("arguments", COMMANDS)
def test_a_pipe_that_nobody_reads_is_reported_in_one_line(
    command_line: CommandLine, arguments: list[str]
) -> None:
    read, write = os.pipe()
    os.close(read)
    try:
        ended = command_line.run(*arguments, stdout=write)
    finally:
        os.close(write)
    assert is_output_error(ended.stderr, UNREAD), ended.stderr
    assert ended.returncode == 141


def test_a_reader_that_leaves_ends_the_command(command_line: CommandLine) -> None:
    process = command_line.start("request", "GET", SIM, "--all", "--lines", "--per-page", 10)
    assert process.stdout is not None
    assert process.stderr is not None
    assert json.loads(process.stdout.readline())
    process.stdout.close()
    assert process.stderr.read() == UNREAD
    process.stderr.close()
    # The same exit code as for a program that SIGPIPE ends.
    assert process.wait(timeout=30) == 141


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
@pytest.mark.parametrize("instruction", ["source", "complete"])
def test_completion_into_a_full_disk_is_no_traceback(
    command_line: CommandLine, shell: str, instruction: str
) -> None:
    environment = {
        "_EMNIFY_AUTH_COMPLETE": f"{shell}_{instruction}",
        "COMP_WORDS": "emnify-auth ",
        "COMP_CWORD": "1",
    }
    ended = command_line.run(before=through('exec "$0" "$@" > /dev/full'), environment=environment)
    assert (ended.returncode, ended.stderr) == (9, FULL)


@pytest.mark.parametrize("arguments", COMMANDS)
def test_a_closed_standard_output_is_reported_before_any_request(
    command_line: CommandLine, arguments: list[str]
) -> None:
    ended = command_line.run(*arguments, before=through('exec "$0" "$@" >&-'))
    closed = "emnify-auth: standard output is closed\n"
    assert is_output_error(ended.stderr, closed), ended.stderr
    assert ended.returncode == 9
    assert command_line.sandbox.calls() == 0


@pytest.mark.parametrize("stream", ["2>/dev/full", "<&- 2>&-", "<&- >&- 2>&-"])
@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["nonsense"], 2),
        (["request", "GET", "/api/v1/nowhere"], 4),
        (["tokens", "revoke", "4711"], 2),
        (["request", "POST", SIM, "--json", "-"], 2),
        (["tokens", "create", "-o", "new"], 0),
    ],
)
def test_other_closed_streams_change_no_exit_code(
    command_line: CommandLine, stream: str, arguments: list[str], code: int
) -> None:
    script = f'"$0" "$@" {stream}; exit $?'
    ended = command_line.run(*arguments, before=through(script), shows_secret=False)
    assert ended.returncode == (9 if ">&- 2" in stream else code), ended.stderr


def test_a_message_never_goes_into_a_secret_file(command_line: CommandLine) -> None:
    script = 'exec "$0" "$@" <&- 2>&-'
    ended = command_line.run("tokens", "create", "-o", "new", "-v", before=through(script))
    assert ended.returncode == 0
    text = (command_line.place / "new").read_text()
    assert text in [row["value"] for row in command_line.sandbox.application_tokens()]


def test_a_secret_that_cannot_be_printed_is_revoked(command_line: CommandLine) -> None:
    for redirection in ("> /dev/full", "| true"):
        script = f'{{ sleep 0.3; "$0" "$@"; }} {redirection}'
        command_line.run("tokens", "create", "-o", "-", before=through(script))
    assert [row["revoked"] for row in command_line.sandbox.application_tokens()] == [
        False,
        True,
        True,
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nonsense", "--json"], "No such command 'nonsense'."),
        (["--json", "tokens"], "Missing command."),
        (["tokens", "update", "7", "--json"], "Missing option '--description'."),
        (["--json", "status", "--timeout", "soon"], "Invalid value for '--timeout'"),
        (["status", "--nonsense", "--json"], "No such option"),
        (["--json", "request", "GET"], "Missing argument 'PATH'."),
        (["status", "--workspace", "7", "--json"], "--workspace needs --user"),
    ],
)
def test_wrong_usage_is_json_if_that_is_asked_for(
    command_line: CommandLine, arguments: list[str], message: str
) -> None:
    ended = command_line.run(*arguments)
    told = json.loads(ended.stderr)["error"]
    assert (ended.returncode, told["exit_code"], told["kind"]) == (2, 2, "UsageError")
    assert message in told["message"]
    assert told["advice"].startswith("Run `emnify-auth")
    failed = command_line.run("--json", "request", "GET", "/api/v1/nowhere")
    assert json.loads(failed.stderr)["error"].keys() == told.keys()


def test_the_body_of_a_request_does_not_ask_for_json_errors(command_line: CommandLine) -> None:
    ended = command_line.run("request", "POST", SIM, "--json", "{")
    assert ended.stderr.startswith("Usage: ")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("emnify-auth tok", ["plain,token", "plain,tokens"]),
        ("emnify-auth --app", ["plain,--application-token-file"]),
        ("emnify-auth tokens list --app", ["plain,--application-token-file"]),
        ("emnify-auth tokens rotate --st", ["plain,--store"]),
        ("emnify-auth tokens rotate --store s", ["dir,s"]),
        ("emnify-auth status --application-token-file s", ["file,s"]),
        ("emnify-auth tokens create --output s", ["file,s"]),
        ("emnify-auth tokens create -o s", ["file,s"]),
        ("emnify-auth request P", ["plain,POST", "plain,PUT", "plain,PATCH"]),
        ("emnify-auth tokens audit --ignore or", ["plain,orphan"]),
    ],
)
def test_completion_knows_files_and_common_options(
    command_line: CommandLine, words: str, expected: list[str]
) -> None:
    environment = {
        "_EMNIFY_AUTH_COMPLETE": "bash_complete",
        "COMP_WORDS": words,
        "COMP_CWORD": str(len(words.split()) - 1),
    }
    ended = command_line.run(environment=environment)
    assert ended.stdout.split() == expected


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_completion_script_is_printed(command_line: CommandLine, shell: str) -> None:
    ended = command_line.run("completion", shell)
    assert ended.returncode == 0
    assert f"_EMNIFY_AUTH_COMPLETE={shell}_complete" in ended.stdout


def test_bash_completes_with_the_script(command_line: CommandLine) -> None:
    script = (
        'PATH=${0%/*}:$PATH; eval "$(emnify-auth completion bash)"; '
        "COMP_WORDS=(emnify-auth tokens rot) COMP_CWORD=2; "
        "_emnify_auth_completion emnify-auth; echo ${COMPREPLY[@]}"
    )
    ended = command_line.run(before=("bash", "-c", script))
    assert (ended.stdout, ended.stderr) == ("rotate\n", "")
