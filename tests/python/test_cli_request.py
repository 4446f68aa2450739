"""The command `request`: bodies, headers and all pages of a list."""

import json

import pytest

from emnify_auth._cli._fields import collected
from emnify_auth._cli._values import FIELD

from command_line import CommandLine
from sandbox import ENDPOINT, SIM


def test_the_body_is_printed_unchanged(command_line: CommandLine) -> None:
    ended = command_line.run("request", "get", SIM, "-p", "per_page=3", "-p", "page=2")
    assert ended.returncode == 0
    assert len(json.loads(ended.stdout)) == 3
    assert command_line.sandbox.requests()[-1]["path"] == SIM


def test_a_body_comes_from_the_argument_a_file_or_standard_input(
    command_line: CommandLine,
) -> None:
    id = json.loads(command_line.run("request", "GET", ENDPOINT, "-p", "per_page=1").stdout)[0][
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


def test_the_status_and_the_headers_are_included(command_line: CommandLine) -> None:
    plain = command_line.run("request", "GET", SIM, "-p", "per_page=1").stdout
    ended = command_line.run("request", "GET", SIM, "-p", "per_page=1", "--include")
    head, _, body = ended.stdout.partition("\n\n")
    status, *headers = head.split("\n")
    assert status == "HTTP/1.1 200 OK"
    assert "content-type: application/json; charset=UTF-8" in headers
    assert len(json.loads(body)) == len(json.loads(plain)) == 1
    for other in (["--all"], ["--query", "id"]):
        assert command_line.run("request", "GET", SIM, "-i", *other).returncode == 2


def test_all_pages_are_one_array_or_one_row_per_line(command_line: CommandLine) -> None:
    array = json.loads(command_line.run("request", "GET", SIM, "--all").stdout)
    lines = command_line.run("request", "GET", SIM, "--all", "--lines", "--per-page", 70).stdout
    assert [json.loads(line) for line in lines.splitlines()] == array
    assert len({row["id"] for row in array}) == 300


def test_an_empty_list_is_an_empty_array(command_line: CommandLine) -> None:
    ended = command_line.run("request", "GET", SIM, "--all", "-p", "q=iccid:0")
    assert json.loads(ended.stdout) == []


def test_fields_are_the_json_body(command_line: CommandLine) -> None:
    [endpoint] = json.loads(command_line.run("request", "GET", ENDPOINT, "-p", "per_page=1").stdout)
    path = f"{ENDPOINT}/{endpoint['id']}"
    ended = command_line.run("request", "PATCH", path, "-d", "name=007", "-d", "tags:=null")
    assert (ended.returncode, ended.stderr) == (0, "")
    ended = command_line.run("request", "GET", path, "--query", "name")
    assert ended.stdout == "007\n"


@pytest.mark.parametrize(
    ("fields", "body"),
    [
        (["a=1", "b:=1", "c:=[true, null]"], {"a": "1", "b": 1, "c": [True, None]}),
        (["status[id]:=0", "status[by][name]=a=b"], {"status": {"id": 0, "by": {"name": "a=b"}}}),
        (["tags[]=a", "tags[]=b"], {"tags": ["a", "b"]}),
        (["a[][b]=1", "a[][c]=2", "a[][b]=3"], {"a": [{"b": "1", "c": "2"}, {"b": "3"}]}),
    ],
)
def test_the_names_of_fields_may_be_nested(fields: list[str], body: object) -> None:
    assert collected(FIELD.convert(field, None, None) for field in fields) == body


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["-d", "a=1", "-d", "a=2"], "--data: a contradicts an earlier field"),
        (["-d", "a=1", "-d", "a[b]=2"], "--data: a[b] contradicts an earlier field"),
        (["-d", "a[b=1"], "--data: a[b is not a name"),
        (["-d", "=canary"], "must have the form name=text or name:=JSON"),
        (["-d", "a:=canary"], "a:= must be followed by JSON"),
        (["-d", "a=1", "--json", "{}"], "pass only one"),
    ],
)
def test_wrong_fields_are_refused(
    command_line: CommandLine, arguments: list[str], said: str
) -> None:
    ended = command_line.run("request", "POST", SIM, *arguments)
    assert (ended.returncode, said in ended.stderr) == (2, True), ended.stderr
    assert "canary" not in ended.stderr
    assert command_line.sandbox.calls() == 0


def test_a_get_has_no_body(command_line: CommandLine) -> None:
    ended = command_line.run("request", "GET", SIM, "-d", "per_page=1")
    assert (ended.returncode, command_line.sandbox.calls()) == (2, 0)
    assert "GET has no body; pass query parameters with --param" in ended.stderr


def test_a_query_selects_from_any_result(command_line: CommandLine) -> None:
    for arguments, selected in (
        (["tokens", "list", "--query", "[].{id: id}"], [{"id": 4711}]),
        (["status", "-q", "workspace"], 1234),
        (["request", "GET", f"{SIM}/500001", "-q", "id"], 500001),
        (["request", "GET", SIM, "--all", "-q", "length(@)"], 300),
    ):
        assert json.loads(command_line.run(*arguments).stdout) == selected
    ended = command_line.run("request", "GET", SIM, "--all", "--lines", "--query", "id")
    assert ended.stdout.splitlines()[:2] == ["500001", "500002"]
    # A text is printed without quotes.
    assert command_line.run("tokens", "list", "--query", "[0].status").stdout == "activated\n"


def test_a_wrong_query_is_reported_before_any_request(command_line: CommandLine) -> None:
    ended = command_line.run("tokens", "list", "--query", "[")
    assert (ended.returncode, command_line.sandbox.calls()) == (2, 0)
    assert "is not a JMESPath expression" in ended.stderr
    ended = command_line.run("tokens", "list", "--query", "abs(@)")
    assert ended.returncode == 2
    assert ended.stderr.startswith("emnify-auth: --query: ")
