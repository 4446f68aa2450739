"""The commands under `tokens`. A new secret must neither leak nor get lost."""

import json
import os
import signal
import stat
import time

import pytest

from command_line import CommandLine, interrupt
from sandbox import APPLICATION_TOKEN

# Makes every write to a file fail, like a full disk.
NO_SPACE = ("sh", "-c", 'ulimit -f 0; exec "$0" "$@"')


def test_the_list_is_tab_separated_for_scripts(command_line: CommandLine) -> None:
    command_line.sandbox.seed(description="gateway 7", expiry_date="2099-01-01", ip="192.0.2.7")
    ended = command_line.run("tokens", "list")
    assert ended.returncode == 0
    [_, fields] = [line.split("\t") for line in ended.stdout.splitlines()]
    assert fields[:5] == ["4712", "gateway 7", "activated", "2099-01-01", "192.0.2.7"]
    [_, told] = json.loads(command_line.run("tokens", "list", "--json").stdout)
    assert (told["id"], told["expires_at"]) == (4712, "2099-01-01T00:00:00Z")


def test_control_characters_in_descriptions_are_escaped(command_line: CommandLine) -> None:
    command_line.sandbox.seed(description="evil\x1b[31m\t\n[bold]x\u202e")
    [_, line] = command_line.run("tokens", "list").stdout.splitlines()
    assert line.split("\t")[1] == r"evil\x1b[31m\t\n[bold]x\u202e"


def test_a_new_token_goes_into_a_file_with_mode_0600(command_line: CommandLine) -> None:
    ended = command_line.run("tokens", "create", "--description", "gateway 7", "-o", "secret")
    assert ended.returncode == 0
    assert ended.stdout == (
        "Created application token 4712. Its value was written to secret and cannot be shown "
        "again.\n"
    )
    file = command_line.place / "secret"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    command_line.without_credential()
    assert command_line.run("status", "--application-token-file", "secret").returncode == 0


def test_an_existing_file_is_replaced_only_with_force(command_line: CommandLine) -> None:
    file = command_line.place / "secret"
    file.write_text("precious")
    file.chmod(0o644)
    ended = command_line.run("tokens", "create", "-o", "secret")
    assert ended.returncode == 2
    assert "secret exists; nothing was created. Pass --force to replace it" in ended.stderr
    assert file.read_text() == "precious"
    told = json.loads(
        command_line.run("tokens", "create", "-o", "secret", "--force", "--json").stdout
    )
    assert told == {"id": 4712, "file": "secret"}
    assert file.read_text() != "precious"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert os.listdir(command_line.place) == ["secret"]


@pytest.mark.parametrize("force", [[], ["--force"]])
def test_a_failed_create_leaves_no_file(command_line: CommandLine, force: list[str]) -> None:
    command_line.sandbox.fault("status", APPLICATION_TOKEN, method="POST", status=403)
    assert command_line.run("tokens", "create", "-o", "secret", *force).returncode == 5
    assert command_line.run("tokens", "create", "-o", "nowhere/secret", *force).returncode == 9
    assert not os.listdir(command_line.place)


def test_a_new_token_is_printed_if_the_output_is_a_dash(command_line: CommandLine) -> None:
    ended = command_line.run("tokens", "create", "-o", "-", shows_secret=True)
    assert ended.stdout.strip() == command_line.sandbox.application_tokens()[1]["value"]
    advice = "emnify-auth: the new application token"
    assert ended.stderr.splitlines() == [
        f"{advice} never expires; emnify advises to set an expiry date",
        f"{advice} may be used from any address; emnify advises to restrict it",
        "Created application token 4712.",
    ]


def test_a_token_that_cannot_be_written_is_revoked(command_line: CommandLine) -> None:
    ended = command_line.run("tokens", "create", "-o", "secret", before=NO_SPACE)
    assert ended.returncode == 9
    assert "writing to secret failed: File too large" in ended.stderr
    assert "Application token 4712 was revoked" in ended.stderr
    assert command_line.sandbox.application_tokens()[1]["revoked"]
    assert not os.listdir(command_line.place)


def test_a_token_that_can_neither_be_written_nor_revoked_is_reported(
    command_line: CommandLine,
) -> None:
    command_line.sandbox.fault("status", f"{APPLICATION_TOKEN}/*", status=500)
    ended = command_line.run("tokens", "create", "-o", "secret", before=NO_SPACE)
    assert ended.returncode == 9
    assert "revoke it with `emnify-auth tokens revoke 4712`" in ended.stderr


