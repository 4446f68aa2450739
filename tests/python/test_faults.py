"""Faults of the server and the network: each raises the right class, in time."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import emnify_auth
from emnify_auth import ApiError, Client, EmnifyError
from emnify_sandbox import FaultKind, FaultOptions

from sandbox import APPLICATION_TOKEN, AUTHENTICATE, Sandbox

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
    """Return the exception that the call raises in time."""
    start = time.monotonic()
    with pytest.raises(EmnifyError) as caught:
        call()
    assert time.monotonic() - start < within
    return caught.value


@pytest.fixture
def client(sandbox: Sandbox) -> Iterator[Client]:
    """Return a client that soon stops retrying temporary failures."""
    with sandbox.client(timeout=1.0) as client:
        yield client


# One fault of each kind that a server can cause. The tests of core cover all faults.
@pytest.mark.parametrize(
    ("kind", "details", "expected", "retryable"),
    [
        ("status", {"status": 401}, emnify_auth.AuthenticationError, False),
        ("status", {"status": 403}, emnify_auth.ForbiddenError, False),
        ("status", {"status": 404}, emnify_auth.NotFoundError, False),
        ("status", {"status": 409}, emnify_auth.ConflictError, False),
        ("status", {"status": 422}, emnify_auth.ValidationError, False),
        ("status", {"status": 429}, emnify_auth.RateLimitedError, True),
        ("status", {"status": 503}, emnify_auth.ServerError, True),
        ("invalid_json", {}, emnify_auth.ProtocolError, False),
        ("reset_before", {}, emnify_auth.NetworkError, True),
    ],
)
def test_each_kind_has_its_class(
    client: Client,
    sandbox: Sandbox,
    kind: FaultKind,
    details: FaultOptions,
    expected: type[EmnifyError],
    retryable: bool,
) -> None:
    sandbox.fault(kind, APPLICATION_TOKEN, **details)
    error = failure(client.application_tokens.list)
    assert type(error) is expected
    assert error.http_status == details.get("status")
    assert error.is_retryable is retryable
    assert error.api_error is None
    assert str(error).startswith("cannot ")
    # The fault is temporary.
    sandbox.clear_faults()
    assert client.application_tokens.list()


def test_the_error_object_of_emnify_is_kept(client: Client, sandbox: Sandbox) -> None:
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


def test_the_gateway_s_error_object_is_read(client: Client, sandbox: Sandbox) -> None:
    sandbox.fault("status", AUTHENTICATE, status=401, body='{"message":"Unauthorized"}')
    error = failure(client.authenticate)
    assert isinstance(error, emnify_auth.AuthenticationError)
    assert error.api_error == ApiError(message="Unauthorized")


def test_retry_after_is_the_server_s(client: Client, sandbox: Sandbox) -> None:
    sandbox.fault("status", AUTHENTICATE, status=429, headers={"Retry-After": "7"})
    retry_after = failure(client.authenticate).retry_after
    assert retry_after is not None
    assert 6 < retry_after < 10


def test_temporary_failures_are_retried(sandbox: Sandbox) -> None:
    sandbox.fault("status", AUTHENTICATE, status=503, times=1)
    # The pause between the two attempts is at most five seconds.
    with sandbox.client() as client:
        assert client.authenticate().reveal()
    assert sandbox.calls("POST", AUTHENTICATE) == 2


def test_during_a_wait_calls_raise_the_last_error_with_retry_after(
    client: Client, sandbox: Sandbox
) -> None:
    sandbox.fault("status", AUTHENTICATE, status=503, headers={"Retry-After": "50"})
    failure(client.authenticate)
    sandbox.clear_faults()
    error = failure(client.authenticate, within=0.5)
    assert type(error) is emnify_auth.ServerError
    assert error.http_status == 503
    assert error.is_retryable
    assert error.retry_after is not None
    assert 40 < error.retry_after <= 50
    assert "the next attempt is possible in" in str(error)
    assert sandbox.calls("POST", AUTHENTICATE) == 1


def test_a_refused_token_is_not_sent_again(client: Client, sandbox: Sandbox) -> None:
    sandbox.fault("status", AUTHENTICATE, status=401)
    for _ in range(10):
        error = failure(client.authenticate)
        assert type(error) is emnify_auth.AuthenticationError
        assert error.http_status == 401
    assert sandbox.calls("POST", AUTHENTICATE) == 1


def test_a_new_application_token_in_the_file_is_sent(sandbox: Sandbox, tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("refused")
    with sandbox.client(application_token=None, application_token_file=path) as client:
        for _ in range(2):
            assert type(failure(client.authenticate)) is emnify_auth.AuthenticationError
        path.write_text(sandbox.application_token)
        assert client.authenticate().reveal()


def test_a_locked_account(client: Client, sandbox: Sandbox) -> None:
    body = json.dumps({"error_code": 1105, "error_token": "TooManyRequests"})
    sandbox.fault("status", AUTHENTICATE, status=401, body=body)
    error = failure(client.authenticate)
    assert type(error) is emnify_auth.AccountLockedError
    assert error.retry_after is not None
    assert 299 < error.retry_after < 400
    assert error.is_retryable


@pytest.mark.parametrize("kind", ["delay", "endless_body"])
def test_a_slow_server_causes_a_timeout(sandbox: Sandbox, kind: FaultKind) -> None:
    details: FaultOptions = {"milliseconds": 5_000} if kind == "delay" else {}
    sandbox.fault(kind, AUTHENTICATE, **details)
    with sandbox.client(timeout=0.5) as client:
        error = failure(client.authenticate, within=1.5)
    assert type(error) is emnify_auth.RequestTimeoutError
    assert isinstance(error, TimeoutError)
    assert error.is_retryable


def test_an_endless_fast_response_is_refused(sandbox: Sandbox) -> None:
    sandbox.fault("endless_body", AUTHENTICATE, fast=True)
    with sandbox.client(timeout=10.0) as client:
        error = failure(client.authenticate, within=10)
    assert type(error) is emnify_auth.ProtocolError


def test_a_wrong_content_type_is_accepted(client: Client, sandbox: Sandbox) -> None:
    sandbox.fault("wrong_content_type")
    assert client.authenticate().reveal()
    assert client.application_tokens.list()


def test_a_refused_application_token(sandbox: Sandbox) -> None:
    with sandbox.client(application_token="refused") as client:
        error = failure(client.authenticate)
    assert type(error) is emnify_auth.AuthenticationError
    assert error.http_status == 401
    assert sandbox.calls("POST", AUTHENTICATE) == 1


def test_an_untrusted_certificate_authority_raises_tls_error(sandbox: Sandbox) -> None:
    with sandbox.client(ca_bundle=None) as client:
        error = failure(client.authenticate)
    assert type(error) is emnify_auth.TlsError
    assert isinstance(error, emnify_auth.NetworkError)
    assert isinstance(error, ConnectionError)
    assert not error.is_retryable
    assert error.reason == "certificate_untrusted"
    assert "ca_bundle" in str(error)
    assert sandbox.calls() == 0


def test_a_missing_proxy_raises_proxy_error(sandbox: Sandbox) -> None:
    with Client(
        sandbox.application_token,
        base_url="https://cdn.example",
        proxy="http://127.0.0.1:1",
        timeout=1.0,
    ) as client:
        error = failure(client.authenticate)
    assert type(error) is emnify_auth.ProxyError
    assert isinstance(error, emnify_auth.NetworkError)
    assert (error.reason, error.http_status) == ("proxy", None)


def test_an_unknown_host_raises_network_error(sandbox: Sandbox) -> None:
    with sandbox.client(base_url="https://nowhere.invalid") as client:
        error = failure(client.authenticate, within=15)
    assert type(error) is emnify_auth.NetworkError
    assert error.reason == "dns"


def test_a_lost_token_value_is_pointed_out(client: Client, sandbox: Sandbox) -> None:
    client.authenticate()
    sandbox.fault("reset_after", APPLICATION_TOKEN, method="POST")
    error = failure(lambda: client.application_tokens.create(description="lost"))
    assert "may have taken effect" in str(error)
    sandbox.clear_faults()
    assert "lost" in [token.description for token in client.application_tokens.list()]
