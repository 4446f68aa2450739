"""Event loops for the tests: asyncio, trio, and anyio on asyncio, which cancels in another way."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

import anyio
import trio

T = TypeVar("T")

# When to cancel a call: after so many seconds, or as soon as this returns true.
When = float | Callable[[], bool]

# Seconds; what ends "at once" takes a few milliseconds, also on a busy machine less than this.
AT_ONCE = 2.0


class Asyncio:
    """asyncio, with its own tasks."""

    def run(self, main: Callable[[], Coroutine[Any, Any, T]]) -> T:
        return asyncio.run(main())

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def cancelled(self, function: Callable[[], Awaitable[object]], when: When) -> float:
        """Cancel a call, and return how long it then took to end."""
        task = asyncio.ensure_future(function())
        await _until(when, self.sleep)
        assert not task.done()
        started = time.monotonic()
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()
        return time.monotonic() - started

    async def together(self, function: Callable[[], Awaitable[T]], times: int) -> list[T]:
        """Call the function in so many tasks, and return the results."""
        return list(await asyncio.gather(*(function() for _ in range(times))))


class Trio:
    """trio."""

    def run(self, main: Callable[[], Coroutine[Any, Any, T]]) -> T:
        return trio.run(main)

    async def sleep(self, seconds: float) -> None:
        await trio.sleep(seconds)

    async def cancelled(self, function: Callable[[], Awaitable[object]], when: When) -> float:
        with trio.CancelScope() as scope:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(function)
                await _until(when, self.sleep)
                assert nursery.child_tasks
                started = time.monotonic()
                scope.cancel()
        assert scope.cancelled_caught
        return time.monotonic() - started

    async def together(self, function: Callable[[], Awaitable[T]], times: int) -> list[T]:
        """Call the function in so many tasks, and return the results."""
        results: list[T] = []

        async def one() -> None:
            results.append(await function())

        async with trio.open_nursery() as nursery:
            for _ in range(times):
                nursery.start_soon(one)
        return results


class Anyio:
    """asyncio, with the cancel scopes and task groups of anyio."""

    def run(self, main: Callable[[], Coroutine[Any, Any, T]]) -> T:
        return anyio.run(main)

    async def sleep(self, seconds: float) -> None:
        await anyio.sleep(seconds)

    async def cancelled(self, function: Callable[[], Awaitable[object]], when: When) -> float:
        """Cancel a call, and return how long it then took to end."""

        async def call() -> None:
            await function()

        with anyio.CancelScope() as scope:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(call)
                await _until(when, self.sleep)
                started = time.monotonic()
                scope.cancel()
        assert scope.cancelled_caught
        return time.monotonic() - started

    async def together(self, function: Callable[[], Awaitable[T]], times: int) -> list[T]:
        """Call the function in so many tasks, and return the results."""
        results: list[T] = []

        async def one() -> None:
            results.append(await function())

        async with anyio.create_task_group() as tasks:
            for _ in range(times):
                tasks.start_soon(one)
        return results


Loop = Asyncio | Trio | Anyio
LOOPS = (Asyncio, Trio, Anyio)


async def _until(when: When, sleep: Callable[[float], Awaitable[None]]) -> None:
    if not callable(when):
        await sleep(when)
        return
    deadline = time.monotonic() + 30
    while not when():
        assert time.monotonic() < deadline, when
        await sleep(0.01)


async def until_in_a_thread() -> None:
    """Let a new task run until it waits for its worker thread, under asyncio."""
    for _ in range(10):
        await asyncio.sleep(0)
