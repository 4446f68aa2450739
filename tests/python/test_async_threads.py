"""The worker threads of AsyncClient: how many there are, how long a call waits for one, and the
error without anyio, which provides them."""

import asyncio
import time
from datetime import timedelta

import pytest

from emnify_auth import AsyncClient, InvalidInputError, RequestTimeoutError

from loops import Loop
from sandbox import SIM, USER, Sandbox

PATH = f"{SIM}/500001"

# The default of max_threads.
THREADS = 64


async def timed(client: AsyncClient, tasks: int, loop: Loop) -> tuple[float, list[str]]:
    """Make a call in each task. Return how long all took, and "done" or the error of each."""

    async def call() -> str:
        try:
            await client.get(PATH)
        except RequestTimeoutError as error:
            return str(error)
        return "done"

    started = time.monotonic()
    results = await loop.together(call, tasks)
    return time.monotonic() - started, results


async def slowness(sandbox: Sandbox, loop: Loop) -> float:
    """Return by which factor this machine is slower than expected at present, at least 1."""
    async with sandbox.async_client(pacing=False, timeout=60.0) as client:
        took, _ = await timed(client, THREADS, loop)
    return max(1.0, took / 0.25)


def test_with_a_thread_for_each_call_none_waits(sandbox: Sandbox, loop: Loop) -> None:
    async def main() -> None:
        slow = await slowness(sandbox, loop)
        sandbox.fault("delay", PATH, milliseconds=round(1_500 * slow))
        async with sandbox.async_client(pacing=False, timeout=2.0 * slow) as client:
            took, results = await timed(client, THREADS, loop)
        assert results == ["done"] * THREADS
        assert took < 2.2 * slow

    loop.run(main)


def test_more_threads_make_more_calls_at_once(sandbox: Sandbox, loop: Loop) -> None:
    async def main() -> None:
        slow = await slowness(sandbox, loop)
        sandbox.fault("delay", PATH, milliseconds=round(1_500 * slow))
        timeout = 2.5 * slow
        async with sandbox.async_client(
            max_threads=2 * THREADS, pacing=False, timeout=timeout
        ) as client:
            _, results = await timed(client, 2 * THREADS, loop)
        assert results == ["done"] * 2 * THREADS

    loop.run(main)


def test_the_timeout_includes_the_wait_for_a_thread(sandbox: Sandbox, loop: Loop) -> None:
    async def main() -> None:
        slow = await slowness(sandbox, loop)
        sandbox.fault("delay", PATH, milliseconds=round(1_500 * slow))
        async with sandbox.async_client(pacing=False, timeout=2.0 * slow) as client:
            took, results = await timed(client, 200, loop)
        assert results.count("done") >= THREADS
        assert set(results) > {"done"}
        assert took < 2.2 * slow

    loop.run(main)


def test_the_error_reports_that_no_thread_was_free(sandbox: Sandbox, loop: Loop) -> None:
    async def ask() -> str | None:
        await loop.sleep(1.5)
        return sandbox.one_time_code()

    async def main() -> None:
        # The prompt takes longer than the timeout, and uses the only thread.
        async with sandbox.async_user(mfa=ask, max_threads=1, timeout=1.0) as client:
            _, results = await timed(client, 3, loop)
        late = (
            "waiting for a thread timed out after 1 s: max_threads is 1, and other calls of this "
            "AsyncClient use all of them"
        )
        assert results.count(late) == 2

    loop.run(main)


def test_the_client_of_another_workspace_has_the_same_settings(sandbox: Sandbox) -> None:
    async def main() -> None:
        timeout = timedelta(seconds=7)
        async with sandbox.async_user(USER, max_threads=3, timeout=timeout) as client:
            other = await client.switch_workspace(5678)
            assert (other._calls.max_threads, other._calls._timeout) == (3, 7.0)
            await other.aclose()

    asyncio.run(main())


@pytest.mark.parametrize("number", [0, -1, True, 1.5, "8", None])
def test_an_invalid_max_threads_is_refused(sandbox: Sandbox, number: object) -> None:
    with pytest.raises(InvalidInputError, match=r"^max_threads: must be an int, at least 1"):
        sandbox.async_client(max_threads=number)


def test_without_anyio_the_error_names_what_to_install(sandbox: Sandbox) -> None:
    program = """
import sys
sys.modules["anyio"] = None
import emnify_auth
from emnify_auth import *
assert hasattr(emnify_auth, "AsyncClient") and AsyncClient is emnify_auth.AsyncClient
with Client() as client:
    client.authenticate()
for make in (AsyncClient, lambda: AsyncClient.from_user("user", "password")):
    try:
        make()
    except ImportError as error:
        assert error.name == "anyio"
        print(error)
"""
    said = sandbox.run(program).splitlines()
    needs = "AsyncClient needs anyio, which is not installed; install it with: "
    assert said == [needs + "pip install 'emnify-auth[async]'"] * 2
