"""Two workspaces of one user."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from emnify_auth import InvalidInputError

from sandbox import USER, Sandbox

THERE = 5678


def test_the_new_client_renews_itself_after_the_first_is_closed(sandbox: Sandbox) -> None:
    with sandbox.user(USER) as client:
        other = client.switch_workspace(THERE)
    with other:
        other.invalidate(other.authenticate())
        assert other.authenticate().organisation_id == THERE
    with pytest.raises(InvalidInputError, match="the client is closed"):
        client.switch_workspace(THERE)


def test_the_new_client_calls_the_same_functions(sandbox: Sandbox) -> None:
    asked: list[int] = []
    events: list[str] = []

    def mfa() -> str | None:
        asked.append(threading.get_ident())
        return sandbox.one_time_code()

    with (
        sandbox.user(mfa=mfa, on_event=lambda event: events.append(event.kind)) as client,
        ThreadPoolExecutor(1) as pool,
    ):
        other = client.switch_workspace(THERE)
        told = len(events)
        assert told >= 1
        client.close()
        there = pool.submit(threading.get_ident).result()
        # Neither its auth token nor the refresh token of the first client works any more.
        sandbox.revoke_auth_tokens()
        sandbox.fault("status", "/api/v1/authenticate", status=401, times=1)
        pool.submit(other.invalidate, other.authenticate()).result()
        assert pool.submit(other.authenticate).result().organisation_id == THERE
        other.close()
    assert asked == [threading.get_ident(), there]
    assert len(events) > told


def test_the_new_client_has_the_timeout_of_the_first(sandbox: Sandbox) -> None:
    with (
        sandbox.user(USER, timeout=7.0) as client,
        client.switch_workspace(THERE, timeout=20) as other,
    ):
        assert other._timeout() == client._timeout() == 7.0
