"""The command line in general: its output, its formats and its exit codes."""

import json
import subprocess
import sys

import pytest

import emnify_auth

from command_line import CommandLine
from sandbox import APPLICATION_TOKEN, AUTHENTICATE, LONG, PASSWORD, SIM, USER


def test_status_shows_who_is_signed_in_and_for_how_long(command_line: CommandLine) -> None:
    ended = command_line.run("status")
    assert ended.returncode == 0
    told = dict(line.split("\t") for line in ended.stdout.splitlines())
    assert told["Workspace"] == "1234"
    assert told["Application token"] == "4711 (Sandbox), never expires"
    assert told["Auth token"].endswith("UTC (in 4 h)")
    assert told["Store"] == "none, each command signs in"
    assert ended.stderr == ""


def test_status_shows_when_the_application_token_expires(command_line: CommandLine) -> None:
    for expiry_date, shown in (
        ("2099-01-01T12:30:00Z", "2099-01-01 12:30 UTC"),
        ("2099-01-01T00:00:00Z", "2099-01-01"),
    ):
        created = command_line.sandbox.add_application_token(expiry_date=expiry_date)
        environment = {"EMNIFY_APPLICATION_TOKEN": created.value}
        ended = command_line.run("status", environment=environment)
        assert f"{created.id} (without description), expires {shown}\n" in ended.stdout


def test_a_store_that_does_not_work_is_reported_once(command_line: CommandLine) -> None:
    store = command_line.place / "store"
    store.mkdir()
    store.chmod(0o777)
    ended = command_line.run("status", "--store", store)
    [line] = ended.stderr.splitlines()
    assert f"run: chmod go-w '{store}'; the session continues in memory" in line
    verbose = command_line.run("status", "--store", store, "--verbose")
    assert verbose.stderr.count("the store failed") > 1


def test_status_as_json(command_line: CommandLine) -> None:
    told = json.loads(command_line.run("status", "--json", "--store", "store").stdout)
    assert told["workspace"] == 1234
    assert told["application_token"]["id"] == 4711
    assert told["auth_token_expires_at"].endswith("Z")
    assert told["signed_in_anew"] is True


def test_a_store_saves_the_next_command_from_signing_in(command_line: CommandLine) -> None:
    for how in ("signed in", "used the stored session"):
        assert f"store ({how})" in command_line.run("status", "--store", "store").stdout
    assert command_line.sandbox.calls("POST", AUTHENTICATE) == 1


def test_a_store_that_fails_is_reported(command_line: CommandLine) -> None:
    (command_line.place / "file").touch()
    ended = command_line.run("status", "--store", "file/store")
    assert ended.returncode == 0
    assert "store" in ended.stderr


def test_status_works_without_the_right_to_read_the_list(command_line: CommandLine) -> None:
    command_line.sandbox.fault("status", APPLICATION_TOKEN, status=403)
    ended = command_line.run("status")
    assert ended.returncode == 0
    assert "no right to read the list of application tokens" in ended.stdout


def test_the_auth_token_is_alone_on_standard_output(command_line: CommandLine) -> None:
    ended = command_line.run("token", shows_secret=True)
    assert ended.stdout.startswith("eyJ")
    assert ended.stdout.count("\n") == 1
    # The warning is printed only on a terminal.
    assert ended.stderr == ""
    ended = command_line.run("token", "--header", shows_secret=True)
    assert ended.stdout.startswith("Authorization: Bearer eyJ")
    told = json.loads(command_line.run("token", "--json", shows_secret=True).stdout)
    assert told["auth_token"].startswith("eyJ")


def test_common_options_stand_before_the_command_or_after_it(command_line: CommandLine) -> None:
    assert json.loads(command_line.run("--json", "tokens", "list").stdout)
    assert json.loads(command_line.run("tokens", "list", "--json").stdout)


def test_verbose_prints_events(command_line: CommandLine) -> None:
    ended = command_line.run("status", "-v")
    assert ended.stderr.startswith("emnify-auth: signed in, until ")


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        (AUTHENTICATE, 401, 3),
        (SIM, 400, 2),
        (SIM, 403, 5),
        (SIM, 404, 4),
        (SIM, 409, 1),
        (SIM, 422, 2),
        (SIM, 429, 7),
        (SIM, 500, 8),
    ],
)
def test_the_exit_code_matches_the_http_status(
    command_line: CommandLine, path: str, status: int, code: int
) -> None:
    command_line.sandbox.fault("status", path, status=status)
    ended = command_line.run("--timeout", "1s", "request", "GET", SIM)
    assert ended.returncode == code, ended.stderr
    assert ended.stdout == ""
    assert ended.stderr.startswith("emnify-auth: ")
    assert f"(HTTP {status})" in ended.stderr
    failed = command_line.run("--timeout", "1s", "--json", "request", "GET", SIM)
    told = json.loads(failed.stderr)["error"]
    assert (told["http_status"], told["exit_code"]) == (status, code)


@pytest.mark.parametrize("retries", [0, 3])
def test_temporary_failures_are_retried_as_often_as_asked_for(
    command_line: CommandLine, retries: int
) -> None:
    command_line.sandbox.fault("status", SIM, status=503)
    ended = command_line.run("request", "GET", SIM, "--retries", retries)
    assert ended.returncode == 8
    assert command_line.sandbox.calls("GET", SIM) == retries + 1


