"""Events and the status: what is reported, in which thread, and what an exception there does."""

import asyncio
import dataclasses
import datetime
import functools
import json
import pickle
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import emnify_auth
from emnify_auth import AuthToken, Client, EmnifyError, Event, InvalidInputError, Status

from sandbox import AUTHENTICATE, Sandbox

UTC = datetime.timezone.utc


class Unraisable:
    """Collects what goes to sys.unraisablehook."""

    def __init__(self) -> None:
        self.raised: list[BaseException | None] = []

    def __call__(self, unraisable: Any) -> None:  # noqa: ANN401
        self.raised.append(unraisable.exc_value)


@pytest.fixture
def unraisable(monkeypatch: pytest.MonkeyPatch) -> Unraisable:
    hook = Unraisable()
    monkeypatch.setattr(sys, "unraisablehook", hook)
    return hook


def test_a_sign_in_is_reported_before_the_call_returns(sandbox: Sandbox) -> None:
    events: list[Event] = []
    with sandbox.client(on_event=events.append) as client:
        auth_token = client.authenticate()
        [event] = events
        client.authenticate()
        client.application_tokens.list()
    assert events == [event]
    assert isinstance(event, Event)
    assert event.kind == "authenticated"
    assert event.error is None
    assert event.next_attempt is None
    assert event.expires_at == auth_token.expires_at
    assert str(event) == f"signed in, until {auth_token.expires_at:%Y-%m-%dT%H:%M:%S}.000Z"
    assert repr(event) == (
        f"Event(kind='authenticated', level='info', message={str(event)!r}, "
        f"expires_at={auth_token.expires_at!r})"
    )
    with pytest.raises(AttributeError):
        event.kind = "other"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("status", "kind", "expected"),
    [
        (401, "refused", emnify_auth.AuthenticationError),
        (429, "backing_off", emnify_auth.RateLimitedError),
        (503, "refresh_failed", emnify_auth.ServerError),
    ],
)
def test_a_failure_is_reported_before_the_call_raises(
    sandbox: Sandbox, status: int, kind: str, expected: type[EmnifyError]
) -> None:
    sandbox.fault("status", AUTHENTICATE, status=status, headers={"Retry-After": "90"})
    events: list[Event] = []
    with sandbox.client(on_event=events.append, timeout=1.0) as client:
        with pytest.raises(expected) as caught:
            client.authenticate()
        [event] = events
        status_then = client.status()
    assert event.kind == kind
    error = event.error
    assert type(error) is expected
    assert error.http_status == status
    assert error.__traceback__ is None
    assert event.next_attempt is not None
    assert 55 < event.next_attempt < 120
    assert "\n" not in str(event)
    assert f"HTTP {status}" in str(event)
    assert "next attempt in" in str(event)
    assert f"Event(kind='{kind}', level='" in repr(event)
    assert f"error={expected.__name__}('" in repr(event)
    same = pickle.loads(pickle.dumps(event))
    assert same == event
    assert hash(same) == hash(event)
    assert same != dataclasses.replace(event, error=None)
    shown = json.loads(json.dumps(event.to_dict()))
    assert (shown["kind"], shown["error"]["http_status"]) == (kind, status)
    assert shown["error"]["type"] == expected.__name__
    assert type(caught.value) is expected

    assert not status_then.signed_in
    assert status_then.valid_until is None
    assert type(status_then.last_error) is expected
    assert status_then.next_attempt is not None
    assert 55 < status_then.next_attempt < 120
    assert status_then.calls_made == 1
    assert status_then.last_change is not None


async def awaited(event: Event) -> None:
    """Stand for an async function that a program passes by mistake."""


class Awaited:
    async def __call__(self, event: Event) -> None:
        """Stand for one that is an object."""


@pytest.mark.parametrize("function", [awaited, functools.partial(awaited), Awaited()])
def test_an_async_on_event_is_refused(sandbox: Sandbox, function: Any) -> None:  # noqa: ANN401
    for create in (sandbox.client, sandbox.user, sandbox.async_client, sandbox.async_user):
        with pytest.raises(InvalidInputError, match=r"^on_event: must be a plain function") as told:
            create(on_event=function)
        assert isinstance(told.value, TypeError)


