"""Invalid arguments of requests, audits and rotations: each raises an InvalidInputError that names
the argument, and nothing is sent. test_invalid_input.py covers the other calls."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from emnify_auth import AsyncClient, Client

from sandbox import ENDPOINT, SIM, Sandbox
from test_invalid_input import CANARY, INFINITY, NAN, refused


@pytest.fixture(autouse=True)
def _nothing_sent(sandbox: Sandbox) -> Iterator[None]:
    yield
    assert sandbox.calls() == 0
    assert sandbox.connections() == 0


PATHS = [
    "",
    "api/v1/sim",
    "https://evil.example/",
    "//evil.example/api/v1/sim",
    "/api/../../v1/sim",
    "/api/%2e%2E/sim",
    f"/api/v1/sim\r\nHost: {CANARY}",
    "/api/v1/sim\n",
    "/api/v1/sim#part",
    "/api\\v1",
    "/api/v1/\ud800",
    b"/api/v1/sim",
    7,
    None,
]


@pytest.mark.parametrize("path", PATHS)
def test_paths_are_checked(client: Client, path: Any) -> None:  # noqa: ANN401
    for call in (client.get, client.delete, client.post, client.patch, client.put):
        message = refused(lambda call=call: call(path))  # type: ignore[misc]
        assert message.startswith("path: ")
        assert CANARY not in message
    assert refused(lambda: next(client.paginate(path))).startswith("path: ")


@pytest.mark.parametrize("method", ["", "BREW", "GET ", f"{CANARY}\r\n", b"GET", None, "\ud800"])
def test_methods_are_checked(client: Client, method: Any) -> None:  # noqa: ANN401
    message = refused(lambda: client.request(method, SIM))
    assert message.startswith("method: ")
    assert CANARY not in message


CIRCLE: list[object] = []
CIRCLE.append(CIRCLE)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("json", {CANARY}),
        ("json", {"a": object()}),
        ("json", {"a": NAN}),
        ("json", [INFINITY]),
        ("json", {(1, 2): CANARY}),
        ("json", CIRCLE),
        ("json", f"{CANARY}\ud800"),
        ("content", 7),
        ("content", [CANARY]),
        ("content", f"{CANARY}\ud800"),
        ("params", CANARY),
        ("params", CANARY.encode()),
        ("params", 7),
        ("params", [CANARY]),
        ("params", ["ab"]),
        ("params", [(CANARY,)]),
        ("params", [("a", 1, 2)]),
        ("params", {7: CANARY}),
        ("params", {"a": {"b": CANARY}}),
        ("params", {"a": CANARY.encode()}),
        ("params", {"a": [[CANARY]]}),
        ("params", {"a": NAN}),
        ("params", {"a": -INFINITY}),
        ("params", {"a": 2**200}),
        ("params", {"a": f"{CANARY}\ud800"}),
        ("params", {"a": timedelta(1)}),
        ("headers", CANARY),
        ("headers", 7),
        ("headers", [CANARY]),
        ("headers", {"X-Trace": 7}),
        ("headers", {"X-Trace": None}),
        ("headers", {7: CANARY}),
        ("headers", {"X-Trace": f"{CANARY}\r\nX-Other: 7"}),
        ("headers", {"X-Trace": f"{CANARY}\n"}),
        ("headers", {"X-Trace": f"{CANARY}\0"}),
        ("headers", {"X Trace": CANARY}),
        ("headers", {"X-Trace\r\nX-Other": CANARY}),
        ("headers", {"": CANARY}),
        ("headers", {"Authorization": f"Bearer {CANARY}"}),
        ("headers", {"authorization": f"Bearer {CANARY}"}),
        ("headers", [("HOST", CANARY)]),
        ("headers", {"Content-Length": "7"}),
        ("headers", {"Transfer-Encoding": "chunked"}),
    ],
)
def test_arguments_of_a_request(client: Client, name: str, value: object) -> None:
    arguments: dict[str, Any] = {name: value}
    message = refused(lambda: client.request("POST", ENDPOINT, **arguments))
    assert message.startswith(f"{name}: ")
    assert CANARY not in message
    assert len(message) < 300
    assert refused(lambda: client.put(ENDPOINT, **arguments)) == message
    if name in ("params", "headers"):
        assert refused(lambda: client.get(ENDPOINT, **arguments)) == message


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("params", {"q": {}}, '"q" must be a str, int, float, bool, None or a sequence of these'),
        ("params", {"q": [1, b"x"]}, '"q" must be a str, int, float, bool, None or a sequence'),
        ("params", {"q": NAN}, '"q" must be a finite number'),
        ("params", {"q": 2**200}, '"q" must be an int of at most 128 bits'),
        ("params", {"q": "\ud800"}, '"q" contains a surrogate character'),
        ("params", {"q" * 1_000: {}}, f'"{"q" * 60}" must be a str, int, float'),
        ("headers", {"X-Trace": 7}, '"X-Trace" must be a str, not int'),
        ("headers", {"X-Trace": "\ud800"}, '"X-Trace" contains a surrogate character'),
    ],
)
def test_the_message_names_the_invalid_entry(
    client: Client, name: str, value: object, problem: str
) -> None:
    arguments: dict[str, Any] = {name: value}
    message = refused(lambda: client.get(ENDPOINT, **arguments))
    assert message.startswith(f"{name}: the value of {problem}")


def test_two_bodies(client: Client) -> None:
    message = refused(lambda: client.post(ENDPOINT, json={}, content=CANARY))
    assert message.startswith("content: ")
    assert "json" in message
    assert CANARY not in message


def test_the_exception_of_a_failed_conversion_is_raised(client: Client) -> None:
    class Broken(dict[str, int]):
        def items(self) -> Any:  # noqa: ANN401
            raise LookupError("the caller's own")

    broken = Broken(a=1)
    for arguments in ({"json": broken}, {"params": broken}, {"headers": broken}):
        with pytest.raises(LookupError, match="the caller's own"):
            client.post(ENDPOINT, **arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize("value", ["100", -1, 2**64, 1.0, True])
def test_rows_per_page(client: Client, value: Any) -> None:  # noqa: ANN401
    assert refused(lambda: client.paginate(SIM, per_page=value)).startswith("per_page: ")


@pytest.mark.parametrize("params", [{"page": 2}, {"per_page": 5}, [("a", 1), ("page", 1)]])
def test_page_parameters_cannot_be_passed(client: Client, params: Any) -> None:  # noqa: ANN401
    message = refused(lambda: client.paginate(SIM, params=params))
    assert message.startswith("params: must not contain page or per_page")


@pytest.mark.parametrize("value", [None, "7", 7.0, -1, 2**64, True])
def test_ids_of_workspaces(client: Client, value: Any) -> None:  # noqa: ANN401
    assert refused(lambda: client.switch_workspace(value)).startswith("id: ")


@pytest.mark.parametrize("value", [None, True, -1.5, "30 days", timedelta(microseconds=-1)])
def test_arguments_of_an_audit(client: Client, value: Any) -> None:  # noqa: ANN401
    audit = client.application_tokens.audit
    assert refused(lambda: audit(expires_within=value)).startswith("expires_within: ")
    assert refused(lambda: audit(older_than=value)).startswith("older_than: ")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("id", "7"),
        ("id", -1),
        ("description", 7),
        ("description", "a\nb"),
        ("expiry_date", "tomorrow"),
        ("expiry_date", 7),
        ("ip", "example.com"),
        ("ip", 7),
        ("grace", None),
        ("grace", "7"),
        ("grace", -1),
        ("grace", NAN),
        ("grace", timedelta(days=-1)),
        ("hand_over", "print"),
        ("hand_over", 7),
        ("read_back", 7),
    ],
)
def test_arguments_of_a_rotation(client: Client, name: str, value: object) -> None:
    arguments: dict[str, Any] = {"hand_over": print, name: value}
    message = refused(lambda: client.application_tokens.rotate(**arguments))
    assert message.startswith(f"{name}: ")


def test_an_unknown_setting_is_refused() -> None:
    settings: dict[str, Any] = {"tmeout": 5}
    for create in (Client, AsyncClient):
        with pytest.raises(TypeError, match=r"unexpected keyword argument 'tmeout'"):
            create("token", **settings)
    with pytest.raises(TypeError, match=r"unexpected keyword argument 'application_token'"):
        Client.from_user("user", "password", application_token="token")  # type: ignore[call-arg]
