"""The commands for refused sign-ins, and for values that were found in public."""

import json
import re

from command_line import CommandLine
from sandbox import AUTHENTICATE


def test_failures_say_who_still_uses_a_replaced_token(command_line: CommandLine) -> None:
    sandbox = command_line.sandbox
    sandbox.settings(peer_address="203.0.113.7")
    old = sandbox.seed(description="gateway 7", status=1)
    sandbox.seed(description="gateway 7")
    sandbox.refuse(old)
    sandbox.refuse(old)
    ended = command_line.run("tokens", "failures")
    assert ended.returncode == 0
    rows = [line.split("\t") for line in ended.stdout.splitlines()]
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d UTC", at) for at, *_ in rows)
    assert [row for _, *row in rows] == [
        ["4712", "gateway 7", "203.0.113.7", "TokenStatus Revoked"]
    ] * 2
    [note] = ended.stderr.splitlines()
    assert note.startswith(
        "emnify-auth: the old token of gateway 7 (4712) was refused from 203.0.113.7 "
    )
    assert note.endswith(" s ago; 4713 probably replaced it")

    [first, _] = json.loads(command_line.run("tokens", "failures", "--json").stdout)
    assert (first["token_ids"], first["successor_id"]) == ([4712], 4713)
    assert first["at"].endswith("Z")
    audit = command_line.run(
        "tokens", "audit", "--fail", "--ignore", "no_expiry", "--ignore", "no_address_restriction"
    )
    assert audit.returncode == 11
    assert "refused_lately revoked" in audit.stdout


def test_an_audit_says_that_it_is_incomplete(command_line: CommandLine) -> None:
    command_line.sandbox.fault("status", "/api/v1/event", status=403)
    ended = command_line.run("tokens", "audit")
    assert ended.returncode == 0
    assert "not all refused sign-ins could be read" in ended.stderr
    ended = command_line.run("tokens", "audit", "--refused-within", "0")
    assert ended.stderr == ""


def test_a_found_value_is_inspected_offline(command_line: CommandLine) -> None:
    sandbox = command_line.sandbox
    id = sandbox.seed(expiry_date="2099-01-01T00:00:00.000Z")
    (command_line.place / "found").write_text(sandbox.value_of(id) + "\n")
    ended = command_line.run("tokens", "inspect", "--value-file", "found")
    assert ended.returncode == 0
    told = dict(line.split("\t") for line in ended.stdout.splitlines())
    assert told.pop("Created")
    assert told == {
        "Kind": "application token",
        "Application token": "4712",
        "Workspace": "1234",
        "Expires": "2099-01-01",
    }
    told = json.loads(
        command_line.run("tokens", "inspect", "--json", input=sandbox.value_of(id)).stdout
    )
    assert (told["id"], told["is_auth_token"]) == (4712, False)
    assert sandbox.calls() == 0


def test_an_opaque_value_says_nothing(command_line: CommandLine) -> None:
    ended = command_line.run("tokens", "inspect", input="opaque")
    assert ended.stdout == "The value is opaque: it says nothing about itself.\n"
    for value, problem in (("", "is empty"), ("\udcff", "is not UTF-8")):
        (command_line.place / "found").write_bytes(value.encode(errors="surrogateescape"))
        ended = command_line.run("tokens", "inspect", "--value-file", "found")
        assert (ended.returncode, problem in ended.stderr) == (2, True)
    assert command_line.run("tokens", "inspect", "--value-file", "nowhere").returncode == 2


def test_a_terminal_does_not_show_the_value_that_is_pasted(command_line: CommandLine) -> None:
    value = command_line.sandbox.application_token
    with command_line.terminal("tokens", "inspect") as terminal:
        terminal.read_until("Value of the token: ")
        terminal.type(value + "\n")
        terminal.read_until("4711")
        assert terminal.end() == 0
    command_line.sees_no_secret(terminal.screen)


def test_a_found_value_is_revoked(command_line: CommandLine) -> None:
    sandbox = command_line.sandbox
    for shape in ("jwt", "opaque"):
        sandbox.settings(application_token_shape=shape)
        id = sandbox.seed()
        ended = command_line.run(
            "tokens", "revoke", "--value-file", "-", input=sandbox.value_of(id)
        )
        assert ended.stdout == f"Revoked application token {id}.\n"
        assert sandbox.application_tokens()[-1]["revoked"]


def test_the_own_value_is_revoked_only_with_yes(command_line: CommandLine) -> None:
    sandbox = command_line.sandbox
    words = ("tokens", "revoke", "--value-file", "-")
    ended = command_line.run(*words, input=sandbox.application_token)
    assert ended.returncode == 2
    assert "this command signs in with application token 4711" in ended.stderr
    assert not sandbox.application_tokens()[0]["revoked"]
    assert command_line.run(*words, "--yes", input=sandbox.application_token).returncode == 0
    assert sandbox.application_tokens()[0]["revoked"]


def test_a_forged_value_revokes_nothing(command_line: CommandLine) -> None:
    sandbox = command_line.sandbox
    forged = sandbox.value_of(sandbox.seed())[:-6] + "forged"
    ended = command_line.run("tokens", "revoke", "--value-file", "-", input=forged)
    assert ended.returncode == 3
    assert "it names itself application token 4712" in ended.stderr
    assert not any(row["revoked"] for row in sandbox.application_tokens())
    for words in ((), ("4712", "--value-file", "-")):
        assert command_line.run("tokens", "revoke", *words, input="x").returncode == 2
    assert sandbox.calls("POST", AUTHENTICATE, status=401) == 1
