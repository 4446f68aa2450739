"""AsyncClient: all tasks in all event loops share one sign-in, and no event loop is blocked."""

import asyncio
import inspect
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

import emnify_auth
from emnify_auth import (
    ApplicationTokens,
    AsyncApplicationTokens,
    AsyncClient,
    AsyncPages,
    AuthToken,
    Client,
    Event,
    InvalidInputError,
    NotFoundError,
    ServerError,
)

from conftest import ROOT
from loops import AT_ONCE, Asyncio, Loop, Trio
from sandbox import APPLICATION_TOKEN, AUTHENTICATE, ENDPOINT, LONG, SIM, USER, Sandbox

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


def test_requests_work_like_those_of_a_client(sandbox: Sandbox, loop: Loop) -> None:
    async def main() -> None:
        async with sandbox.async_client() as client:
            auth_token = await client.authenticate()
            assert await client.auth_headers() == {"Authorization": f"Bearer {auth_token.reveal()}"}
            assert client.status().signed_in
            assert client.base_url == sandbox.url
            assert (await client.get(f"{SIM}/500001")).json()["id"] == 500_001
            assert (await client.request("GET", f"{SIM}/500001")).status_code == 200
            new = {"name": "gateway 7", "status": {"id": 0}}
            new |= {"service_profile": {"id": 1}, "tariff_profile": {"id": 2}}
            made = await client.post(ENDPOINT, json=new)
            path = made.headers["Location"].removeprefix(sandbox.url)
            assert (await client.patch(path, json={"name": "gateway 8"})).status_code == 204
            assert (await client.delete(path)).status_code == 204
            with pytest.raises(NotFoundError):
                await client.get(path)
            client.invalidate(auth_token)
            assert (await client.authenticate()).reveal() != auth_token.reveal()

    loop.run(main)


def test_application_tokens_are_managed(sandbox: Sandbox, loop: Loop) -> None:
    async def main() -> None:
        async with sandbox.async_client() as client:
            tokens = client.application_tokens
            created = await tokens.create(description="new")
            assert created.id is not None
            await tokens.update(created.id, description="newer")
            [row] = [row for row in await tokens.list() if row.id == created.id]
            assert row.description == "newer"
            await tokens.revoke(created.id)
            [audited] = [one for one in await tokens.audit() if one.token.id == created.id]
            assert audited.findings == {"revoked"}
            own = await tokens.own()
            assert own is not None
            assert own.id != created.id

    loop.run(main)


def test_a_collection_is_read_page_by_page(sandbox: Sandbox, loop: Loop) -> None:
    async def main() -> list[int]:
        async with sandbox.async_client() as client:
            pages = client.paginate(SIM, params={"sort": "iccid"}, per_page=120)
            assert sandbox.calls() == 0
            return [row["id"] async for row in pages] + [row["id"] async for row in pages]

    ids = loop.run(main)
    assert len(ids) == len(set(ids)) == 300
    assert sandbox.calls("GET", SIM) == 3


def test_a_thousand_cold_tasks_sign_in_once_with_few_threads(sandbox: Sandbox, loop: Loop) -> None:
    sandbox.fault("delay", AUTHENTICATE, milliseconds=500)
    threads: list[int] = []

    async def main() -> None:
        async with sandbox.async_client() as client:
            before = threading.active_count()
            timer = threading.Timer(0.3, lambda: threads.append(threading.active_count()))
            timer.start()
            tokens = await loop.together(client.authenticate, 1_000)
            timer.join()
            assert len({token.reveal() for token in tokens}) == 1
            # One thread signs in, and one is the timer.
            assert threads[0] <= before + 2

    loop.run(main)
    assert sandbox.calls("POST", AUTHENTICATE) == 1


def test_a_thousand_cold_calls_take_few_threads(sandbox: Sandbox) -> None:
    sandbox.fault("delay", SIM, milliseconds=50)

    async def main() -> None:
        before = threading.active_count()
        async with sandbox.async_client(max_threads=8, pacing=False, timeout=60.0) as client:
            calls = [asyncio.create_task(client.get(f"{SIM}/500001")) for _ in range(1_000)]
            await asyncio.sleep(0.5)
            assert threading.active_count() <= before + 8
            assert len(await asyncio.gather(*calls)) == 1_000

    asyncio.run(main())
    assert sandbox.calls("POST", AUTHENTICATE) == 1


