"""The command `metrics`."""

import os

from test_metrics import parsed

from command_line import CommandLine
from sandbox import APPLICATION_TOKEN, AUTHENTICATE

EXPIRY = "emnify_application_token_expiry_timestamp_seconds"


def values(text: str) -> dict[str, float]:
    """Return the values of the metrics without labels."""
    return {s.name: s.value for family in parsed(text) for s in family.samples if not s.labels}


def test_metrics_are_printed(command_line: CommandLine) -> None:
    _, options = command_line.gateway()
    ended = command_line.run("metrics", *options)
    assert (ended.returncode, ended.stderr) == (0, "")
    found = values(ended.stdout)
    assert found["emnify_signed_in"] == found["emnify_sign_in_requests_total"] == 1
    assert found[EXPIRY] > 4e9
    assert values(command_line.run("metrics", *options, "--output", "-").stdout)
    assert found["emnify_store_entry_timestamp_seconds"] > 1.7e9
    assert command_line.sandbox.calls("GET", APPLICATION_TOKEN) == 0
    # The next run uses the session in the store.
    found = values(command_line.run("metrics", *options).stdout)
    assert found["emnify_signed_in"] == 1
    assert found["emnify_sign_in_requests_total"] == 0


def test_an_expiry_that_only_the_list_shows_is_looked_up(command_line: CommandLine) -> None:
    command_line.sandbox.settings(application_token_shape="opaque")
    _, options = command_line.gateway()
    assert values(command_line.run("metrics", *options).stdout)[EXPIRY] > 4e9
    assert command_line.sandbox.calls("GET", APPLICATION_TOKEN) == 1


def test_a_file_is_replaced_in_one_step_and_readable_for_all(command_line: CommandLine) -> None:
    file = command_line.place / "emnify.prom"
    file.write_text("old")
    with file.open() as opened:
        ended = command_line.run(
            "metrics", "--output", file, before=("sh", "-c", 'umask 77; "$@"', "-")
        )
        assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")
        assert opened.read() == "old"
    assert values(file.read_text())["emnify_signed_in"] == 1
    assert file.stat().st_mode & 0o777 == 0o644
    assert os.listdir(command_line.place) == ["emnify.prom"]


def test_a_failed_sign_in_is_in_the_metrics(command_line: CommandLine) -> None:
    command_line.sandbox.fault("status", AUTHENTICATE, status=401)
    ended = command_line.run("metrics", "--output", "emnify.prom")
    assert ended.returncode == 3
    assert "refused" in ended.stderr
    text = (command_line.place / "emnify.prom").read_text()
    assert values(text)["emnify_signed_in"] == 0
    assert 'emnify_sign_in_error{kind="rejected"} 1\n' in text


def test_a_file_that_cannot_be_written_is_named(command_line: CommandLine) -> None:
    ended = command_line.run("metrics", "--output", "missing/emnify.prom")
    assert ended.returncode == 9
    assert "cannot write missing/emnify.prom: No such file or directory" in ended.stderr


def test_a_symbolic_link_stays_and_its_target_is_replaced(command_line: CommandLine) -> None:
    target, link = command_line.place / "target", command_line.place / "link"
    target.write_text("old")
    link.symlink_to(target)
    assert command_line.run("metrics", "--output", "link").returncode == 0
    assert link.is_symlink()
    assert "emnify_signed_in 1" in target.read_text()
