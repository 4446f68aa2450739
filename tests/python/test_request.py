"""API requests: what is sent, returned and raised."""

import copy
import enum
import json
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

import emnify_auth
from emnify_auth import Client, EmnifyError, ProtocolError, Response, ServerError
from emnify_sandbox import LoggedRequest

from sandbox import AUTHENTICATE, ENDPOINT, SIM, Sandbox

GATEWAY = {
    "name": "gateway ä",
    "status": {"id": 0},
    "service_profile": {"id": 1},
    "tariff_profile": {"id": 2},
}


class Size(int, enum.Enum):
    SMALL = 5


class Name(str, enum.Enum):
    FIRST = "first"


def last(sandbox: Sandbox) -> LoggedRequest:
    return sandbox.requests()[-1]


def test_a_resource_is_created_read_changed_and_removed(client: Client, sandbox: Sandbox) -> None:
    created = client.post(ENDPOINT, json=GATEWAY)
    assert isinstance(created, Response)
    assert created.status_code == 201
    assert created.content == b""
    path = created.headers["location"].removeprefix(sandbox.url)
    client.patch(path, json={"name": "renamed"})
    assert client.get(path).json()["name"] == "renamed"
    assert client.delete(path).status_code == 204
    with pytest.raises(emnify_auth.NotFoundError) as caught:
        client.get(path)
    assert path in str(caught.value)


def test_each_verb_is_its_method(client: Client, sandbox: Sandbox) -> None:
    sandbox.fault("status", SIM, status=200, body="{}")
    reads: list[Callable[..., Response]] = [client.get, client.delete]
    writes: list[Callable[..., Response]] = [client.post, client.patch, client.put]
    for verb in reads + writes:
        body: dict[str, Any] = {"json": {}} if verb in writes else {}
        verb(SIM, params={"a": 1}, headers={"X-Trace": "7"}, **body)
        request = last(sandbox)
        assert request["method"] == verb.__name__.upper()
        assert request["query"] == "a=1"
        assert request["headers"]["x-trace"] == "7"
        assert request["body"] == ("{}" if body else "")
    for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "get"):
        client.request(method, SIM)
        assert last(sandbox)["method"] == method.upper()


@pytest.mark.parametrize(
    ("params", "query"),
    [
        (None, ""),
        ({}, ""),
        ({"per_page": 5, "q": "status:1 ä"}, "per_page=5&q=status%3A1+%C3%A4"),
        ({"on": True, "off": False, "none": None}, "on=true&off=false"),
        ({"a": 0.1, "b": 1e300, "c": 2.0}, "a=0.1&b=1e%2B300&c=2.0"),
        ({"big": 2**64, "small": -1}, "big=18446744073709551616&small=-1"),
        ({"sort": ["a", "b"], "id": (1, None, 2), "none": []}, "sort=a&sort=b&id=1&id=2"),
        ([("a", 1), ("a", 2), ("b", "x&y=z")], "a=1&a=2&b=x%26y%3Dz"),
        ((pair for pair in [("a", 1)]), "a=1"),
        ({"size": Size.SMALL, "name": Name.FIRST}, "size=5&name=first"),
    ],
)
def test_params_in_each_form(
    client: Client,
    sandbox: Sandbox,
    params: Any,  # noqa: ANN401
    query: str,
) -> None:
    sandbox.fault("status", SIM, status=200, body="[]")
    client.get(SIM, params=params)
    assert last(sandbox)["query"] == query


def test_the_path_may_contain_a_query(client: Client, sandbox: Sandbox) -> None:
    assert len(client.get(f"{SIM}?per_page=5", params={"page": 2}).json()) == 5
    assert last(sandbox)["query"] == "per_page=5&page=2"


def test_json_is_compact_and_in_utf_8(client: Client, sandbox: Sandbox) -> None:
    values: list[object] = [{"name": "ä", "list": [1, 2.5, None, True]}, [], "text", 0, False, ""]
    for value in values:
        sandbox.fault("status", SIM, status=200, times=1)
        client.post(SIM, json=value)
        body = last(sandbox)["body"]
        assert json.loads(body) == value
        assert " " not in body
        assert ("content-type", "application/json") in last(sandbox)["headers"].items()


@pytest.mark.parametrize("content", ['{"a": "ä"}', '{"a": "ä"}'.encode()])
def test_content_is_sent_unchanged(client: Client, sandbox: Sandbox, content: str | bytes) -> None:
    sandbox.fault("status", SIM, status=200)
    client.put(SIM, content=content)
    length = str(len('{"a": "ä"}'.encode()))
    assert ("content-length", length) in last(sandbox)["headers"].items()
    assert ("content-type", "application/json") in last(sandbox)["headers"].items()
    client.put(SIM, content=content, headers=[("content-type", "text/csv")])
    assert ("content-type", "text/csv") in last(sandbox)["headers"].items()


def test_headers_are_a_case_insensitive_mapping(client: Client, sandbox: Sandbox) -> None:
    headers = client.get(SIM, params={"per_page": 100}).headers
    assert isinstance(headers, Mapping)
    for name in ("X-Total-Pages", "x-total-pages", "X-TOTAL-PAGES"):
        assert headers[name] == "3"
        assert name in headers
    assert headers.get("X-Nothing") is None
    anything: Any = 5
    assert anything not in headers
    with pytest.raises(KeyError):
        headers["X-Nothing"]
    assert dict(headers)["x-count"] == "100"
    assert len(headers) == len(list(headers))
    sandbox.fault("status", SIM, status=200, headers={"Set-Cookie": "canary-4711"})
    headers = client.get(SIM).headers
    assert headers["set-cookie"] == "canary-4711"
    assert "set-cookie" in repr(headers)
    assert "canary" not in repr(headers)


