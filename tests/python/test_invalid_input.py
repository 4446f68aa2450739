"""Invalid input raises an InvalidInputError that names the argument, and nothing is sent."""

import datetime
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from emnify_auth import Client, EmnifyError, InvalidInputError, TrustedDevice

from sandbox import Sandbox

NAN = float("nan")
INFINITY = float("inf")
NAIVE = datetime.datetime(2099, 5, 29, 18, 30)  # noqa: DTZ001
CANARY = "canary-4711"


@pytest.fixture(autouse=True)
def _nothing_sent(sandbox: Sandbox) -> Iterator[None]:
    yield
    assert sandbox.calls() == 0
    assert sandbox.connections() == 0


def refused(call: Callable[[], object]) -> str:
    """Return the message of the InvalidInputError."""
    with pytest.raises(InvalidInputError) as caught:
        call()
    error = caught.value
    assert isinstance(error, EmnifyError)
    assert isinstance(error, ValueError)
    assert error.http_status is None
    assert error.api_error is None
    assert error.retry_after is None
    assert error.is_retryable is False
    # The original exception could quote the invalid value.
    assert error.__cause__ is None
    assert error.__context__ is None
    return str(error)


@pytest.mark.parametrize(
    "value",
    [
        "",
        f"{CANARY}\n",
        f"{CANARY}\0",
        f"{CANARY}ä",
        f"{CANARY} ",
        f"{CANARY}\ud800",
        CANARY * 1000,
        CANARY.encode(),
        5,
        [CANARY],
    ],
)
def test_application_tokens(sandbox: Sandbox, value: object) -> None:
    message = refused(lambda: sandbox.client(application_token=value))
    assert message.startswith("application_token: ")
    assert CANARY not in message


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("base_url", ""),
        ("base_url", "cdn.emnify.net"),
        ("base_url", "http://cdn.emnify.net"),
        ("base_url", "ftp://cdn.emnify.net"),
        ("base_url", b"https://cdn.emnify.net"),
        ("proxy", ""),
        ("proxy", "not a proxy"),
        ("proxy", 8080),
        ("ca_bundle", "/nonexistent/ca.pem"),
        ("ca_bundle", Path("/nonexistent/ca.pem")),
        ("ca_bundle", __file__),
        ("ca_bundle", "a\0b"),
        ("ca_bundle", b"/etc/ssl"),
        ("interface", ""),
        ("interface", b"lo"),
        ("local_address", "localhost"),
        ("local_address", 5),
        ("ca_bundle", 5),
        ("store", 5),
        ("store", ""),
        ("store", "ftp://canary-4711@example.com"),
        ("store", b"/var/lib/emnify"),
        *(("fleet_size", value) for value in (0, -1, 1_000_001, 2**40, 10**30, True, "1", 1.5)),
        *(("retries", value) for value in (-1, None, True, "1", 1.5)),
        ("pacing", None),
        ("pacing", 1),
        ("on_event", "print"),
        ("on_event", 5),
        ("application_token_file", 5),
        ("application_token_file", b"/etc/emnify/token"),
        *((name, value) for name in ("timeout", "connect_timeout") for value in (0, -1, -0.0)),
        *((name, value) for name in ("timeout", "connect_timeout") for value in (NAN, INFINITY)),
        *(("timeout", datetime.timedelta(days=days)) for days in (0, -1)),
        *((name, value) for name in ("timeout", "connect_timeout") for value in (1e300, 1e-12)),
        *((name, value) for name in ("timeout", "connect_timeout") for value in (None, "1")),
        *((name, value) for name in ("timeout", "connect_timeout") for value in (True, 10**400)),
    ],
)
def test_arguments_of_a_client(sandbox: Sandbox, name: str, value: object) -> None:
    settings: dict[str, Any] = {name: value}
    if name == "application_token_file":
        settings["application_token"] = None
    assert refused(lambda: sandbox.client(**settings)).startswith(f"{name}: ")


def test_missing_credentials_are_refused() -> None:
    message = refused(Client)
    assert message.startswith("application_token: is missing")
    assert "EMNIFY_APPLICATION_TOKEN" in message


