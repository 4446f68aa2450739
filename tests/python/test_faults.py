"""Faults of the server and of the way to it: each becomes the right class, in time."""

import json
import time
from collections.abc import Callable

import pytest

import emnify_auth
from emnify_auth import ApiError, Client, EmnifyError

from emnify_sandbox import APPLICATION_TOKEN, AUTHENTICATE, Sandbox

NESTED = {
    "error_code": 1400,
    "error_token": "InputValidationFailed",
    "message": "Invalid input",
    "errors": [
        {"error_code": 1402, "error_token": "Required", "message": "name"},
        {"error_code": 1403, "error_token": "InvalidFormat", "message": "ip"},
    ],
}


def failure(call: Callable[[], object], within: float = 3.0) -> EmnifyError:
    """Return the exception that the call ends with, in time."""
    start = time.monotonic()
    with pytest.raises(EmnifyError) as caught:
        call()
    assert time.monotonic() - start < within
    return caught.value


@pytest.mark.parametrize(
    ("status", "expected", "retryable"),
    [
        (302, emnify_auth.ProtocolError, False),
        (400, emnify_auth.ValidationError, False),
        (401, emnify_auth.AuthenticationError, False),
        (403, emnify_auth.ForbiddenError, False),
        (404, emnify_auth.NotFoundError, False),
        (409, emnify_auth.ConflictError, False),
        (422, emnify_auth.ValidationError, False),
        (429, emnify_auth.RateLimitedError, True),
        (500, emnify_auth.ServerError, True),
        (503, emnify_auth.ServerError, True),
    ],
)
@pytest.mark.parametrize("path", [AUTHENTICATE, APPLICATION_TOKEN])
def test_a_status_has_its_class(
    client: Client,
    sandbox: Sandbox,
    path: str,
    status: int,
    expected: type[EmnifyError],
    retryable: bool,
) -> None:
    sandbox.fault("status", path, status=status)
    error = failure(client.application_tokens.list)
    assert type(error) is expected
    assert error.http_status == status
    assert error.is_retryable is retryable
    assert error.api_error is None
    assert f"HTTP {status}" in str(error)


def test_what_emnify_says_is_kept(client: Client, sandbox: Sandbox) -> None:
    sandbox.fault("status", APPLICATION_TOKEN, status=422, body=json.dumps(NESTED))
    error = failure(client.application_tokens.create)
    assert isinstance(error, emnify_auth.ValidationError)
    assert isinstance(error, ValueError)
    api_error = error.api_error
    assert api_error is not None
    assert api_error == ApiError(
        1400,
        "InputValidationFailed",
        "Invalid input",
        (ApiError(1402, "Required", "name"), ApiError(1403, "InvalidFormat", "ip")),
    )
    assert [nested.message for nested in api_error.errors] == ["name", "ip"]
    assert "name" in str(error)


def test_the_gateway_has_another_error_object(client: Client, sandbox: Sandbox) -> None:
    sandbox.fault("status", AUTHENTICATE, status=401, body='{"message":"Unauthorized"}')
    error = failure(client.authenticate)
    assert isinstance(error, emnify_auth.AuthenticationError)
    assert error.api_error == ApiError(message="Unauthorized")


def test_the_wait_that_a_server_asks_for(client: Client, sandbox: Sandbox) -> None:
    sandbox.fault("status", AUTHENTICATE, status=429, headers={"Retry-After": "7"})
    assert failure(client.authenticate).retry_after == 7.0


def test_a_locked_account(client: Client, sandbox: Sandbox) -> None:
    body = json.dumps({"error_code": 1105, "error_token": "TooManyRequests"})
    sandbox.fault("status", AUTHENTICATE, status=401, body=body)
    error = failure(client.authenticate)
    assert type(error) is emnify_auth.AccountLockedError
    assert error.retry_after == 300.0
    assert error.is_retryable


@pytest.mark.parametrize("path", [AUTHENTICATE, APPLICATION_TOKEN])
@pytest.mark.parametrize(
    ("kind", "details", "expected"),
    [
        ("reset_before", {}, emnify_auth.NetworkError),
        ("reset_after", {}, emnify_auth.NetworkError),
        ("refuse", {}, emnify_auth.NetworkError),
        ("cut_body", {}, emnify_auth.NetworkError),
        ("invalid_json", {}, emnify_auth.ProtocolError),
        ("html", {"status": 200}, emnify_auth.ProtocolError),
        ("html", {"status": 502}, emnify_auth.ServerError),
        ("html", {"status": 403}, emnify_auth.ForbiddenError),
        ("no_auth_token", {}, emnify_auth.ProtocolError),
    ],
)
def test_a_broken_answer(
    client: Client,
    sandbox: Sandbox,
    path: str,
    kind: str,
    details: dict[str, object],
    expected: type[EmnifyError],
) -> None:
    sandbox.fault(kind, path, **details)
    error = failure(client.application_tokens.list)
    assert type(error) is expected, repr(error)
    assert str(error).startswith("cannot ")
    # It wears off.
    sandbox.clear_faults()
    assert client.application_tokens.list()


@pytest.mark.parametrize("kind", ["delay", "endless_body"])
def test_a_server_that_takes_too_long(sandbox: Sandbox, kind: str) -> None:
    details = {"milliseconds": 5_000} if kind == "delay" else {}
    sandbox.fault(kind, AUTHENTICATE, **details)
    with sandbox.client(timeout=0.5) as client:
        error = failure(client.authenticate, within=1.5)
    assert type(error) is emnify_auth.RequestTimeoutError
    assert isinstance(error, TimeoutError)
    assert error.is_retryable


def test_an_answer_without_end_that_comes_fast(client: Client, sandbox: Sandbox) -> None:
    sandbox.fault("endless_body", AUTHENTICATE, fast=True)
    error = failure(client.authenticate, within=10)
    assert type(error) is emnify_auth.ProtocolError


def test_a_wrong_content_type_is_no_fault(client: Client, sandbox: Sandbox) -> None:
    sandbox.fault("wrong_content_type")
    assert client.authenticate().reveal()
    assert client.application_tokens.list()


def test_a_refused_application_token(sandbox: Sandbox) -> None:
    with sandbox.client(application_token="refused") as client:
        error = failure(client.authenticate)
    assert type(error) is emnify_auth.AuthenticationError
    assert error.http_status == 401
    assert sandbox.calls("POST", AUTHENTICATE) == 1


def test_an_authority_that_is_not_trusted(sandbox: Sandbox) -> None:
    with sandbox.client(ca_bundle=None) as client:
        error = failure(client.authenticate)
    assert type(error) is emnify_auth.TlsError
    assert isinstance(error, emnify_auth.NetworkError)
    assert isinstance(error, ConnectionError)
    assert not error.is_retryable
    assert "ca_bundle" in str(error)
    assert sandbox.calls() == 0


def test_a_host_that_is_not_there(sandbox: Sandbox) -> None:
    with sandbox.client(base_url="https://nowhere.invalid") as client:
        error = failure(client.authenticate, within=15)
    assert type(error) is emnify_auth.NetworkError


def test_a_value_that_is_lost_is_pointed_out(client: Client, sandbox: Sandbox) -> None:
    client.authenticate()
    sandbox.fault("reset_after", APPLICATION_TOKEN, method="POST")
    error = failure(lambda: client.application_tokens.create(description="lost"))
    assert "may have been carried out" in str(error)
    sandbox.clear_faults()
    assert "lost" in [token.description for token in client.application_tokens.list()]
