"""The command line at a terminal: colours, questions, progress, Ctrl-C."""

import pytest
from rich.cells import cell_len

from emnify_auth._cli._table import fitting

from command_line import CommandLine
from sandbox import PASSWORD, SIM, USER_WITH_MFA


def test_a_terminal_gets_a_table_in_colour(command_line: CommandLine) -> None:
    with command_line.terminal("tokens", "list") as terminal:
        assert terminal.end() == 0
    assert "\x1b[32mactivated" in terminal.raw
    headings, row = terminal.screen.splitlines()
    assert headings.split() == [
        "ID",
        "DESCRIPTION",
        "STATUS",
        "EXPIRES",
        "ADDRESS",
        "CREATED",
        "BY",
    ]
    assert row.split()[:3] == ["4711", "Sandbox", "activated"]


def test_a_narrow_terminal_gets_fewer_columns_and_no_cut_text(command_line: CommandLine) -> None:
    description = "gateway in the cellar of the building at the far end of the yard"
    command_line.sandbox.seed(description=description, expiry_date="2099-01-01", ip="192.0.2.0/24")
    with command_line.terminal("tokens", "list", environment={"COLUMNS": "60"}) as terminal:
        assert terminal.end() == 0
    *lines, note = terminal.screen.splitlines()
    assert lines[0].split() == ["ID", "DESCRIPTION", "STATUS", "EXPIRES", "ADDRESS"]
    assert note == "emnify-auth: too narrow for CREATED, BY; --json shows all"
    assert lines[2].split()[-3:] == ["activated", "2099-01-01", "192.0.2.0/24"]
    column = slice(lines[0].index("DESCRIPTION"), lines[0].index("STATUS"))
    assert " ".join(line[column].strip() for line in lines[2:]) == description


@pytest.mark.parametrize("width", [24, 50, 64, 80, 100, 140])
@pytest.mark.parametrize("command", ["list", "audit"])
def test_no_text_in_a_table_is_cut_off(command_line: CommandLine, width: int, command: str) -> None:
    descriptions = ("gateway in the cellar", "without-spaces-" * 4, "長い名前" * 9)
    for description in descriptions:
        command_line.sandbox.seed(
            description=description, expiry_date="2099-01-01T12:30:00Z", ip="2001:db8:1:2::/64"
        )
    environment = {"COLUMNS": str(width)}
    with command_line.terminal("tokens", command, environment=environment) as terminal:
        assert terminal.end() == 0
    lines = [line for line in terminal.screen.splitlines() if "too narrow" not in line]
    assert max(cell_len(line.rstrip()) for line in lines) <= width
    assert "…" not in terminal.screen
    # Folded texts continue in the same column.
    text = "".join(line[6:] for line in lines) if width < 50 else terminal.screen
    assert all(part in text for part in ("gateway", "without-", "長い"))


@pytest.mark.parametrize(
    ("screen", "shown"),
    [
        (140, {"ID": 4, "DESCRIPTION": 50, "STATUS": 9, "EXPIRES": 16, "ADDRESS": 12, "BY": 12}),
        (80, {"ID": 4, "DESCRIPTION": 31, "STATUS": 9, "EXPIRES": 16, "ADDRESS": 12}),
        (60, {"ID": 4, "DESCRIPTION": 13, "STATUS": 9, "EXPIRES": 14, "ADDRESS": 12}),
        (50, {"ID": 4, "DESCRIPTION": 15, "STATUS": 9, "EXPIRES": 16}),
        (30, {"ID": 4, "DESCRIPTION": 11, "EXPIRES": 11}),
        (12, {"ID": 4, "DESCRIPTION": 6}),
    ],
)
def test_a_table_leaves_out_columns_before_it_squeezes_others(
    screen: int, shown: dict[str, int]
) -> None:
    headings = ("ID", "DESCRIPTION", "STATUS", "EXPIRES", "ADDRESS", "BY")
    row = ("4711", "x" * 50, "activated", "2099-01-01 12:30", "192.0.2.0/24", "Ford Prefect")
    assert {headings[n]: width for n, width in fitting(headings, [row], screen)} == shown


def test_force_color_lays_results_out_as_on_a_terminal(command_line: CommandLine) -> None:
    ended = command_line.run("tokens", "list", environment={"FORCE_COLOR": "1"})
    assert "\x1b[32mactivated" in ended.stdout
    ended = command_line.run("tokens", "list", environment={"FORCE_COLOR": "1", "NO_COLOR": "1"})
    assert ended.stdout.startswith("  ID  DESCRIPTION")
    assert "\x1b" not in ended.stdout
    ended = command_line.run("tokens", "list", "--json", environment={"FORCE_COLOR": "1"})
    assert ended.stdout.startswith("[")


