"""The worker threads of AsyncClient: how many there are, how long a call waits for one, and the
error without anyio, which provides them."""

import asyncio
import gc
import os
import time
from datetime import timedelta

import pytest

from emnify_auth import ForbiddenError, InvalidInputError, RequestTimeoutError

from loops import Loop
from sandbox import APPLICATION_TOKEN, LONG, SIM, USER, Sandbox

PATH = f"{SIM}/500001"

# The default of max_threads.
THREADS = 64


@pytest.mark.parametrize("max_threads", [None, 2 * THREADS])
def test_so_many_calls_are_made_at_once(
    sandbox: Sandbox, loop: Loop, max_threads: int | None
) -> None:
    number = max_threads or THREADS
    settings = {} if max_threads is None else {"max_threads": max_threads}

    async def main() -> None:
        async with sandbox.async_client(pacing=False, timeout=60.0, **settings) as client:
            await client.authenticate()
            sandbox.fault("delay", PATH, milliseconds=LONG)

            async def calls() -> None:
                await loop.together(lambda: client.get(PATH), number + 1)

            await loop.cancelled(calls, lambda: sandbox.calls("GET", PATH) == number)
            # The last one waited for a thread, and was not made.
            assert sandbox.calls("GET", PATH) == number

    loop.run(main)


def test_the_timeout_includes_the_wait_for_a_thread(sandbox: Sandbox, loop: Loop) -> None:
    async def main() -> None:
        async with sandbox.async_client(max_threads=1, timeout=60.0) as client:
            await client.authenticate()
            sandbox.fault("delay", PATH, milliseconds=1_500)
            # The second call gets the thread after 1.5 s, and a response after 3 s.
            timeouts = [60.0, 2.5]

            async def call() -> str:
                try:
                    await client.get(PATH, timeout=timeouts.pop(0))
                except RequestTimeoutError as error:
                    return str(error)
                return "done"

            first, second = sorted(await loop.together(call, 2))
        assert second == "done"
        assert "timed out after 2.5 s" in first

    loop.run(main)


def test_the_error_reports_that_no_thread_was_free(sandbox: Sandbox, loop: Loop) -> None:
    late: list[str] = []

    async def ask() -> str | None:
        # The call that asks uses the only thread meanwhile.
        while len(late) < 2:
            await loop.sleep(0.01)
        return sandbox.one_time_code()

    async def main() -> None:
        async with sandbox.async_user(mfa=ask, max_threads=1, timeout=60.0) as client:
            timeouts = [60.0, 0.5, 0.5]

            async def call() -> None:
                try:
                    await client.get(PATH, timeout=timeouts.pop(0))
                except RequestTimeoutError as error:
                    late.append(str(error))

            await loop.together(call, 3)

    loop.run(main)
    message = (
        "waiting for a thread timed out after 0.5 s: max_threads is 1, and other calls of this "
        "AsyncClient use all of them"
    )
    assert late == [message] * 2


def test_after_an_error_a_closed_client_keeps_no_connection(sandbox: Sandbox, loop: Loop) -> None:
    def descriptors() -> int:
        return len(os.listdir("/proc/self/fd"))

    async def main() -> None:
        before = descriptors()
        sandbox.fault("status", APPLICATION_TOKEN, method="POST", status=403)
        async with sandbox.async_client() as client:
            try:
                await client.application_tokens.create()
            except ForbiddenError:
                while_open = descriptors()
        give_up = time.monotonic() + 10
        while descriptors() > before and time.monotonic() < give_up:
            await loop.sleep(0.01)
        assert descriptors() <= before < while_open

    # Without it, only a cycle of references could keep them.
    gc.disable()
    try:
        loop.run(main)
    finally:
        gc.enable()


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