def test_a_failure_is_raised_in_each_task(sandbox: Sandbox) -> None:
    sandbox.fault("status", AUTHENTICATE, status=503)

    async def main() -> None:
        async with sandbox.async_client(timeout=1.0) as client:
            calls = [client.authenticate() for _ in range(20)]
            errors = await asyncio.gather(*calls, return_exceptions=True)
            assert {type(error) for error in errors} == {ServerError}
            assert len({id(error) for error in errors}) == 20
            for error in errors:
                assert isinstance(error, ServerError)
                assert (error.http_status, error.is_retryable) == (503, True)

    asyncio.run(main())


def test_a_cached_token_needs_no_thread(sandbox: Sandbox) -> None:
    client = sandbox.async_client()
    asyncio.run(client.authenticate())
    before = threading.active_count()
    # The call never waits, so it needs no event loop.
    for call in (client.authenticate(), client.auth_headers()):
        with pytest.raises(StopIteration) as ended:
            call.send(None)
        assert ended.value.value
    assert threading.active_count() == before


def test_rows_of_a_fetched_page_need_no_thread(sandbox: Sandbox) -> None:
    async def main() -> AsyncPages:
        pages = client.paginate(SIM, per_page=300)
        await pages.__anext__()
        return pages

    client = sandbox.async_client()
    pages = asyncio.run(main())
    for _ in range(299):
        with pytest.raises(StopIteration):
            pages.__anext__().send(None)


def test_loops_in_two_threads_share_a_client(sandbox: Sandbox) -> None:
    sandbox.fault("delay", AUTHENTICATE, milliseconds=500)
    client = sandbox.async_client()

    def run(loop: Loop) -> set[str]:
        async def main() -> list[AuthToken]:
            await client.get(f"{SIM}/500001")
            return await loop.together(client.authenticate, 50)

        return {token.reveal() for token in loop.run(main)}

    with ThreadPoolExecutor(3) as pool:
        tokens = set.union(*pool.map(run, (Asyncio(), Asyncio(), Trio())))
    assert len(tokens) == 1
    assert sandbox.calls("POST", AUTHENTICATE) == 1
    # A new event loop, after the others have ended.
    assert run(Asyncio()) == tokens
    asyncio.run(client.aclose())


def test_other_tasks_run_while_a_call_hangs(sandbox: Sandbox, loop: Loop) -> None:
    sandbox.fault("delay", AUTHENTICATE, milliseconds=1_000)

    async def main() -> None:
        async with sandbox.async_client() as client:
            waits: list[float] = []

            async def call_or_measure() -> None:
                if waits:
                    await client.authenticate()
                    return
                for _ in range(50):
                    started = time.monotonic()
                    waits.append(0.0)
                    await loop.sleep(0.01)
                    waits.append(time.monotonic() - started)

            await loop.together(call_or_measure, 2)
            # A call that blocked it would take a second.
            assert max(waits) < 0.8

    loop.run(main)


def test_events_are_reported_in_the_event_loop_s_thread(sandbox: Sandbox, loop: Loop) -> None:
    reported: list[tuple[str, int]] = []

    def report(event: Event) -> None:
        reported.append((event.kind, threading.get_ident()))

    async def main() -> None:
        async with sandbox.async_client(on_event=report) as client:
            await client.get(f"{SIM}/500001")
            assert reported == [("authenticated", threading.get_ident())]

    loop.run(main)


def test_an_async_on_event_is_refused(sandbox: Sandbox) -> None:
    async def report(_: Event) -> None: ...

    with pytest.raises(InvalidInputError, match=r"^on_event: must be a plain function"):
        sandbox.async_client(on_event=report)


def test_calls_of_a_closed_client_are_refused(sandbox: Sandbox, loop: Loop) -> None:
    async def main() -> None:
        client = sandbox.async_client()
        await client.get(f"{SIM}/500001")
        await client.aclose()
        await client.close()
        assert repr(client) == "<AsyncClient closed>"
        for call in (client.authenticate, client.application_tokens.list, client.__aenter__):
            with pytest.raises(InvalidInputError, match="closed"):
                await call()
        with pytest.raises(InvalidInputError, match="closed"):
            client.status()

    loop.run(main)


def test_the_threads_end_with_the_client(sandbox: Sandbox) -> None:
    async def main() -> None:
        async with sandbox.async_client() as client:
            await asyncio.gather(*(client.get(f"{SIM}/500001") for _ in range(8)))

    before = threading.active_count()
    asyncio.run(main())
    for _ in range(100):
        if threading.active_count() <= before:
            return
        time.sleep(0.01)
    pytest.fail("there are threads left")


