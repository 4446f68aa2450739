"""A client without faults: creating it, signing in, staying signed in, and closing it."""

import datetime
import gc
import sys
import time
import weakref
from pathlib import Path

import pytest

from emnify_auth import AuthToken, Client, Event, InvalidInputError, NetworkError, ServerError

from sandbox import AUTHENTICATE, Sandbox

UTC = datetime.timezone.utc


def test_an_auth_token_has_an_expiry_and_an_organisation(client: Client) -> None:
    before = datetime.datetime.now(UTC)
    auth_token = client.authenticate()
    assert isinstance(auth_token, AuthToken)
    assert len(auth_token.reveal().split(".")) == 3
    assert isinstance(auth_token.organisation_id, int)
    assert auth_token.expires_at.tzinfo is UTC
    lifetime = auth_token.expires_at - before
    assert datetime.timedelta(hours=3) < lifetime < datetime.timedelta(hours=5)


def test_one_sign_in_serves_many_calls(client: Client, sandbox: Sandbox) -> None:
    first = client.authenticate()
    assert client.authenticate().reveal() == first.reveal()
    assert client.auth_headers() == {"Authorization": f"Bearer {first.reveal()}"}
    client.application_tokens.list()
    assert sandbox.calls("POST", AUTHENTICATE) == 1
    assert sandbox.connections() == 1


def test_an_auth_token_stays_valid_for_as_long_as_it_is_needed(
    client: Client, sandbox: Sandbox
) -> None:
    for valid_for in (3 * 3600, datetime.timedelta(hours=3)):
        assert client.authenticate_for(valid_for).reveal() == client.authenticate().reveal()
    with pytest.raises(InvalidInputError, match=r"^valid_for: must be less than 14400 s"):
        client.authenticate_for(datetime.timedelta(hours=4))
    assert sandbox.calls("POST", AUTHENTICATE) == 1


def test_a_new_auth_token_after_the_cached_one_is_invalidated(client: Client) -> None:
    first = client.authenticate()
    client.invalidate(first)
    second = client.authenticate()
    assert second.reveal() != first.reveal()
    # A late report about the first auth token.
    client.invalidate(first)
    assert client.authenticate().reveal() == second.reveal()


@pytest.mark.parametrize("prefix", ["", "Bearer "])
def test_an_auth_token_can_be_invalidated_by_its_text(client: Client, prefix: str) -> None:
    first = client.authenticate()
    client.invalidate(prefix + "another")
    assert client.authenticate().reveal() == first.reveal()
    client.invalidate(prefix + first.reveal())
    assert client.authenticate().reveal() != first.reveal()


def test_a_token_is_renewed_before_it_expires(client: Client, sandbox: Sandbox) -> None:
    sandbox.settings(auth_token_lifetime=8)
    first = client.authenticate().reveal()
    sandbox.fault("delay", AUTHENTICATE, milliseconds=500)
    # Renewal is due between 4 and 6.4 s; from 7.2 s on, callers wait for the new auth token.
    time.sleep(6.5)
    started = time.monotonic()
    assert client.authenticate().reveal() == first
    assert time.monotonic() - started < 0.4
    time.sleep(1.0)
    assert client.authenticate().reveal() != first
    assert sandbox.calls("POST", AUTHENTICATE) == 2


def test_retry_now_ends_the_wait(sandbox: Sandbox) -> None:
    with sandbox.client(timeout=2.0) as client:
        sandbox.fault("status", AUTHENTICATE, status=503)
        with pytest.raises(ServerError):
            client.authenticate()
        assert client.status().next_attempt is not None
        sandbox.clear_faults()
        client.retry_now()
        assert client.status().next_attempt is None
        assert client.authenticate().reveal()


def test_a_revoked_auth_token_is_replaced(client: Client, sandbox: Sandbox) -> None:
    client.application_tokens.list()
    sandbox.revoke_auth_tokens()
    assert client.application_tokens.list()
    assert sandbox.calls("POST", AUTHENTICATE) == 2


def test_an_expiry_that_python_cannot_express_is_accepted(client: Client, sandbox: Sandbox) -> None:
    sandbox.settings(auth_token_lifetime=10**12)
    assert client.authenticate().expires_at > datetime.datetime.now(UTC)
    assert client.status().signed_in


