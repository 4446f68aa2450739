"""Signing in as a user: with a password and a one-time code."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

import emnify_auth
from emnify_auth import AuthToken, Client

from sandbox import AUTHENTICATE, PASSWORD, USER, Sandbox


def test_a_user_signs_in_with_a_password(sandbox: Sandbox) -> None:
    with sandbox.user(USER) as client:
        assert client.authenticate().organisation_id == 1234
        assert client.application_tokens.list()
    [request] = [request for request in sandbox.requests() if request["path"] == AUTHENTICATE]
    assert PASSWORD not in request["body"].replace('"password"', "")


def test_a_user_from_the_environment_signs_in(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EMNIFY_USERNAME", USER)
    monkeypatch.setenv("EMNIFY_PASSWORD", PASSWORD)
    with sandbox.client(application_token=None) as client:
        assert client.authenticate().reveal()


def test_a_refresh_token_replaces_the_password(sandbox: Sandbox) -> None:
    with sandbox.user(mfa=sandbox.one_time_code) as client:
        client.invalidate(client.authenticate())
        assert client.authenticate().reveal()
    # One call for the password, one for the code, one for the refresh token.
    assert sandbox.calls("POST", AUTHENTICATE) == 3


@pytest.mark.parametrize("elsewhere", [False, True])
def test_mfa_is_called_in_the_caller_s_thread(sandbox: Sandbox, elsewhere: bool) -> None:
    asked: list[int] = []

    def mfa() -> str | None:
        asked.append(threading.get_ident())
        code = sandbox.one_time_code()
        return f" {code}\n"

    with sandbox.user(mfa=mfa) as client, ThreadPoolExecutor(1) as pool:
        if elsewhere:
            here = pool.submit(threading.get_ident).result()
            assert pool.submit(client.application_tokens.list).result()
        else:
            here = threading.get_ident()
            assert client.application_tokens.list()
        assert client.authenticate().reveal()
    assert asked == [here]


def test_one_of_many_threads_calls_mfa(sandbox: Sandbox) -> None:
    asked: list[int] = []
    barrier = threading.Barrier(8)

    def mfa() -> str | None:
        asked.append(threading.get_ident())
        return sandbox.one_time_code()

    def sign_in(_: int) -> AuthToken:
        barrier.wait()
        return client.authenticate()

    with sandbox.user(mfa=mfa) as client, ThreadPoolExecutor(8) as pool:
        assert len({token.reveal() for token in pool.map(sign_in, range(8))}) == 1
    assert len(asked) == 1


@pytest.mark.parametrize("elsewhere", [False, True])
@pytest.mark.parametrize("raised", [LookupError("the caller's own"), SystemExit(3)])
def test_an_exception_in_the_function_reaches_who_asked(
    sandbox: Sandbox, raised: BaseException, elsewhere: bool
) -> None:
    exceptions = [raised]

    def mfa() -> str | None:
        if exceptions:
            raise exceptions.pop()
        return sandbox.one_time_code()

    def call(client: Client) -> None:
        with pytest.raises(type(raised)) as caught:
            client.application_tokens.list()
        assert caught.value is raised
        assert client.application_tokens.list()

    with sandbox.user(mfa=mfa) as client, ThreadPoolExecutor(1) as pool:
        if elsewhere:
            pool.submit(call, client).result()
        else:
            call(client)
    # The password twice, the code once.
    assert sandbox.calls("POST", AUTHENTICATE) == 3


def test_mfa_may_take_longer_than_the_timeout(sandbox: Sandbox) -> None:
    def mfa() -> str | None:
        time.sleep(2.2)
        return sandbox.one_time_code()

    with sandbox.user(mfa=mfa, timeout=2.0) as client:
        assert client.authenticate().reveal()


@pytest.mark.parametrize("answer", [123456, b"123456", "123456\ud800"])
def test_mfa_must_return_text(sandbox: Sandbox, answer: object) -> None:
    client = sandbox.user(mfa=lambda: answer)
    with client, pytest.raises(emnify_auth.InvalidInputError) as caught:
        client.authenticate()
    assert str(caught.value) == "mfa: must return the one-time code as a str, or None"