def test_another_workspace_has_its_own_client(sandbox: Sandbox) -> None:
    async def main() -> None:
        async with sandbox.async_user(USER) as client:
            other = await client.switch_workspace(5678)
            assert isinstance(other, AsyncClient)
            assert (await other.authenticate()).organisation_id == 5678
            assert (await client.authenticate()).organisation_id == 1234
            await other.aclose()

    asyncio.run(main())


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_a_forked_child_keeps_working(sandbox: Sandbox) -> None:
    client = sandbox.async_client()

    async def main() -> None:
        await client.authenticate()
        await asyncio.gather(*(client.get(f"{SIM}/500001") for _ in range(4)))

    asyncio.run(main())
    child = os.fork()
    if child == 0:
        code = 1
        try:
            asyncio.run(main())
            client.invalidate(asyncio.run(client.authenticate()))
            asyncio.run(main())
            code = 0
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    asyncio.run(main())


def test_a_call_without_an_event_loop_raises_a_clear_error(sandbox: Sandbox) -> None:
    client = sandbox.async_client()
    with pytest.raises(RuntimeError, match="async"):
        client.authenticate().send(None)


@pytest.mark.parametrize(
    ("plain", "awaited"), [(Client, AsyncClient), (ApplicationTokens, AsyncApplicationTokens)]
)
def test_the_names_and_arguments_are_those_of_the_client(plain: type, awaited: type) -> None:
    for name in vars(plain):
        theirs, ours = getattr(plain, name), getattr(awaited, name, None)
        if name.startswith("_"):
            continue
        assert inspect.getdoc(ours)
        if callable(theirs):
            assert arguments(ours) == arguments(theirs), name
            made_at_once = name in (
                "from_user",
                "inspect",
                "invalidate",
                "retry_now",
                "status",
                "metrics",
                "paginate",
            )
            assert inspect.iscoroutinefunction(ours) != made_at_once
    if plain is Client:
        assert arguments(awaited) == arguments(plain)


def arguments(function: Any) -> list[tuple[object, ...]]:  # noqa: ANN401
    parameters = inspect.signature(function).parameters.values()
    ours = ("self", "max_threads")
    return [(one.name, one.kind, one.default) for one in parameters if one.name not in ours]


def test_the_async_module_is_imported_on_demand(sandbox: Sandbox) -> None:
    program = """
import sys, emnify_auth
assert "AsyncClient" in dir(emnify_auth)
assert "asyncio" not in sys.modules and "emnify_auth._async" not in sys.modules
emnify_auth.AsyncClient
assert "emnify_auth._async" in sys.modules
print("AsyncClient" in vars(emnify_auth))
"""
    assert sandbox.run(program) == "True"
    with pytest.raises(AttributeError, match="has no attribute 'nonsense'"):
        emnify_auth.nonsense  # type: ignore[attr-defined]  # noqa: B018


def test_an_invalid_call_raises_in_the_task(sandbox: Sandbox) -> None:
    async def main() -> None:
        async with sandbox.async_client() as client:
            with pytest.raises(InvalidInputError, match=r"^path: "):
                await client.get("no slash")
            with pytest.raises(InvalidInputError, match=r"^id: "):
                await client.application_tokens.revoke("7")  # type: ignore[arg-type]

    asyncio.run(main())
    assert sandbox.calls() == 0


def test_the_example_works(sandbox: Sandbox) -> None:
    said = sandbox.run(ROOT / "python/examples/asynchronous.py")
    assert said == "There are 300 SIMs and 250 endpoints."


PATHS = {"authenticate": AUTHENTICATE, "get": SIM, "list": APPLICATION_TOKEN, "paginate": SIM}


@pytest.mark.parametrize("where", PATHS)
def test_a_cancelled_call_ends_at_once(sandbox: Sandbox, loop: Loop, where: str) -> None:
    async def main() -> None:
        async with sandbox.async_client(timeout=50.0) as client:
            if where != "authenticate":
                await client.authenticate()
            sandbox.fault("delay", PATHS[where], milliseconds=LONG)
            calls: dict[str, Callable[[], Awaitable[object]]] = {
                "authenticate": client.authenticate,
                "get": lambda: client.get(SIM),
                "list": client.application_tokens.list,
                "paginate": lambda: client.paginate(SIM).__anext__(),
            }
            method = "POST" if where == "authenticate" else "GET"

            def is_sent() -> bool:
                return sandbox.calls(method, PATHS[where]) > 0

            assert await loop.cancelled(calls[where], is_sent) < AT_ONCE

    started = time.monotonic()
    loop.run(main)
    # Closing the client does not wait for it either.
    assert time.monotonic() - started < 5