def test_an_opaque_auth_token_works(client: Client, sandbox: Sandbox) -> None:
    sandbox.fault("token_not_jwt", AUTHENTICATE)
    auth_token = client.authenticate()
    assert auth_token.organisation_id is None
    assert "organisation_id" not in repr(auth_token)
    assert client.application_tokens.list()


def test_a_client_reads_its_settings_from_the_environment(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in sandbox.environment().items():
        monkeypatch.setenv(name, value)
    with Client() as client:
        assert client.authenticate().reveal()


@pytest.mark.parametrize("kind", [str, Path])
def test_the_credential_file_is_read_at_each_sign_in(
    sandbox: Sandbox, tmp_path: Path, kind: type[str] | type[Path]
) -> None:
    path = tmp_path / "token"
    path.write_text("wrong\n")
    with sandbox.client(application_token=None, application_token_file=kind(path)) as client:
        path.write_text(f"  {sandbox.application_token}\n")
        assert client.authenticate().reveal()


def test_a_ca_bundle_may_be_in_memory(sandbox: Sandbox) -> None:
    with sandbox.client(ca_bundle=Path(sandbox.ca_file).read_bytes()) as client:
        client.authenticate()


def test_an_application_token_may_be_limited_to_an_address(sandbox: Sandbox) -> None:
    sandbox.seed(value="limited", ip="127.0.0.2")
    with sandbox.client(application_token="limited", local_address="127.0.0.2") as client:
        client.authenticate()


@pytest.mark.skipif(sys.platform != "linux", reason="the name of the interface is Linux's")
def test_a_client_may_be_bound_to_an_interface(sandbox: Sandbox) -> None:
    with sandbox.client(interface="lo") as client:
        client.authenticate()
    with sandbox.client(interface="nowhere0") as client, pytest.raises(NetworkError) as caught:
        client.authenticate()
    assert "interface nowhere0" in str(caught.value)


def test_a_ca_bundle_may_be_a_path(sandbox: Sandbox) -> None:
    with sandbox.client(ca_bundle=Path(sandbox.ca_file)) as client:
        assert client.authenticate().reveal()


def test_nothing_is_sent_before_the_first_call(sandbox: Sandbox) -> None:
    with sandbox.client():
        pass
    assert sandbox.connections() == 0


def test_calls_of_a_closed_client_raise(sandbox: Sandbox) -> None:
    client = sandbox.client()
    auth_token = client.authenticate()
    tokens = client.application_tokens
    assert repr(client).startswith("<Client credential=")
    client.close()
    client.close()
    assert repr(client) == "<Client closed>"
    for call in (
        client.authenticate,
        client.auth_headers,
        client.status,
        client.__enter__,
        tokens.list,
        tokens.create,
        lambda: client.invalidate(auth_token),
        lambda: tokens.update(1, description="x"),
        lambda: tokens.revoke(1),
        tokens.own,
        tokens.audit,
        tokens.rotate,
        lambda: client.get("/api/v1/sim"),
        lambda: client.paginate("/api/v1/sim"),
        lambda: client.switch_workspace(1),
    ):
        with pytest.raises(InvalidInputError, match="the client is closed"):
            call()
    # Objects that it returned keep working.
    assert auth_token.reveal()


def test_a_with_statement_closes_the_client_and_keeps_the_exception(sandbox: Sandbox) -> None:
    with pytest.raises(KeyError), sandbox.client() as client:
        raise KeyError("the caller's own")
    with pytest.raises(InvalidInputError, match="closed"):
        client.authenticate()


def test_a_client_that_is_never_closed_is_freed(sandbox: Sandbox) -> None:
    client = sandbox.client()
    client.authenticate()
    gone = weakref.ref(client)
    del client
    gc.collect()
    assert gone() is None


def test_a_client_in_a_cycle_is_freed(sandbox: Sandbox) -> None:
    class Gateway:
        def __init__(self) -> None:
            self.client = sandbox.client(on_event=self.told)
            self.tokens = self.client.application_tokens

        def told(self, event: Event) -> None: ...

    gateway = Gateway()
    gone = weakref.ref(gateway.client)
    del gateway
    gc.collect()
    assert gone() is None


def test_a_client_referenced_by_its_own_function_is_freed(sandbox: Sandbox) -> None:
    class Person:
        def __init__(self) -> None:
            self.client = sandbox.user(mfa=self.code)

        def code(self) -> str | None: ...

    person = Person()
    gone = weakref.ref(person.client)
    del person
    gc.collect()
    assert gone() is None