@pytest.mark.parametrize(
    ("content_type", "text"),
    [
        ("text/csv", "ä"),
        ("text/csv; charset=utf-8", "ä"),
        # The sandbox sends UTF-8, whichever character set it names.
        ('text/csv; header=1; Charset="ISO-8859-1"', "Ã¤"),
        ("text/csv; charset=ascii", "\ufffd\ufffd"),
        ("text/csv; charset=nothing", "ä"),
        ("text/csv; charset=hex", "ä"),
    ],
)
def test_text_uses_the_character_set_of_the_response(
    client: Client, sandbox: Sandbox, content_type: str, text: str
) -> None:
    sandbox.fault("status", SIM, status=200, body="ä", content_type=content_type)
    assert client.get(SIM).text == text


def test_a_response_is_a_value(client: Client, sandbox: Sandbox) -> None:
    sandbox.fault(
        "status", SIM, status=200, body='{"secret": "canary", "n": 12345678901234567890123}'
    )
    response = client.get(SIM)
    assert response.content == b'{"secret": "canary", "n": 12345678901234567890123}'
    assert response.text == response.content.decode()
    assert response.json() == {"secret": "canary", "n": 12345678901234567890123}
    assert repr(response) == "<Response status_code=200 length=50>"
    assert copy.copy(response) is response
    assert copy.deepcopy(response) is response
    for name in ("status_code", "anything"):
        with pytest.raises(AttributeError):
            setattr(response, name, "x")


@pytest.mark.parametrize("body", ["", "canary", '{"canary"', "[" * 100_000])
def test_a_body_that_is_not_json_raises_without_showing_it(
    client: Client, sandbox: Sandbox, body: str
) -> None:
    sandbox.fault("status", SIM, status=200, body=body)
    response = client.get(SIM)
    with pytest.raises(ProtocolError) as caught:
        response.json()
    problem = "is not valid JSON" if body else "has no body (HTTP 200)"
    assert str(caught.value) == f"cannot read the response: it {problem}"
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


def test_other_statuses_than_2xx_are_raised(sandbox: Sandbox) -> None:
    with sandbox.client() as client:
        body = json.dumps({"error_code": 1400, "message": "said by emnify"})
        sandbox.fault("status", SIM, status=409, body=body)
        with pytest.raises(EmnifyError) as caught:
            client.get(SIM, params={"q": "canary"})
    error = caught.value
    assert type(error) is emnify_auth.ConflictError
    assert error.http_status == 409
    assert f"GET {SIM}" in str(error)
    assert "canary" not in str(error)
    assert error.api_error is not None
    assert error.api_error.message == "said by emnify"


def test_a_redirect_is_not_followed(client: Client, sandbox: Sandbox) -> None:
    elsewhere = {"Location": f"{sandbox.url}{ENDPOINT}"}
    sandbox.fault("status", SIM, status=307, headers=elsewhere)
    with pytest.raises(ProtocolError):
        client.get(SIM)
    assert sandbox.calls("GET", ENDPOINT) == 0


def test_a_refused_auth_token_is_replaced(client: Client, sandbox: Sandbox) -> None:
    client.get(SIM)
    sandbox.revoke_auth_tokens()
    assert client.post(ENDPOINT, json=GATEWAY).status_code == 201
    assert sandbox.calls("POST", AUTHENTICATE) == 2


def test_calls_beyond_the_rate_limit_are_delayed(client: Client) -> None:
    def burst() -> None:
        for _ in range(10):
            client.get(SIM, params={"per_page": 1})

    client.authenticate()
    started = time.monotonic()
    burst()
    with ThreadPoolExecutor(1) as pool:
        pool.submit(burst).result()
    # Five at once, then one every 100 ms, over all threads.
    assert time.monotonic() - started > 1.3


def many_calls(client: Client) -> list[BaseException | None]:
    """Make 40 calls at once, and return their errors."""
    with ThreadPoolExecutor(40) as pool:
        client.authenticate()
        calls = [pool.submit(client.get, SIM, params={"per_page": 1}) for _ in range(40)]
        return [call.exception() for call in calls]


def test_without_pacing_no_call_is_delayed(sandbox: Sandbox) -> None:
    with sandbox.client(pacing=False, timeout=2.0) as client:
        # The slots of half of them would be after the timeout.
        assert emnify_auth.RateLimitedError not in map(type, many_calls(client))


def test_a_slot_after_the_timeout_raises_rate_limited(sandbox: Sandbox) -> None:
    with sandbox.client(timeout=1.0) as client:
        errors = many_calls(client)
    held_back = [error for error in errors if isinstance(error, emnify_auth.RateLimitedError)]
    assert held_back
    for error in held_back:
        assert error.http_status is None
        assert error.retry_after is not None
        assert error.is_retryable
    assert errors.count(None) >= 5


@pytest.mark.parametrize("retries", [0, 1, 3])
def test_a_call_is_repeated_as_often_as_retries_allows(sandbox: Sandbox, retries: int) -> None:
    settings = {**sandbox.client_settings(), "retries": retries}
    sandbox.fault("status", SIM, status=503)
    with sandbox.client(**settings) as client, pytest.raises(ServerError):
        client.get(SIM)
    assert sandbox.calls("GET", SIM) == retries + 1