def test_with_or_print_a_token_that_cannot_be_written_is_printed(
    command_line: CommandLine,
) -> None:
    ended = command_line.run(
        "tokens", "create", "-o", "secret", "--or-print", before=NO_SPACE, shows_secret=True
    )
    assert ended.returncode == 9
    [_, row] = command_line.sandbox.application_tokens()
    assert ended.stdout == row["value"] + "\n"
    assert not row["revoked"]
    command_line.sees_no_secret(ended.stderr)


def test_a_token_that_standard_output_does_not_take_is_revoked(command_line: CommandLine) -> None:
    with open("/dev/full", "w") as full:
        process = command_line.start("tokens", "create", "-o", "-", stdout=full)
        _, errors = process.communicate(timeout=30)
    assert process.returncode == 9
    assert "writing to standard output failed: No space left on device" in errors
    assert command_line.sandbox.application_tokens()[1]["revoked"]


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_ctrl_c_during_create_revokes_the_new_token(
    command_line: CommandLine, sent: signal.Signals
) -> None:
    if signal.getsignal(sent) is signal.SIG_IGN:
        pytest.skip("what nohup starts ignores SIGHUP")
    command_line.sandbox.fault("delay", APPLICATION_TOKEN, method="POST", milliseconds=1_000)
    process = command_line.start("tokens", "create", "-o", "secret")
    wait_for(command_line, "POST", APPLICATION_TOKEN)
    said, errors = interrupt(process, sent)
    assert process.returncode == 130
    assert said == ""
    assert "Application token 4712 was revoked" in errors
    assert "Traceback" not in errors
    assert command_line.sandbox.application_tokens()[1]["revoked"]
    assert not os.listdir(command_line.place)


def wait_for(command_line: CommandLine, method: str, path: str) -> None:
    """Wait until the sandbox has received a request. A fault delays its response."""
    for _ in range(400):
        if command_line.sandbox.calls(method, path):
            return
        time.sleep(0.01)
    pytest.fail(f"no {method} {path}")


def test_a_description_is_changed(command_line: CommandLine) -> None:
    id = command_line.sandbox.seed(description="gateway 7")
    assert command_line.run("tokens", "update", id, "--description", "spare").returncode == 0
    assert command_line.sandbox.application_tokens()[1]["description"] == "spare"


def test_tokens_are_revoked_by_their_ids(command_line: CommandLine) -> None:
    ids = [command_line.sandbox.seed(), command_line.sandbox.seed()]
    ended = command_line.run("tokens", "revoke", *ids, 99)
    assert ended.returncode == 4
    assert ended.stdout == "Revoked application token 4712.\nRevoked application token 4713.\n"
    assert "application token 99" in ended.stderr
    assert all(row["revoked"] for row in command_line.sandbox.application_tokens()[1:])


def test_the_own_token_is_not_revoked_by_mistake(command_line: CommandLine) -> None:
    id = command_line.sandbox.seed()
    ended = command_line.run("tokens", "revoke", id, 4711)
    assert ended.returncode == 2
    assert "this command signs in with application token 4711" in ended.stderr
    assert not any(row["revoked"] for row in command_line.sandbox.application_tokens())
    assert command_line.run("tokens", "revoke", "--yes", 4711).returncode == 0
    assert command_line.sandbox.application_tokens()[0]["revoked"]


def test_an_audit_with_fail_exits_with_11(command_line: CommandLine) -> None:
    ended = command_line.run("tokens", "audit")
    assert ended.returncode == 0
    assert ended.stdout.endswith("\town no_address_restriction no_expiry\n")
    assert command_line.run("tokens", "audit", "--fail").returncode == 11
    told = json.loads(command_line.run("tokens", "audit", "--json").stdout)
    assert told[0]["findings"] == ["own", "no_address_restriction", "no_expiry"]


def test_an_audit_ignores_revoked_and_expired_tokens(command_line: CommandLine) -> None:
    ignored = ["--ignore", "no_expiry", "--ignore", "no_address_restriction"]
    sandbox = command_line.sandbox
    sandbox.seed(expiry_date="2020-01-01")
    sandbox.seed(status=1)
    assert command_line.run("tokens", "audit", "--fail", *ignored).returncode == 0
    assert (
        command_line.run("tokens", "audit", "--fail", *ignored, "--older-than", 0).returncode == 11
    )
