"""A timeout per call: it replaces the client's, for this call only."""

import asyncio
import inspect
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from emnify_auth import (
    ApplicationTokens,
    AsyncApplicationTokens,
    AsyncClient,
    Client,
    InvalidInputError,
    RequestTimeoutError,
)

from loops import Loop
from sandbox import APPLICATION_TOKEN, AUTHENTICATE, LONG, SIM, Sandbox

SHORT = 0.3

# Each call that takes a timeout, as a function of a client and the timeout.
CALLS: dict[str, Callable[[Any, Any], Any]] = {
    "authenticate": lambda client, timeout: client.authenticate(timeout=timeout),
    "auth_headers": lambda client, timeout: client.auth_headers(timeout=timeout),
    "request": lambda client, timeout: client.request("GET", SIM, timeout=timeout),
    "get": lambda client, timeout: client.get(SIM, timeout=timeout),
    "post": lambda client, timeout: client.post(SIM, json={}, timeout=timeout),
    "patch": lambda client, timeout: client.patch(SIM, json={}, timeout=timeout),
    "put": lambda client, timeout: client.put(SIM, json={}, timeout=timeout),
    "delete": lambda client, timeout: client.delete(SIM, timeout=timeout),
    "create": lambda client, timeout: client.application_tokens.create(timeout=timeout),
    "list": lambda client, timeout: client.application_tokens.list(timeout=timeout),
    "update": lambda client, timeout: client.application_tokens.update(
        4711, description="", timeout=timeout
    ),
    "revoke": lambda client, timeout: client.application_tokens.revoke(4711, timeout=timeout),
    "own": lambda client, timeout: client.application_tokens.own(timeout=timeout),
    "audit": lambda client, timeout: client.application_tokens.audit(timeout=timeout),
    "switch_workspace": lambda client, timeout: client.switch_workspace(5678, timeout=timeout),
}
SIGN_INS = ("authenticate", "auth_headers")
call = pytest.mark.parametrize("name", CALLS)


def hang(sandbox: Sandbox, name: str) -> None:
    others = [SIM, APPLICATION_TOKEN, f"{APPLICATION_TOKEN}/*", f"{AUTHENTICATE}/*"]
    paths = [AUTHENTICATE] if name in SIGN_INS else others
    for path in paths:
        sandbox.fault("delay", path, milliseconds=LONG)


@call
def test_a_call_takes_no_longer_than_its_timeout(sandbox: Sandbox, name: str) -> None:
    with sandbox.client(timeout=60.0) as client:
        if name not in SIGN_INS:
            client.authenticate()
        hang(sandbox, name)
        started = time.monotonic()
        with pytest.raises(RequestTimeoutError, match=r"after 0\.3 s"):
            CALLS[name](client, SHORT)
        assert time.monotonic() - started < 10


@call
def test_an_awaited_call_takes_no_longer_than_its_timeout(sandbox: Sandbox, name: str) -> None:
    async def main() -> None:
        async with sandbox.async_client(timeout=60.0) as client:
            if name not in SIGN_INS:
                await client.authenticate()
            hang(sandbox, name)
            started = time.monotonic()
            with pytest.raises(RequestTimeoutError, match=r"after 0\.3 s"):
                await CALLS[name](client, SHORT)
            assert time.monotonic() - started < 10

    asyncio.run(main())


def test_it_may_be_longer_than_the_clients(sandbox: Sandbox) -> None:
    sandbox.fault("delay", SIM, milliseconds=1_000)
    with sandbox.client(timeout=SHORT) as client:
        client.authenticate(timeout=20)
        with pytest.raises(RequestTimeoutError):
            client.get(SIM)
        assert client.get(SIM, timeout=timedelta(seconds=20)).status_code == 200
        assert len(list(client.paginate(SIM, per_page=300, timeout=20))) == 300
        with pytest.raises(RequestTimeoutError):
            client.get(SIM, timeout=None)


def test_each_fetch_of_a_page_has_the_timeout(sandbox: Sandbox, loop: Loop) -> None:
    with sandbox.client() as client:
        rows = client.paginate(SIM, per_page=100, timeout=SHORT)
        client.authenticate()
        hang(sandbox, "paginate")
        with pytest.raises(RequestTimeoutError, match=r"after 0\.3 s"):
            next(rows)

    async def main() -> None:
        async with sandbox.async_client() as client:
            await client.authenticate()
            with pytest.raises(RequestTimeoutError, match=r"after 0\.3 s"):
                await client.paginate(SIM, timeout=SHORT).__anext__()

    loop.run(main)


def test_each_request_of_a_rotation_has_the_timeout(
    sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with sandbox.client(store=tmp_path_factory.mktemp("store")) as client:
        client.authenticate()
        hang(sandbox, "rotate")
        with pytest.raises(RequestTimeoutError, match=r"after 0\.3 s"):
            client.application_tokens.rotate(hand_over=print, timeout=SHORT)


def test_the_wait_for_a_thread_counts(sandbox: Sandbox, loop: Loop) -> None:
    async def main() -> None:
        async with sandbox.async_client(max_threads=1) as client:
            await client.authenticate()
            sandbox.fault("delay", SIM, milliseconds=2_000, times=1)

            first = True

            async def call() -> str:
                nonlocal first
                if first:
                    first = False
                    await client.get(SIM)
                    return "done"
                await loop.sleep(0.5)
                with pytest.raises(RequestTimeoutError, match=r"for a thread.* after 0\.3 s"):
                    await client.get(SIM, timeout=SHORT)
                return "timed out"

            assert sorted(await loop.together(call, 2)) == ["done", "timed out"]

    loop.run(main)


def test_a_task_with_more_time_takes_a_sign_in_over(sandbox: Sandbox, loop: Loop) -> None:
    timeouts = [SHORT, 20]

    async def main() -> None:
        sandbox.fault("delay", AUTHENTICATE, milliseconds=2_000, times=1)
        async with sandbox.async_client() as client:

            async def call() -> str:
                try:
                    await client.authenticate(timeout=timeouts.pop(0))
                except RequestTimeoutError:
                    return "timed out"
                return "done"

            assert sorted(await loop.together(call, 2)) == ["done", "timed out"]

    loop.run(main)


@call
def test_an_invalid_timeout_is_refused(sandbox: Sandbox, name: str) -> None:
    timeouts = [0, -1, float("nan"), float("inf"), "1", True, timedelta(0)]
    for timeout in timeouts:
        with sandbox.client() as client, pytest.raises(InvalidInputError, match=r"^timeout: "):
            CALLS[name](client, timeout)

    async def main() -> None:
        async with sandbox.async_client() as client:
            for timeout in timeouts:
                with pytest.raises(InvalidInputError, match=r"^timeout: "):
                    await CALLS[name](client, timeout)

    asyncio.run(main())
    assert sandbox.calls() == 0


def test_every_call_that_may_wait_takes_it() -> None:
    without = set()
    for kind in (Client, AsyncClient, ApplicationTokens, AsyncApplicationTokens):
        for name, method in vars(kind).items():
            is_call = not name.startswith("_") and callable(method)
            if is_call and "timeout" not in inspect.signature(method).parameters:
                without.add(name)
    assert without == {
        "aclose",
        "close",
        "inspect",
        "invalidate",
        "metrics",
        "retry_now",
        "status",
    }