def test_a_message_that_says_what_to_do_is_followed_by_no_other_advice(
    command_line: CommandLine,
) -> None:
    command_line.sandbox.fault("status", AUTHENTICATE, status=500)
    [line] = command_line.run("status", "--timeout", 1).stderr.splitlines()
    assert "; try again later (HTTP 500); the next attempt is possible in " in line


def test_the_exit_code_without_a_connection_is_6(command_line: CommandLine) -> None:
    assert command_line.run("--base-url", "https://127.0.0.1:1", "status").returncode == 6
    no_authority = {"SSL_CERT_FILE": "", "REQUESTS_CA_BUNDLE": ""}
    ended = command_line.run("status", environment=no_authority)
    assert ended.returncode == 6
    assert "set --ca-bundle or SSL_CERT_FILE" in ended.stderr
    command_line.sandbox.fault("delay", AUTHENTICATE, milliseconds=LONG)
    assert command_line.run("--timeout", "0.3", "status").returncode == 6


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nonsense"], "No such command 'nonsense'"),
        (["tokens", "update", "7"], "Missing option '--description'"),
        (["tokens", "revoke", "x"], "'x' is not the id of an application token"),
        (["tokens", "update", "0", "--description", "x"], "'0' is not the id of an application"),
        (["request", "GET", "/api", "--all", "--per-page", "x"], "'x' is not a whole number"),
        (["--base-url", "http://example.com", "status"], "--base-url: "),
        (["status", "--retries", "-1"], "'-1' is not a whole number from 0"),
        (["status", "--timeout", "soon"], "'soon' is not a duration; write 90 (seconds), 15m"),
        (["status", "--store", "redis://:canary@localhost/0"], "contains a password"),
        (["status", "--store", "redis+unix:///s?pass=canary"], "contains a password"),
        (["status", "--user", "a", "--application-token-file", "b"], "are both given"),
        (["tokens", "create", "-o", "x", "--expiry-date", "soon"], "--expiry-date: must be a date"),
        (["request", "GET", "api"], "path: must start with one slash"),
        (["request", "GET", "/api", "-H", "canary"], "must have the form 'Name: value'"),
        (["request", "POST", "/api", "--json", "{"], "is not valid JSON, line 1"),
        (["request", "POST", "/api", "--all"], "--all needs GET"),
    ],
)
def test_wrong_usage_ends_with_2_before_anything_is_changed(
    command_line: CommandLine, arguments: list[str], said: str
) -> None:
    ended = command_line.run(*arguments)
    assert ended.returncode == 2
    assert said in ended.stderr
    assert "canary" not in ended.stderr
    assert command_line.sandbox.calls("", APPLICATION_TOKEN) == 0


def test_without_credentials_the_message_names_the_variables(command_line: CommandLine) -> None:
    command_line.without_credential()
    ended = command_line.run("status")
    assert ended.returncode == 2
    assert "set EMNIFY_APPLICATION_TOKEN or EMNIFY_APPLICATION_TOKEN_FILE" in ended.stderr


def test_a_user_signs_in_with_a_password_from_the_environment_or_a_file(
    command_line: CommandLine,
) -> None:
    said = f"none, signed in as {USER}"
    assert (
        said
        in command_line.run(
            "--user", USER, "status", environment={"EMNIFY_PASSWORD": PASSWORD}
        ).stdout
    )
    (command_line.place / "password").write_text(PASSWORD + "\n")
    ended = command_line.run("status", "--user", USER, "--password-file", "password")
    assert said in ended.stdout
    ended = command_line.run("status", "--user", USER, "--password-file", "nowhere")
    assert (ended.returncode, "nowhere" in ended.stderr) == (2, True)


def test_a_user_switches_to_another_workspace(command_line: CommandLine) -> None:
    environment = {"EMNIFY_PASSWORD": PASSWORD}
    ended = command_line.run(
        "status", "--user", USER, "--workspace", 5678, "--json", environment=environment
    )
    assert json.loads(ended.stdout)["workspace"] == 5678
    ended = command_line.run("status", "--workspace", 5678)
    assert ended.returncode == 2
    assert "--workspace needs --user" in ended.stderr


def test_help_lists_the_exit_codes(command_line: CommandLine) -> None:
    ended = command_line.run("--help")
    assert ended.returncode == 0
    for code in (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 126, 127, 130, 141):
        assert f"\n    {code} " in ended.stdout
    for line in ended.stdout.splitlines():
        assert len(line) <= 100, line


def test_the_version_is_the_package_s(command_line: CommandLine) -> None:
    assert emnify_auth.__version__ in command_line.run("--version").stdout


def test_the_command_runs_as_a_module() -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "emnify_auth", "--help"], capture_output=True, text=True, check=True
    )
    assert ended.stdout.startswith("Usage: emnify-auth ")


@pytest.mark.parametrize("missing", ["click", "rich", "jmespath"])
def test_without_the_extra_the_message_names_the_install_command(missing: str) -> None:
    # A module that is None in sys.modules cannot be imported.
    program = (
        f"import sys; sys.modules[{missing!r}] = None; "
        "from emnify_auth._cli import main; sys.exit(main())"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 2
    assert "pip install 'emnify-auth[cli]'" in ended.stderr
    assert "Traceback" not in ended.stderr