@pytest.mark.parametrize("how", ["NO_COLOR", "--no-color", "TERM"])
def test_no_escape_codes_where_none_are_wanted(command_line: CommandLine, how: str) -> None:
    environment = {"NO_COLOR": {"NO_COLOR": "1"}, "TERM": {"TERM": "dumb"}}.get(how, {})
    arguments = ["--no-color"] if how == "--no-color" else []
    for words in (["status"], ["tokens", "audit"], ["request", "GET", f"{SIM}/500001"]):
        with command_line.terminal(*words, *arguments, environment=environment) as terminal:
            assert terminal.end() == 0
        assert "\x1b" not in terminal.raw


def test_json_is_indented_on_a_terminal(command_line: CommandLine) -> None:
    with command_line.terminal("request", "GET", f"{SIM}/500001") as terminal:
        assert terminal.end() == 0
    assert "\x1b[" in terminal.raw
    assert '\n  "id": 500001,\n' in terminal.screen


def test_an_auth_token_on_a_terminal_comes_with_a_warning(command_line: CommandLine) -> None:
    with command_line.terminal("token") as terminal:
        assert terminal.end() == 0
    assert "this is a secret: anyone who has it can call the API as you for 4 h" in terminal.screen


def test_the_terminal_asks_for_password_and_one_time_code(command_line: CommandLine) -> None:
    with command_line.terminal("--user", USER_WITH_MFA, "status") as terminal:
        terminal.read_until(f"Password of {USER_WITH_MFA}: ")
        terminal.type(PASSWORD + "\n")
        terminal.read_until("One-time code from emnify: ")
        code = command_line.sandbox.one_time_code()
        terminal.type(f"{code}\n")
        assert terminal.end() == 0
    assert f"none, signed in as {USER_WITH_MFA}" in terminal.screen
    # The password was not echoed.
    assert PASSWORD not in terminal.screen.replace("Password of", "")


def test_without_a_one_time_code_the_sign_in_fails(command_line: CommandLine) -> None:
    environment = {"EMNIFY_PASSWORD": PASSWORD}
    with command_line.terminal(
        "--user", USER_WITH_MFA, "status", environment=environment
    ) as terminal:
        terminal.read_until("One-time code from emnify: ")
        terminal.type("\n")
        assert terminal.end() == 3
    assert "emnify asks for a one-time code, and none was given" in terminal.screen


@pytest.mark.parametrize("question", ["Password of", "One-time code"])
def test_ctrl_c_at_a_prompt_ends_the_command(command_line: CommandLine, question: str) -> None:
    environment = {"EMNIFY_PASSWORD": PASSWORD} if question == "One-time code" else {}
    with command_line.terminal(
        "--user", USER_WITH_MFA, "status", environment=environment
    ) as terminal:
        terminal.read_until(question)
        terminal.type("\x03")
        assert terminal.end() == 130
    assert terminal.screen.endswith("\nemnify-auth: interrupted\n")


@pytest.mark.parametrize(("answer", "code"), [("y", 0), ("n", 1)])
def test_revoking_asks_first(command_line: CommandLine, answer: str, code: int) -> None:
    id = command_line.sandbox.seed(description="gateway 7")
    with command_line.terminal("tokens", "revoke", id) as terminal:
        terminal.read_until("Revoke permanently? [y/N]: ")
        terminal.type(f"{answer}\n")
        assert terminal.end() == code
    assert f"  {id}  gateway 7\n" in terminal.screen
    assert command_line.sandbox.application_tokens()[1]["revoked"] is (answer == "y")


@pytest.mark.parametrize("key", ["\x03", "\x04"])
def test_aborting_the_prompt_revokes_nothing(command_line: CommandLine, key: str) -> None:
    id = command_line.sandbox.seed(description="gateway 7")
    with command_line.terminal("tokens", "revoke", id) as terminal:
        terminal.read_until("Revoke permanently? [y/N]: ")
        terminal.type(key)
        assert terminal.end() == 130
    assert not command_line.sandbox.application_tokens()[1]["revoked"]


def test_a_wait_has_a_progress_bar(command_line: CommandLine) -> None:
    _, options = command_line.gateway()
    with command_line.terminal("tokens", "rotate", *options, "--grace", 1, "--wait") as terminal:
        assert terminal.end() == 0
    assert "Both application tokens work ━" in terminal.screen
    assert terminal.screen.endswith("and 4712 is revoked.\n")


def test_ctrl_c_during_a_wait_says_how_to_continue(command_line: CommandLine) -> None:
    _, options = command_line.gateway()
    with command_line.terminal("tokens", "rotate", *options, "--grace", "1h", "--wait") as terminal:
        terminal.read_until("Both application tokens work")
        terminal.type("\x03")
        assert terminal.end() == 130
    assert "run the same command again to continue" in " ".join(terminal.screen.split())
