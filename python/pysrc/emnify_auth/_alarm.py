"""What wakes a task from another thread, under asyncio or trio. It is made for one task that is
about to wait, in whatever loop that runs."""

import sys
from collections.abc import Awaitable, Callable
from typing import Any

__all__ = ["alarm"]


_Wake = Callable[[], bool]
_Woken = Callable[[], Awaitable[None]]


def alarm() -> tuple[_Wake, _Woken]:
    """Return what wakes this task, from any thread and any number of times, and what waits for
    that. What was done before the waking is seen after the waiting. The former says whether the
    event loop is still there."""
    trio = sys.modules.get("trio")
    if trio is not None and _is_trio_s(trio):
        return _trio_alarm(trio)
    return _asyncio_alarm()


def _is_trio_s(trio: Any) -> bool:  # noqa: ANN401 it is imported by who uses it
    try:
        trio.lowlevel.current_task()
    except RuntimeError:
        return False
    return True


def _trio_alarm(trio: Any) -> tuple[_Wake, _Woken]:  # noqa: ANN401
    token = trio.lowlevel.current_trio_token()
    event = trio.Event()

    def ring() -> None:
        event.set()

    def wake() -> bool:
        try:
            token.run_sync_soon(ring)
        except trio.RunFinishedError:
            return False
        return True

    async def woken() -> None:
        nonlocal event
        await event.wait()
        event = trio.Event()

    return wake, woken


def _asyncio_alarm() -> tuple[_Wake, _Woken]:
    # Imported already by whoever runs this, unless that is no loop at all, which is told here.
    import asyncio

    loop = asyncio.get_running_loop()
    event = asyncio.Event()

    def wake() -> bool:
        try:
            loop.call_soon_threadsafe(event.set)
        except RuntimeError:
            # It was closed.
            return False
        return True

    async def woken() -> None:
        await event.wait()
        event.clear()

    return wake, woken
