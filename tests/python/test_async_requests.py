"""Requests of AsyncClient, which run on threads of the native module and wake their tasks."""

import asyncio
import threading

import pytest

from emnify_auth import RequestTimeoutError

from loops import Loop
from sandbox import AUTHENTICATE, REFUSAL, SIM, Sandbox

PATH = f"{SIM}/500001"


def test_a_request_needs_no_thread_of_python(sandbox: Sandbox, loop: Loop) -> None:
    async def main() -> None:
        async with sandbox.async_client() as client:
            await client.authenticate()
            before = threading.active_count()
            sandbox.fault("delay", PATH, milliseconds=300)
            during: list[int] = []

            async def call() -> None:
                if not during:
                    during.append(0)
                    await loop.sleep(0.1)
                    during.append(threading.active_count())
                else:
                    assert (await client.get(PATH)).status_code == 200

            await loop.together(call, 9)
            assert during == [0, before]

    loop.run(main)


def test_a_request_that_fails_at_once_wakes_its_task(sandbox: Sandbox, loop: Loop) -> None:
    async def main() -> None:
        async with sandbox.async_client() as client:
            for _ in range(50):
                with pytest.raises(RequestTimeoutError):
                    await client.get(PATH, timeout=1e-9)

    loop.run(main)


def test_the_token_is_asked_for_in_the_event_loop_after_a_401(sandbox: Sandbox, loop: Loop) -> None:
    threads: list[int] = []

    async def source() -> str:
        threads.append(threading.get_ident())
        return sandbox.application_token

    async def main() -> None:
        async with sandbox.async_client(
            application_token=None, application_token_source=source
        ) as client:
            await client.get(PATH)
            sandbox.fault("status", PATH, status=401, body=REFUSAL, times=1)
            assert (await client.get(PATH)).status_code == 200
        assert threads == [threading.get_ident()] * 2

    loop.run(main)
    assert sandbox.calls("POST", AUTHENTICATE) == 2


def test_a_cancelled_request_leaves_its_place_to_another(sandbox: Sandbox) -> None:
    async def main() -> None:
        async with sandbox.async_client(max_threads=1) as client:
            await client.authenticate()
            sandbox.fault("delay", PATH, milliseconds=2_000, times=1)
            hanging = asyncio.create_task(client.get(PATH))
            await asyncio.sleep(0)
            sandbox.wait_for_call("GET", PATH, 1)
            hanging.cancel()
            assert (await client.get(PATH, timeout=1.5)).status_code == 200
            assert hanging.cancelled()

    asyncio.run(main())


def test_a_response_that_arrives_while_the_interpreter_ends_is_ignored(sandbox: Sandbox) -> None:
    sandbox.fault("delay", PATH, milliseconds=400)
    program = """
import asyncio, time
from emnify_auth import AsyncClient

class SlowEnd:
    def __del__(self):
        time.sleep(0.6)

client = AsyncClient()
loop = asyncio.new_event_loop()
# It is never awaited to its end, and its loop is never closed.
loop.run_until_complete(client.authenticate())
task = loop.create_task(client.get("/api/v1/sim/500001"))
loop.run_until_complete(asyncio.sleep(0.1))
# Names with an underscore go first.
_slow_end = SlowEnd()
task._log_destroy_pending = False
print("end", flush=True)
"""
    process = sandbox.start(program)
    assert process.communicate(timeout=30) == ("end\n", "")
    assert process.returncode == 0


def test_a_request_while_the_interpreter_ends_still_works(sandbox: Sandbox) -> None:
    program = """
import asyncio, atexit
from emnify_auth import AsyncClient

def report():
    print(asyncio.run(client.get("/api/v1/sim/500001")).status_code)

atexit.register(report)
client = AsyncClient()
asyncio.run(client.authenticate())
"""
    assert sandbox.run(program) == "200"
