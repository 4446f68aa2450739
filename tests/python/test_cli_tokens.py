"""The command line's `tokens`: the list, and a new secret that neither leaks nor gets lost."""

import json
import os
import signal
import stat
import time

import pytest

from command_line import CommandLine, interrupt
from emnify_sandbox import APPLICATION_TOKEN

# Lets every write into a file fail, as a full disk does.
NO_SPACE = ("sh", "-c", 'ulimit -f 0; exec "$0" "$@"')


def test_the_list_has_tabs_for_scripts(command_line: CommandLine) -> None:
    command_line.sandbox.seed(description="gateway 7", expiry_date="2099-01-01", ip="192.0.2.7")
    ended = command_line.run("tokens", "list")
    assert ended.returncode == 0
    [_, fields] = [line.split("\t") for line in ended.stdout.splitlines()]
    assert fields[:5] == ["4712", "gateway 7", "Activated", "2099-01-01", "192.0.2.7"]
    [_, told] = json.loads(command_line.run("tokens", "list", "--json").stdout)
    assert (told["id"], told["expires_at"]) == (4712, "2099-01-01T00:00:00Z")


def test_what_others_wrote_obeys_no_one(command_line: CommandLine) -> None:
    command_line.sandbox.seed(description="evil\x1b[31m\t\n[bold]x\u202e")
    [_, line] = command_line.run("tokens", "list").stdout.splitlines()
    assert line.split("\t")[1] == r"evil\x1b[31m\t\n[bold]x\u202e"


def test_a_new_token_goes_into_a_file_for_its_owner(command_line: CommandLine) -> None:
    ended = command_line.run("tokens", "create", "--description", "gateway 7", "-o", "secret")
    assert ended.returncode == 0
    assert (
        ended.stdout == "Created application token 4712. Its value is in secret and nowhere else.\n"
    )
    file = command_line.place / "secret"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    command_line.without_credential()
    assert command_line.run("status", "--application-token-file", "secret").returncode == 0


def test_a_file_that_exists_is_replaced_only_by_force(command_line: CommandLine) -> None:
    file = command_line.place / "secret"
    file.write_text("precious")
    file.chmod(0o644)
    ended = command_line.run("tokens", "create", "-o", "secret")
    assert ended.returncode == 2
    assert "secret exists; nothing was created. To replace it say --force" in ended.stderr
    assert file.read_text() == "precious"
    told = json.loads(
        command_line.run("tokens", "create", "-o", "secret", "--force", "--json").stdout
    )
    assert told == {"id": 4712, "file": "secret"}
    assert file.read_text() != "precious"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert os.listdir(command_line.place) == ["secret"]


@pytest.mark.parametrize("force", [[], ["--force"]])
def test_what_cannot_be_created_leaves_no_file(command_line: CommandLine, force: list[str]) -> None:
    command_line.sandbox.fault("status", APPLICATION_TOKEN, method="POST", status=403)
    assert command_line.run("tokens", "create", "-o", "secret", *force).returncode == 5
    assert command_line.run("tokens", "create", "-o", "nowhere/secret", *force).returncode == 9
    assert not os.listdir(command_line.place)


def test_a_new_token_is_printed_where_that_is_asked_for(command_line: CommandLine) -> None:
    ended = command_line.run("tokens", "create", "-o", "-", shows_secret=True)
    assert ended.stdout.strip() == command_line.sandbox.application_tokens()[1]["value"]
    assert ended.stderr == "Created application token 4712.\n"


def test_a_token_that_cannot_be_kept_is_revoked(command_line: CommandLine) -> None:
    ended = command_line.run("tokens", "create", "-o", "secret", before=NO_SPACE)
    assert ended.returncode == 9
    assert "secret could not be written: File too large" in ended.stderr
    assert "Application token 4712 was revoked again" in ended.stderr
    assert command_line.sandbox.application_tokens()[1]["revoked"]
    assert not os.listdir(command_line.place)


def test_a_token_that_can_neither_be_kept_nor_revoked_is_told(command_line: CommandLine) -> None:
    command_line.sandbox.fault("status", f"{APPLICATION_TOKEN}/*", status=500)
    ended = command_line.run("tokens", "create", "-o", "secret", before=NO_SPACE)
    assert ended.returncode == 9
    assert "revoke it with `emnify-auth tokens revoke 4712`" in ended.stderr


def test_a_token_that_cannot_be_kept_is_printed_if_that_is_allowed(
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


def test_a_token_that_nobody_reads_is_revoked(command_line: CommandLine) -> None:
    with open("/dev/full", "w") as full:
        process = command_line.start("tokens", "create", "-o", "-", stdout=full)
        _, errors = process.communicate(timeout=30)
    assert process.returncode == 9
    assert "standard output could not be written: No space left on device" in errors
    assert command_line.sandbox.application_tokens()[1]["revoked"]


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_ctrl_c_in_a_create_revokes_what_comes_of_it(
    command_line: CommandLine, sent: signal.Signals
) -> None:
    command_line.sandbox.fault("delay", APPLICATION_TOKEN, method="POST", milliseconds=1_000)
    process = command_line.start("tokens", "create", "-o", "secret")
    wait_for(command_line, "POST", APPLICATION_TOKEN)
    said, errors = interrupt(process, sent)
    assert process.returncode == 130
    assert said == ""
    assert "Application token 4712 was revoked again" in errors
    assert "Traceback" not in errors
    assert command_line.sandbox.application_tokens()[1]["revoked"]
    assert not os.listdir(command_line.place)


def wait_for(command_line: CommandLine, method: str, path: str) -> None:
    """Wait until a request was made, which a delay goes on holding up."""
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
    assert "4711 is the one that this command signs in with" in ended.stderr
    assert not any(row["revoked"] for row in command_line.sandbox.application_tokens())
    assert command_line.run("tokens", "revoke", "--yes", 4711).returncode == 0
    assert command_line.sandbox.application_tokens()[0]["revoked"]


def test_an_audit_fails_where_that_is_asked_for(command_line: CommandLine) -> None:
    ended = command_line.run("tokens", "audit")
    assert ended.returncode == 0
    assert ended.stdout.endswith("\town no_address_restriction no_expiry\n")
    assert command_line.run("tokens", "audit", "--fail").returncode == 11
    told = json.loads(command_line.run("tokens", "audit", "--json").stdout)
    assert told[0]["findings"] == ["own", "no_address_restriction", "no_expiry"]


def test_an_audit_passes_where_nothing_is_wrong_with_what_works(command_line: CommandLine) -> None:
    ignored = ["--ignore", "no_expiry", "--ignore", "no_address_restriction"]
    sandbox = command_line.sandbox
    sandbox.seed(expiry_date="2020-01-01")
    sandbox.seed(status=1)
    assert command_line.run("tokens", "audit", "--fail", *ignored).returncode == 0
    assert (
        command_line.run("tokens", "audit", "--fail", *ignored, "--older-than", 0).returncode == 11
    )
