"""Cancelled tasks: no row and no application token is lost, and the program can exit at once."""

import asyncio
import time

import pytest

from loops import AT_ONCE, Asyncio, Loop, until_in_a_thread
from sandbox import APPLICATION_TOKEN, AUTHENTICATE, LONG, SIM, Sandbox, ended


def wait_until_revoked(sandbox: Sandbox) -> None:
    for _ in range(100):
        rows = [row for row in sandbox.application_tokens() if row["description"] == "cancelled"]
        if rows and all(row["revoked"] for row in rows):
            return
        time.sleep(0.05)
    pytest.fail("was not revoked")


@pytest.mark.parametrize("lost", ["response", "id"])
def test_the_token_of_a_cancelled_create_is_revoked(
    sandbox: Sandbox, loop: Loop, lost: str
) -> None:
    # The list is read before and after.
    skip = 0 if lost == "response" else 1
    method = "GET" if skip else "POST"

    async def main() -> None:
        async with sandbox.async_client() as client:
            await client.authenticate()
            sandbox.fault("delay", APPLICATION_TOKEN, method=method, skip=skip, milliseconds=1_000)

            async def create() -> None:
                await client.application_tokens.create(description="cancelled")

            def is_sent() -> bool:
                return sandbox.calls(method, APPLICATION_TOKEN) > skip

            await loop.cancelled(create, is_sent)

    loop.run(main)
    wait_until_revoked(sandbox)


def test_no_token_is_lost_whenever_its_task_is_cancelled(sandbox: Sandbox) -> None:
    got: list[int | None] = []

    async def main(after: float, description: str) -> None:
        async with sandbox.async_client(pacing=False) as client:
            await client.authenticate()

            async def create() -> None:
                created = await client.application_tokens.create(description=description)
                got.append(created.id)

            started = time.monotonic()
            task = asyncio.create_task(create())
            while time.monotonic() - started < after:
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait([task])

    # From before the request is sent until after the response is received.
    for step in range(60):
        asyncio.run(main(step * 0.0002, f"cancelled {step}"))
    for _ in range(100):
        rows = sandbox.application_tokens()[1:]
        if {row["id"] for row in rows if not row["revoked"]} == set(got):
            break
        time.sleep(0.05)
    else:
        pytest.fail("there are active tokens that no task received")
    # Some tasks received their token, and others did not.
    assert rows


def test_a_token_that_arrives_just_before_its_task_is_cancelled_is_revoked(
    sandbox: Sandbox,
) -> None:
    async def main() -> None:
        async with sandbox.async_client() as client:
            await client.authenticate()
            task = asyncio.create_task(client.application_tokens.create(description="cancelled"))
            await until_in_a_thread()
            # The event loop is blocked until the worker thread has received the token.
            while len(sandbox.application_tokens()) < 2:
                time.sleep(0.01)
            time.sleep(0.3)
            task.cancel()
            await asyncio.wait([task])
            assert task.cancelled()

    asyncio.run(main())
    wait_until_revoked(sandbox)


def test_a_row_whose_task_was_cancelled_is_not_lost(sandbox: Sandbox) -> None:
    loop = Asyncio()

    async def main() -> list[int]:
        async with sandbox.async_client() as client:
            rows = client.paginate(SIM, per_page=150)
            read = [(await rows.__anext__())["id"] for _ in range(150)]
            sandbox.fault("delay", SIM, milliseconds=LONG)
            assert (
                await loop.cancelled(rows.__anext__, lambda: sandbox.calls("GET", SIM) == 2)
                < AT_ONCE
            )
            sandbox.clear_faults()
            return read + [row["id"] async for row in rows]

    read = loop.run(main)
    assert read == sorted(set(read))
    assert len(read) == 300
    # Its page is requested again.
    assert sandbox.calls("GET", SIM) == 3


def test_a_row_that_arrives_just_before_its_task_is_cancelled_is_not_lost(
    sandbox: Sandbox,
) -> None:
    async def main() -> list[int]:
        async with sandbox.async_client() as client:
            rows = client.paginate(SIM, per_page=300)
            task = asyncio.create_task(rows.__anext__())
            await until_in_a_thread()
            while not sandbox.calls("GET", SIM):
                time.sleep(0.01)
            time.sleep(0.5)
            task.cancel()
            await asyncio.wait([task])
            assert task.cancelled()
            return [row["id"] async for row in rows]

    read = asyncio.run(main())
    assert read == sorted(set(read))
    assert len(read) == 300