def test_an_on_event_may_start_a_task(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    raised: list[Any] = []
    monkeypatch.setattr(sys, "unraisablehook", raised.append)

    async def main() -> None:
        tasks: list[asyncio.Task[None]] = []

        def start(event: Event) -> Any:  # noqa: ANN401
            tasks.append(asyncio.create_task(awaited(event)))
            return tasks[-1]

        async with sandbox.async_client(on_event=start) as client:
            await client.authenticate()
        await asyncio.gather(*tasks)

    asyncio.run(main())
    assert raised == []


def test_an_on_event_that_returns_a_coroutine_is_reported(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    raised: list[Any] = []
    monkeypatch.setattr(sys, "unraisablehook", raised.append)
    with sandbox.client(on_event=lambda event: awaited(event)) as client:
        client.authenticate()
    [unraisable] = raised
    assert "on_event: returned an awaitable" in str(unraisable.exc_value)


def test_the_status_of_a_session(client: Client) -> None:
    status = client.status()
    assert (status.signed_in, status.valid_until, status.last_error) == (False, None, None)
    assert status.calls_made == 0
    assert (status.next_attempt, status.last_change) == (None, None)
    before = datetime.datetime.now(UTC) - datetime.timedelta(seconds=1)
    auth_token = client.authenticate()
    for _ in range(5):
        client.authenticate()
    status = client.status()
    assert status.signed_in
    assert status.valid_until is not None
    assert abs(status.valid_until - auth_token.expires_at) < datetime.timedelta(seconds=2)
    assert status.last_change is not None
    assert before < status.last_change <= datetime.datetime.now(UTC)
    assert status.calls_made == 1
    assert (status.next_attempt, status.last_error) == (None, None)
    assert repr(status) == (
        f"Status(signed_in=True, valid_until={status.valid_until!r}, calls_made=1, "
        f"last_change={status.last_change!r})"
    )
    assert pickle.loads(pickle.dumps(status)) == status
    assert status.to_dict()["valid_until"] == status.valid_until.isoformat()
    assert Status(signed_in=True) == Status(signed_in=True)
    with pytest.raises(AttributeError):
        status.signed_in = False  # type: ignore[misc]
    client.invalidate(auth_token)
    assert not client.status().signed_in


def test_the_next_call_reports_events_from_the_background(sandbox: Sandbox) -> None:
    sandbox.settings(auth_token_lifetime=8)
    events: list[tuple[str, int]] = []
    with sandbox.client(
        on_event=lambda e: events.append((e.kind, threading.get_ident()))
    ) as client:
        client.authenticate()
        time.sleep(6.5)
        client.authenticate()
        time.sleep(0.5)
        assert len(events) == 1
        client.status()
    here = ("authenticated", threading.get_ident())
    assert events == [here, here]


def test_events_are_reported_in_the_calling_thread(sandbox: Sandbox) -> None:
    told: list[int] = []
    with (
        sandbox.client(on_event=lambda _: told.append(threading.get_ident())) as client,
        ThreadPoolExecutor(1) as pool,
    ):
        other = pool.submit(threading.get_ident).result()
        client.invalidate(client.authenticate())
        pool.submit(client.authenticate).result()
    assert told == [threading.get_ident(), other]


def test_the_function_may_call_the_client(sandbox: Sandbox) -> None:
    seen: list[object] = []

    def told(event: Event) -> None:
        seen.append(event.kind)
        seen.append(client.status().signed_in)
        seen.append(client.authenticate().reveal())
        seen.append(len(client.application_tokens.list()))

    with sandbox.client(on_event=told) as client:
        token = client.authenticate().reveal()
        assert seen == ["authenticated", True, token, 1]
    with sandbox.client(on_event=lambda _: client.close()) as client:
        assert client.authenticate().reveal()
    assert repr(client) == "<Client closed>"


def test_the_function_is_not_called_within_itself(
    sandbox: Sandbox, tmp_path: Path, unraisable: Unraisable
) -> None:
    # Each of its calls fails, and nothing delays the next one.
    settings: dict[str, Any] = {"application_token": None, "application_token_file": tmp_path}

    def told(_: Event) -> None:
        client.authenticate()

    with sandbox.client(on_event=told, **settings) as client:
        for _ in range(3):
            with pytest.raises(emnify_auth.InvalidInputError):
                client.authenticate()
    assert [type(raised) for raised in unraisable.raised] == [emnify_auth.InvalidInputError] * 3


def test_an_exception_in_the_function_does_not_affect_the_call(
    sandbox: Sandbox, unraisable: Unraisable
) -> None:
    def told(event: Event) -> None:
        raise LookupError(event.kind)

    with sandbox.client(on_event=told) as client:
        assert client.authenticate().reveal()
        [raised] = unraisable.raised
        assert type(raised) is LookupError
        assert str(raised) == "authenticated"
    # If the call fails, it raises its own error.
    client = sandbox.client(on_event=told, application_token="refused")
    with client, pytest.raises(emnify_auth.AuthenticationError) as caught:
        client.authenticate()
    assert caught.value.__context__ is None
    assert str(unraisable.raised[-1]) == "refused"


def test_an_interrupt_in_the_function_ends_the_call(
    sandbox: Sandbox, tmp_path: Path, unraisable: Unraisable
) -> None:
    (tmp_path / "a file").touch()
    kinds: list[str] = []

    def told(event: Event) -> None:
        kinds.append(event.kind)
        if len(kinds) == 1:
            raise KeyboardInterrupt

    with sandbox.client(on_event=told, store=tmp_path / "a file") as client:
        with pytest.raises(KeyboardInterrupt):
            client.authenticate()
        # The events after it are not lost.
        client.status()
    assert kinds[0] == "store_error"
    assert "authenticated" in kinds[1:]
    assert not unraisable.raised


def test_an_interrupt_after_create_revokes_the_new_token(sandbox: Sandbox) -> None:
    def told(_: Event) -> None:
        raise KeyboardInterrupt

    with sandbox.client(on_event=told) as client:
        with pytest.raises(KeyboardInterrupt):
            client.application_tokens.create(description="nobody's")
        wait_until_revoked(sandbox, "nobody's")


def wait_until_revoked(sandbox: Sandbox, description: str) -> None:
    for _ in range(100):
        rows = [row for row in sandbox.application_tokens() if row["description"] == description]
        if rows and all(row["revoked"] for row in rows):
            return
        time.sleep(0.05)
    pytest.fail("was not revoked")


def test_each_event_is_reported_once_with_many_threads(sandbox: Sandbox) -> None:
    events: list[Event] = []
    with sandbox.client(on_event=events.append) as client:

        def work(_: int) -> AuthToken:
            auth_token = client.authenticate()
            client.invalidate(auth_token)
            return auth_token

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(work, range(8)))
        client.status()
        made = client.status().calls_made
    assert [event.kind for event in events] == ["authenticated"] * made
