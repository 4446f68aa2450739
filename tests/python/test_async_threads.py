"""The worker threads of the asynchronous client: how many there are, how long a call waits for one,
and what happens without anyio, which provides them."""

import asyncio
import time

import pytest

from emnify_auth import AsyncClient, InvalidInputError, RequestTimeoutError, _native

from emnify_sandbox import SIM, USER, Sandbox
from loops import Loop

PATH = f"{SIM}/500001"

# How many calls run at the same time.
THREADS = 64


async def timed(client: AsyncClient, tasks: int, loop: Loop) -> tuple[float, list[str]]:
    """Make so many calls at the same time, and return how long that took and what came of each."""

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
    """Return how much slower than expected this machine is at present, at least 1."""
    async with sandbox.async_client(pacing=False, timeout=60.0) as client:
        took, _ = await timed(client, THREADS, loop)
    return max(1.0, took / 0.25)


def test_as_many_calls_as_threads_wait_for_none(sandbox: Sandbox, loop: Loop) -> None:
    async def main() -> None:
        slow = await slowness(sandbox, loop)
        sandbox.fault("delay", PATH, milliseconds=round(1_500 * slow))
        async with sandbox.async_client(pacing=False, timeout=2.0 * slow) as client:
            took, results = await timed(client, THREADS, loop)
        assert results == ["done"] * THREADS
        assert took < 2.2 * slow

    loop.run(main)


@pytest.mark.xfail(
    not hasattr(_native, "_Interrupt"), reason="a call does not know yet how long it has waited"
)
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


def test_the_error_says_that_no_thread_was_free(sandbox: Sandbox, loop: Loop) -> None:
    async def ask() -> str | None:
        await loop.sleep(1.5)
        return sandbox.one_time_code()

    async def main() -> None:
        # A person may take longer than the timeout, and occupies the thread meanwhile.
        async with sandbox.async_user(mfa=ask, max_threads=1, timeout=1.0) as client:
            _, results = await timed(client, 3, loop)
        late = (
            "waiting for a thread timed out after 1 s: other calls of this AsyncClient occupy "
            "all 1 (max_threads)"
        )
        assert results.count(late) == 2

    loop.run(main)


def test_another_workspace_has_as_many_threads(sandbox: Sandbox) -> None:
    async def main() -> None:
        async with sandbox.async_user(USER, max_threads=3, timeout=7.0) as client:
            other = await client.switch_workspace(5678)
            assert (other._calls.max_threads, other._calls.timeout) == (3, 7.0)
            await other.aclose()

    asyncio.run(main())


@pytest.mark.parametrize("number", [0, -1, True, 1.5, "8", None])
def test_a_number_of_threads_that_is_none_is_refused(sandbox: Sandbox, number: object) -> None:
    with pytest.raises(InvalidInputError, match=r"^max_threads: must be a whole number from 1 on"):
        sandbox.async_client(max_threads=number)


def test_without_anyio_the_class_says_what_to_install(sandbox: Sandbox) -> None:
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
    needs = "AsyncClient needs anyio, which is not installed; get it with: "
    assert said == [needs + "pip install 'emnify-auth[async]'"] * 2