def test_a_cancelled_call_that_waits_for_a_thread_is_not_made(sandbox: Sandbox) -> None:
    async def main() -> None:
        async with sandbox.async_client(max_threads=16) as client:
            await client.authenticate()
            sandbox.fault("delay", SIM, milliseconds=LONG)
            hanging = [asyncio.create_task(client.get(SIM)) for _ in range(16)]
            await asyncio.sleep(0.5)
            waiting = asyncio.create_task(client.application_tokens.create(description="cancelled"))
            await asyncio.sleep(0.1)
            # A cached token needs no thread, and signing in has a thread of its own.
            client.invalidate(await client.authenticate())
            assert (await client.authenticate()).reveal()
            for task in (waiting, *hanging):
                task.cancel()
            await asyncio.wait([waiting, *hanging])
            # The threads are free again.
            await client.application_tokens.list()

    asyncio.run(main())
    assert len(sandbox.application_tokens()) == 1


async def until_sent(sandbox: Sandbox) -> None:
    while not sandbox.calls("POST", AUTHENTICATE):
        await asyncio.sleep(0.01)


def test_one_of_many_tasks_that_sign_in_is_cancelled(sandbox: Sandbox) -> None:
    sandbox.fault("delay", AUTHENTICATE, milliseconds=800)

    async def main() -> None:
        async with sandbox.async_client() as client:
            first, *others = [asyncio.create_task(client.authenticate()) for _ in range(5)]
            await until_sent(sandbox)
            first.cancel()
            assert len({token.reveal() for token in await asyncio.gather(*others)}) == 1
            assert first.cancelled()

    asyncio.run(main())
    assert sandbox.calls("POST", AUTHENTICATE) == 1


def test_all_tasks_that_sign_in_are_cancelled_and_another_one_starts(sandbox: Sandbox) -> None:
    sandbox.fault("delay", AUTHENTICATE, milliseconds=800)

    async def main() -> None:
        async with sandbox.async_client() as client:
            first = [asyncio.create_task(client.authenticate()) for _ in range(5)]
            await until_sent(sandbox)
            for task in first:
                task.cancel()
            # It waits for the sign-in in progress.
            assert (await client.authenticate()).reveal()

    asyncio.run(main())
    assert sandbox.calls("POST", AUTHENTICATE) == 1


def test_closing_waits_for_nothing(sandbox: Sandbox) -> None:
    async def main() -> None:
        client = sandbox.async_client(timeout=50.0)
        await client.authenticate()
        sandbox.fault("delay", SIM, milliseconds=LONG)
        hanging = asyncio.create_task(client.get(SIM))
        await asyncio.sleep(0.3)
        # aclose() never waits, so it needs no event loop.
        started = time.monotonic()
        with pytest.raises(StopIteration):
            client.aclose().send(None)
        assert time.monotonic() - started < AT_ONCE
        assert repr(client) == "<AsyncClient closed>"
        hanging.cancel()

    asyncio.run(main())


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@pytest.mark.parametrize("where", ["authenticate", "get"])
def test_a_program_with_cancelled_calls_exits_at_once(
    sandbox: Sandbox, where: str, backend: str
) -> None:
    program = """
import sys, anyio
from emnify_auth import AsyncClient

client = AsyncClient(timeout=50)

async def main():
    if sys.argv[2] == "get":
        await client.authenticate()
        call = lambda: client.get("/api/v1/sim")
    else:
        call = client.authenticate
    async with anyio.create_task_group() as tasks:
        for _ in range(40):
            tasks.start_soon(call)
        print("calls", flush=True)
        await anyio.sleep(0.5)
        tasks.cancel_scope.cancel()

anyio.run(main, backend=sys.argv[1])
"""
    path = SIM if where == "get" else AUTHENTICATE
    sandbox.fault("delay", path, milliseconds=LONG)
    process = sandbox.start(program, backend, where)
    assert process.stdout is not None
    assert process.stdout.readline() == "calls\n"
    started = time.monotonic()
    ended(process)
    assert time.monotonic() - started < 10