def test_two_credentials(sandbox: Sandbox) -> None:
    message = refused(lambda: sandbox.client(application_token_file="/etc/emnify/token"))
    assert message.startswith("application_token: ")
    assert "application_token_file" in message


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("EMNIFY_APPLICATION_TOKEN", f"{CANARY}\n"),
        ("EMNIFY_BASE_PATH", "http://cdn.emnify.net"),
        ("SSL_CERT_FILE", "/nonexistent/ca.pem"),
        ("REQUESTS_CA_BUNDLE", __file__),
    ],
)
def test_the_environment(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    for works in sandbox.environment().items():
        monkeypatch.setenv(*works)
    monkeypatch.delenv("SSL_CERT_FILE")
    monkeypatch.setenv(name, value)
    message = refused(Client)
    assert message.startswith(f"{name}: ")
    assert CANARY not in message


@pytest.mark.parametrize("content", [None, "", "\n", f"{CANARY} {CANARY}", CANARY * 10_000])
def test_a_credential_file(sandbox: Sandbox, tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "token"
    if content is not None:
        path.write_text(content)
    with sandbox.client(application_token=None, application_token_file=path) as client:
        message = refused(client.authenticate)
    assert message.startswith("application_token_file: ")
    assert str(path) in message
    assert CANARY not in message


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("description", "x" * 1024 * 1024),
        ("description", "a\nb"),
        ("description", "a\ud800"),
        ("description", 7),
        ("expiry_date", ""),
        ("expiry_date", "tomorrow"),
        ("expiry_date", "2020-01-01"),
        ("expiry_date", "2099-02-30"),
        ("expiry_date", datetime.date(2020, 1, 1)),
        ("expiry_date", datetime.datetime(2020, 1, 1, tzinfo=datetime.timezone.utc)),
        ("expiry_date", datetime.datetime(1, 1, 1, tzinfo=datetime.timezone.utc)),
        (
            "expiry_date",
            datetime.datetime.max.replace(
                tzinfo=datetime.timezone(datetime.timedelta(hours=-14)),
            ),
        ),
        ("expiry_date", NAIVE),
        ("expiry_date", datetime.time(18, 30)),
        ("expiry_date", 4_000_000_000),
        ("expires_in", 0),
        ("expires_in", -1.0),
        ("expires_in", "90d"),
        ("expires_in", datetime.timedelta()),
        ("expires_in", datetime.timedelta(days=-1)),
        ("expires_in", datetime.timedelta.max),
        ("ip", "300.1.2.3/99"),
        ("ip", "example.com"),
        ("ip", ""),
        ("ip", b"192.0.2.7"),
    ],
)
def test_arguments_of_create(client: Client, name: str, value: object) -> None:
    arguments: dict[str, Any] = {name: value}
    message = refused(lambda: client.application_tokens.create(**arguments))
    assert message.startswith(f"{name}: ")
    assert len(message) < 300


def test_a_lifetime_excludes_an_expiry_date(client: Client) -> None:
    create = client.application_tokens.create
    message = refused(lambda: create(expires_in=3_600, expiry_date="2099-05-29"))
    assert message == "expires_in: cannot be combined with expiry_date; pass one of the two"


def test_a_datetime_without_a_time_zone_is_refused(client: Client) -> None:
    message = refused(lambda: client.application_tokens.create(expiry_date=NAIVE))
    assert "time zone" in message


@pytest.mark.parametrize("value", [None, "7", 7.0, -1, 2**64, True])
def test_ids(client: Client, value: Any) -> None:  # noqa: ANN401
    tokens = client.application_tokens
    assert refused(lambda: tokens.revoke(value)).startswith("id: ")
    assert refused(lambda: tokens.update(value, description="x")).startswith("id: ")


@pytest.mark.parametrize("value", [None, 7, "x" * 1024 * 1024])
def test_arguments_of_update(client: Client, value: Any) -> None:  # noqa: ANN401
    message = refused(lambda: client.application_tokens.update(7, description=value))
    assert message.startswith("description: ")


@pytest.mark.parametrize("value", [None, b"eyJ.canary.x", {}, "canary\ud800"])
def test_arguments_of_invalidate(client: Client, value: Any) -> None:  # noqa: ANN401
    message = refused(lambda: client.invalidate(value))
    assert message.startswith("token: ")
    assert "canary" not in message


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("username", ""),
        ("username", f"{CANARY}\n"),
        ("username", None),
        ("username", f"{CANARY}\ud800"),
        ("password", ""),
        ("password", None),
        ("password", CANARY.encode()),
        ("mfa", CANARY),
        ("trusted_device", CANARY),
        ("trusted_device", TrustedDevice(CANARY[:7], "short")),
        ("trusted_device", TrustedDevice(f"{CANARY} with spaces", "spaces")),
        ("timeout", 0),
        ("on_event", 5),
        ("store", 5),
    ],
)
def test_arguments_of_a_user(sandbox: Sandbox, name: str, value: object) -> None:
    arguments: dict[str, Any] = {"username": "user@example.com", "password": "password"}
    arguments |= {"base_url": sandbox.url, "ca_bundle": sandbox.ca_file, name: value}
    message = refused(lambda: Client.from_user(**arguments))
    assert message.startswith(f"{name}: ")
    assert CANARY not in message


@pytest.mark.parametrize("value", [None, 5, b"canary-4711", "canary-4711\ud800"])
def test_arguments_of_a_trusted_device(value: Any) -> None:  # noqa: ANN401
    assert refused(lambda: TrustedDevice(value, "name")).startswith("fingerprint: ")
    assert refused(lambda: TrustedDevice("fingerprint", value)).startswith("name: ")


def test_the_exception_of_a_failed_path_conversion_is_raised(sandbox: Sandbox) -> None:
    class Broken:
        def __fspath__(self) -> str:
            raise LookupError("the caller's own")

    with pytest.raises(LookupError, match="the caller's own"):
        sandbox.client(ca_bundle=Broken())
