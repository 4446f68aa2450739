"""Two workspaces of one user."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

import emnify_auth
from emnify_auth import Client, EmnifyError, InvalidInputError

from sandbox import SIM, USER, Sandbox

HERE, THERE = 1234, 5678


def test_each_client_stays_in_its_workspace(sandbox: Sandbox) -> None:
    with sandbox.user(USER) as client, client.switch_workspace(THERE) as other:
        assert isinstance(other, Client)
        assert other.authenticate().organisation_id == THERE
        assert client.authenticate().organisation_id == HERE
        assert other.get(SIM).headers["X-Total-Count"] == "15"
        assert client.get(SIM).headers["X-Total-Count"] == "300"


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


def test_the_server_decides_whether_an_application_token_may_switch(client: Client) -> None:
    with pytest.raises(emnify_auth.AuthenticationError, match="user credentials") as caught:
        client.switch_workspace(THERE)
    assert caught.value.http_status == 401
    assert client.authenticate().organisation_id == HERE


@pytest.mark.parametrize(
    ("id", "expected"),
    [(7, emnify_auth.ForbiddenError), (987_654, emnify_auth.NotFoundError)],
)
def test_a_foreign_workspace_is_refused(
    sandbox: Sandbox, id: int, expected: type[EmnifyError]
) -> None:
    with sandbox.user(USER) as client:
        with pytest.raises(expected) as caught:
            client.switch_workspace(id)
        assert caught.value.http_status in (403, 404)
        assert client.authenticate().organisation_id == HERE
