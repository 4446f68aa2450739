"""`tokens rotate` with a command or a template: where the new application token goes, and when the
old one is revoked."""

import pytest
from test_cli_rotate import active

from command_line import CommandLine

STORE = "cat >kept; echo stored"


def value(command_line: CommandLine, id: int) -> str:
    [row] = [row for row in command_line.sandbox.application_tokens() if row["id"] == id]
    return str(row["value"])


def test_a_command_stores_the_new_token(command_line: CommandLine) -> None:
    old, options = command_line.gateway()
    before = (command_line.place / "secret").read_text()
    ended = command_line.run(
        "tokens",
        "rotate",
        *options,
        "--hand-over-command",
        STORE,
        "--read-back-command",
        "cat kept",
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout == f"Application token 4713 was handed over, and {old} is revoked.\n"
    assert ended.stderr == "stored\n"
    assert (command_line.place / "kept").read_text() == value(command_line, 4713)
    assert (command_line.place / "secret").read_text() == before
    assert active(command_line) == [4713]
    # The old one leads to the new one.
    assert command_line.run("status", *options).returncode == 0


def test_the_token_may_come_from_the_environment(command_line: CommandLine) -> None:
    ended = command_line.run(
        "tokens", "rotate", "--store", "store", "--hand-over-command", "cat >kept"
    )
    assert ended.returncode == 0, ended.stderr
    assert (command_line.place / "kept").read_text() == value(command_line, 4712)


def test_a_command_that_fails_stops_the_rotation_until_the_next_run(
    command_line: CommandLine,
) -> None:
    old, options = command_line.gateway()
    rotate = ("tokens", "rotate", *options, "--read-back-command", "cat kept")
    for hand_over, why in [
        ("echo full >&2; exit 3", "--hand-over-command ended with status 3"),
        ("true", "--read-back-command ended with status 1"),
        ("echo another >kept", "the application token that was read back is not the new one"),
    ]:
        ended = command_line.run(*rotate, "--hand-over-command", hand_over)
        assert ended.returncode == 10
        assert why in ended.stderr
        assert active(command_line) == [old, 4713]
    ended = command_line.run(*rotate, "--hand-over-command", STORE)
    assert ended.returncode == 0, ended.stderr
    assert active(command_line) == [4713]


def test_a_template_is_filled_in(command_line: CommandLine) -> None:
    old, options = command_line.gateway()
    template, output = command_line.place / "template", command_line.place / "openvpn"
    template.write_text("{organisation_id}\n{token}\n# {another}\n")
    output.write_text("what was there")
    output.chmod(0o644)
    ended = command_line.run(
        "tokens", "rotate", *options, "--template", "template", "--output", "openvpn"
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout == f"Application token 4713 is in openvpn, and {old} is revoked.\n"
    assert "{another} is not a placeholder and stays as it is" in ended.stderr
    assert output.read_text() == f"1234\n{value(command_line, 4713)}\n# {{another}}\n"
    assert output.stat().st_mode & 0o777 == 0o600
    assert active(command_line) == [4713]
    assert {path.name for path in command_line.place.iterdir()} == {
        "openvpn",
        "secret",
        "store",
        "template",
    }


def test_a_file_that_was_changed_in_the_grace_period_is_written_again(
    command_line: CommandLine,
) -> None:
    old, options = command_line.gateway()
    (command_line.place / "template").write_text("{token}")
    output = command_line.place / "output"
    rotate = ("tokens", "rotate", *options, "--template", "template", "--output", "output")
    assert command_line.run(*rotate, "--grace", "1s").returncode == 0
    output.write_text("another")
    ended = command_line.run(*rotate, "--wait")
    assert ended.returncode == 10, ended.stdout
    assert active(command_line) == [old, 4713]
    ended = command_line.run(*rotate, "--wait")
    assert ended.returncode == 0, ended.stderr
    assert output.read_text() == value(command_line, 4713)
    assert active(command_line) == [4713]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--template", "template"], "--template and --output need each other"),
        (["--output", "output"], "--template and --output need each other"),
        (["--read-back-command", "cat"], "--read-back-command needs --hand-over-command"),
        (
            ["--template", "template", "--output", "output", "--hand-over-command", "cat"],
            "pass only one",
        ),
        (["--template", "missing", "--output", "output"], "cannot read missing"),
        (["--template", "template", "--output", "secret"], "--output secret is the template or"),
        (["--template", "template", "--output", "./template"], "is the template or the file"),
        (["--hand-over-command", " "], "--hand-over-command is empty"),
        (["--hand-over-command", "cat", "--read-back-command", ""], "--read-back-command is empty"),
        (["--template", "template", "--output", "output"], "does not contain {token}"),
    ],
)
def test_wrong_options_are_refused_before_anything_is_sent(
    command_line: CommandLine, arguments: list[str], said: str
) -> None:
    _, options = command_line.gateway()
    (command_line.place / "template").write_text("token: {organisation_id}")
    ended = command_line.run("tokens", "rotate", *options, *arguments)
    assert ended.returncode == 2
    assert said in ended.stderr
    assert command_line.sandbox.calls() == 0
