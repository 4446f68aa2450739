"""The command `request`: bodies, headers and all pages of a list."""

import json

from command_line import CommandLine
from emnify_sandbox import ENDPOINT, SIM


def test_the_body_is_printed_unchanged(command_line: CommandLine) -> None:
    ended = command_line.run("request", "get", SIM, "-q", "per_page=3", "-q", "page=2")
    assert ended.returncode == 0
    assert len(json.loads(ended.stdout)) == 3
    assert command_line.sandbox.requests()[-1]["path"] == SIM


def test_a_body_comes_from_the_argument_a_file_or_standard_input(
    command_line: CommandLine,
) -> None:
    id = json.loads(command_line.run("request", "GET", ENDPOINT, "-q", "per_page=1").stdout)[0][
        "id"
    ]
    path = f"{ENDPOINT}/{id}"

    def name() -> str:
        return str(json.loads(command_line.run("request", "GET", path).stdout)["name"])

    assert command_line.run("request", "PATCH", path, "--json", '{"name": "a"}').returncode == 0
    assert name() == "a"
    (command_line.place / "body").write_text('{"name": "b"}')
    assert command_line.run("request", "PATCH", path, "--json", "@body").returncode == 0
    assert name() == "b"
    sent = command_line.run("request", "PATCH", path, "--json", "-", input='{"name": "ü"}')
    assert sent.returncode == 0
    assert name() == "ü"
    ended = command_line.run("request", "PATCH", path, "--json", "@nowhere")
    assert ended.returncode == 2
    assert "cannot read nowhere: No such file or directory" in ended.stderr
    (command_line.place / "body").write_bytes(b"\xff")
    ended = command_line.run("request", "PATCH", path, "--json", "@body")
    assert "cannot read body: it is not UTF-8" in ended.stderr


def test_headers_are_sent(command_line: CommandLine) -> None:
    ended = command_line.run("request", "GET", SIM, "-H", "Accept: application/json")
    assert ended.returncode == 0
    ended = command_line.run("request", "GET", SIM, "-H", "Authorization: canary")
    assert ended.returncode == 2
    assert "canary" not in ended.stderr


def test_all_pages_are_one_array_or_one_row_per_line(command_line: CommandLine) -> None:
    array = json.loads(command_line.run("request", "GET", SIM, "--all").stdout)
    lines = command_line.run("request", "GET", SIM, "--all", "--lines", "--per-page", 70).stdout
    assert [json.loads(line) for line in lines.splitlines()] == array
    assert len({row["id"] for row in array}) == 300


def test_an_empty_list_is_an_empty_array(command_line: CommandLine) -> None:
    ended = command_line.run("request", "GET", SIM, "--all", "-q", "q=iccid:0")
    assert json.loads(ended.stdout) == []


def test_a_closed_pipe_ends_the_command_quietly(command_line: CommandLine) -> None:
    process = command_line.start("request", "GET", SIM, "--all", "--lines", "--per-page", 10)
    assert process.stdout is not None
    assert process.stderr is not None
    assert json.loads(process.stdout.readline())
    process.stdout.close()
    assert process.stderr.read() == ""
    process.stderr.close()
    # The same exit code as for a program that SIGPIPE ends.
    assert process.wait(timeout=30) == 141


def test_a_pipe_closed_before_the_first_line_ends_the_command_quietly(
    command_line: CommandLine,
) -> None:
    script = ("sh", "-c", '{ "$0" "$@"; echo "ended with $?" >&2; } | true')
    ended = command_line.run("tokens", "list", before=script)
    assert ended.stderr in ("ended with 0\n", "ended with 141\n")
