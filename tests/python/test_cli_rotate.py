"""The command `tokens rotate`, from start to end."""

import json
import time

import pytest

from command_line import CommandLine, interrupt
from sandbox import APPLICATION_TOKEN


def active(command_line: CommandLine) -> list[int]:
    """Return the ids of the active application tokens, except the sandbox's initial one."""
    rows = command_line.sandbox.application_tokens()[1:]
    return [row["id"] for row in rows if not row["revoked"]]


def in_file(command_line: CommandLine) -> int:
    """Return the id of the application token in the file."""
    value = (command_line.place / "secret").read_text().strip()
    [id] = [r["id"] for r in command_line.sandbox.application_tokens() if r["value"] == value]
    return int(id)


def test_a_rotation_puts_the_new_token_into_the_file(command_line: CommandLine) -> None:
    old, options = command_line.gateway()
    ended = command_line.run("tokens", "rotate", *options, "--expires-in", "90d")
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout == f"Application token 4713 is in secret, and {old} is revoked.\n"
    assert active(command_line) == [in_file(command_line)] == [4713]
    assert command_line.run("status", *options).returncode == 0


def test_the_environment_may_name_the_file(command_line: CommandLine) -> None:
    command_line.gateway()
    command_line.environment["EMNIFY_APPLICATION_TOKEN_FILE"] = "secret"
    ended = command_line.run("tokens", "rotate", "--store", "store", "--json")
    assert json.loads(ended.stdout) == {
        "state": "done",
        "old_id": 4712,
        "new_id": 4713,
        "grace_left": None,
        "is_adopted": False,
        "is_old_kept": False,
        "ignored_options": [],
    }


def test_both_work_in_the_grace_period(command_line: CommandLine) -> None:
    old, options = command_line.gateway()
    for _ in range(2):
        ended = command_line.run("tokens", "rotate", *options, "--grace", "2h")
        assert ended.returncode == 0
        assert f"{old} still works for 2 h." in ended.stdout
    assert active(command_line) == [old, 4713]


def test_a_rotation_waits_for_the_end_of_the_grace_period(command_line: CommandLine) -> None:
    _, options = command_line.gateway()
    started = time.monotonic()
    ended = command_line.run("tokens", "rotate", *options, "--grace", "1s", "--wait")
    assert ended.returncode == 0, ended.stderr
    assert time.monotonic() - started > 1
    assert ended.stdout.endswith("and 4712 is revoked.\n")
    # The progress bar is drawn only on a terminal.
    assert ended.stderr == ""
    assert active(command_line) == [4713]


def test_after_ctrl_c_during_the_wait_the_next_run_continues(command_line: CommandLine) -> None:
    _, options = command_line.gateway()
    process = command_line.start("tokens", "rotate", *options, "--grace", "3", "--wait")
    while len(active(command_line)) < 2 or in_file(command_line) == 4712:
        time.sleep(0.05)
    time.sleep(0.3)
    _, errors = interrupt(process)
    assert process.returncode == 130
    assert "interrupted. The progress is in store; run the same command again" in errors
    assert "Traceback" not in errors
    ended = command_line.run("tokens", "rotate", *options, "--wait")
    assert ended.returncode == 0
    assert active(command_line) == [4713]


def test_after_ctrl_c_during_a_step_the_next_run_continues(
    command_line: CommandLine,
) -> None:
    _, options = command_line.gateway()
    command_line.sandbox.fault("delay", APPLICATION_TOKEN, method="POST", milliseconds=1_500)
    process = command_line.start("tokens", "rotate", *options)
    while not command_line.sandbox.calls("POST", APPLICATION_TOKEN):
        time.sleep(0.02)
    _, errors = interrupt(process)
    assert process.returncode == 130
    assert "to continue. The application token in secret still works" in errors
    command_line.sandbox.clear_faults()
    # The request that was interrupted may still arrive.
    time.sleep(1.5)
    assert command_line.run("status", *options).returncode == 0
    ended = command_line.run("tokens", "rotate", *options)
    assert ended.returncode == 0, ended.stderr
    assert active(command_line) == [in_file(command_line)]


def test_without_the_right_to_revoke_the_old_one_is_kept(command_line: CommandLine) -> None:
    old, options = command_line.gateway()
    command_line.sandbox.fault("status", f"{APPLICATION_TOKEN}/*", method="PATCH", status=403)
    ended = command_line.run("tokens", "rotate", *options)
    assert ended.returncode == 5
    assert "--keep-old" in ended.stderr
    assert active(command_line) == [old]
    ended = command_line.run("tokens", "rotate", *options, "--keep-old")
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout == (
        f"Application token 4713 is in secret. {old} keeps working until it is revoked.\n"
    )
    assert active(command_line) == [old, 4713]


def test_options_without_effect_are_named(command_line: CommandLine) -> None:
    _, options = command_line.gateway()
    for arguments, said in [
        (["--grace", "2h"], ""),
        (
            ["--grace", "2h", "--expires-in", "90d"],
            "--expires-in had no effect: the rotation was started without and continued as "
            "started.\n",
        ),
    ]:
        ended = command_line.run("tokens", "rotate", *options, *arguments)
        assert (ended.returncode, ended.stderr) == (0, said)


def test_a_stopped_rotation_says_how_to_continue(command_line: CommandLine) -> None:
    _, options = command_line.gateway()
    # The first such call checks the right to revoke, before the rotation starts.
    command_line.sandbox.fault("status", f"{APPLICATION_TOKEN}/*", status=503, skip=1)
    ended = command_line.run("--timeout", 2, "tokens", "rotate", *options)
    assert ended.returncode == 10
    assert "Run the same command again to continue the rotation." in ended.stderr
    command_line.sandbox.clear_faults()
    assert command_line.run("tokens", "rotate", *options).returncode == 0
    assert active(command_line) == [in_file(command_line)]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--store", "store"], "EMNIFY_APPLICATION_TOKEN is set"),
        (["--application-token-file", "secret"], "tokens rotate needs --store DIRECTORY"),
        (
            ["--application-token-file", "here", "--store", "redis://localhost"],
            "the store must be a directory",
        ),
    ],
)
def test_missing_arguments_are_reported(
    command_line: CommandLine, arguments: list[str], said: str
) -> None:
    (command_line.place / "here").write_text("something")
    ended = command_line.run("tokens", "rotate", *arguments)
    assert ended.returncode == 2
    assert said in ended.stderr
    assert command_line.sandbox.calls() == 0
