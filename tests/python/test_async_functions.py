"""The user's functions of an AsyncClient. They run in the event loop of the calling task."""

import asyncio
import threading
import traceback
from contextvars import ContextVar
from pathlib import Path

import pytest

from emnify_auth import (
    AsyncClient,
    AuthToken,
    InvalidInputError,
    MfaRequiredError,
    RequestTimeoutError,
    RotationError,
)

from loops import AT_ONCE, Loop
from sandbox import APPLICATION_TOKEN, Sandbox


@pytest.fixture
def gateway(sandbox: Sandbox, tmp_path: Path) -> AsyncClient:
    old_id = sandbox.seed(description="gateway 7", expiry_date="2099-01-01")
    [row] = [row for row in sandbox.application_tokens() if row["id"] == old_id]
    return sandbox.async_client(application_token=row["value"], store=tmp_path)


def values(sandbox: Sandbox) -> list[str]:
    """Return the active application tokens, except for the one that every sandbox has."""
    return [row["value"] for row in sandbox.application_tokens()[1:] if not row["revoked"]]


@pytest.mark.parametrize("is_async", [False, True])
def test_the_new_token_is_handed_over_in_the_event_loop(
    sandbox: Sandbox, loop: Loop, gateway: AsyncClient, is_async: bool
) -> None:
    taken: list[tuple[str, int, str]] = []
    variable = ContextVar("variable", default="")

    def take(token: str) -> None:
        taken.append((token, threading.get_ident(), variable.get()))

    async def take_slowly(token: str) -> None:
        await loop.sleep(0.2)
        # Both tokens work meanwhile, and the client may be used.
        assert len(values(sandbox)) == 2
        assert len(await gateway.application_tokens.list()) == 3
        gateway.invalidate(await gateway.authenticate())
        await gateway.authenticate()
        take(token)

    async def main() -> None:
        variable.set("the task's")
        async with gateway:
            rotation = await gateway.application_tokens.rotate(
                hand_over=take_slowly if is_async else take
            )
            assert rotation.state == "done"
            assert [(*values(sandbox), threading.get_ident(), "the task's")] == taken

    loop.run(main)


@pytest.mark.parametrize("is_async", [False, True])
def test_a_function_that_fails_stops_the_rotation_until_the_next_call(
    sandbox: Sandbox, loop: Loop, gateway: AsyncClient, is_async: bool
) -> None:
    given: list[str] = []
    raised = OSError("disk full")

    def fail(token: str) -> None:
        given.append(token)
        raise raised

    async def fail_slowly(token: str) -> None:
        await loop.sleep(0.01)
        fail(token)

    async def main() -> None:
        async with gateway:
            with pytest.raises(RotationError) as caught:
                await gateway.application_tokens.rotate(hand_over=fail_slowly if is_async else fail)
            assert caught.value.state == "committed"
            assert caught.value.__cause__ is raised
            caught.value.__cause__ = None
            report = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
            # The frames of this test may show the token.
            lines = [line for line in report.format() if "emnify_auth" in line]
            assert given[0] not in "".join(lines)
            rotation = await gateway.application_tokens.rotate(hand_over=given.append)
            assert rotation.state == "done"

    loop.run(main)
    assert given == values(sandbox) * 2


def test_an_async_function_reads_the_new_token_back(
    sandbox: Sandbox, loop: Loop, gateway: AsyncClient
) -> None:
    given: list[str] = []

    async def read_back() -> str:
        await loop.sleep(0.01)
        return given[0]

    async def main() -> None:
        async with gateway:
            rotation = await gateway.application_tokens.rotate(
                hand_over=given.append, read_back=read_back
            )
            assert rotation.state == "done"

    loop.run(main)
    assert given == values(sandbox)


def test_a_rotation_that_is_cancelled_while_it_hands_over_stops_there(
    sandbox: Sandbox, loop: Loop, gateway: AsyncClient
) -> None:
    given: list[str] = []

    async def take(token: str) -> None:
        given.append(token)
        await loop.sleep(60)

    async def main() -> None:
        async with gateway:

            async def rotate() -> None:
                await gateway.application_tokens.rotate(hand_over=take)

            assert await loop.cancelled(rotate, lambda: len(given) == 1) < AT_ONCE
            # The next call waits for requests in progress, and passes the same token again.
            rotation = await gateway.application_tokens.rotate(hand_over=given.append)
            assert rotation.state == "done"

    loop.run(main)
    assert given == values(sandbox) * 2


def test_a_rotation_that_is_cancelled_while_it_creates_begins_again(
    sandbox: Sandbox, loop: Loop, gateway: AsyncClient
) -> None:
    given: list[str] = []

    async def main() -> None:
        async with gateway:
            await gateway.authenticate()
            sandbox.fault("delay", APPLICATION_TOKEN, method="POST", milliseconds=1_000)

            async def rotate() -> None:
                await gateway.application_tokens.rotate(hand_over=given.append)

            def is_sent() -> bool:
                return sandbox.calls("POST", APPLICATION_TOKEN) == 1

            await loop.cancelled(rotate, is_sent)
            sandbox.clear_faults()
            assert not given
            await rotate()
            assert given[0] in values(sandbox)
            # What the first call still creates is revoked by this rotation or the next one.
            while len(sandbox.application_tokens()) < 4:
                await loop.sleep(0.05)
            await rotate()

    loop.run(main)
    assert given[1:] == values(sandbox)


@pytest.mark.parametrize("is_async", [False, True])
def test_mfa_runs_in_the_event_loop(sandbox: Sandbox, loop: Loop, is_async: bool) -> None:
    threads: list[int] = []

    def mfa() -> str | None:
        threads.append(threading.get_ident())
        return sandbox.one_time_code()

    async def ask() -> str | None:
        await loop.sleep(0.2)
        return mfa()

    async def main() -> None:
        async with sandbox.async_user(mfa=ask if is_async else mfa) as client:
            tokens = await loop.together(client.authenticate, 20)
            assert len({token.reveal() for token in tokens}) == 1
            assert threads == [threading.get_ident()]

    loop.run(main)


def test_an_exception_of_mfa_is_raised_in_the_task(sandbox: Sandbox, loop: Loop) -> None:
    async def ask() -> str:
        raise LookupError("no telephone")

    async def main() -> None:
        async with sandbox.async_user(mfa=ask) as client:
            with pytest.raises(LookupError, match="no telephone"):
                await client.authenticate()
        async with sandbox.async_user(mfa=lambda: None) as client:
            with pytest.raises(MfaRequiredError):
                await client.authenticate()
        async with sandbox.async_user() as client:
            with pytest.raises(MfaRequiredError):
                await client.authenticate()

    loop.run(main)


class Stop(BaseException):
    """An exception like SystemExit, which no event loop treats specially."""


def test_a_base_exception_of_mfa_reaches_only_the_call_that_asked(
    sandbox: Sandbox, loop: Loop
) -> None:
    asked: list[None] = []

    async def ask() -> str | None:
        asked.append(None)
        if len(asked) == 1:
            raise Stop
        return sandbox.one_time_code()

    async def main() -> None:
        async with sandbox.async_user(mfa=ask) as client:
            with pytest.raises(Stop):
                await client.authenticate()
            assert (await client.authenticate()).reveal()

    loop.run(main)


def test_if_the_task_that_signs_in_is_cancelled_another_one_asks(sandbox: Sandbox) -> None:
    asked: list[str] = []
    ended: list[str] = []

    async def ask() -> str | None:
        asked.append(name.get())
        try:
            if len(asked) == 1:
                await asyncio.sleep(60)
        finally:
            ended.append(name.get())
        return sandbox.one_time_code()

    name = ContextVar("name", default="")

    async def main() -> None:
        async with sandbox.async_user(mfa=ask) as client:

            async def authenticate(task: str) -> AuthToken:
                name.set(task)
                return await client.authenticate()

            tasks = [asyncio.create_task(authenticate(task)) for task in "abc"]
            while not asked:
                await asyncio.sleep(0.01)
            tasks[0].cancel()
            await asyncio.wait(tasks)
            assert [task.cancelled() for task in tasks] == [True, False, False]
            assert asked == ended == ["a", "b"]

    asyncio.run(main())


def test_the_wait_for_another_task_s_sign_in_is_within_the_timeout(
    sandbox: Sandbox, loop: Loop
) -> None:
    late: list[str] = []

    async def ask() -> str | None:
        # Longer than the timeouts of the others.
        while len(late) < 2:
            await loop.sleep(0.01)
        return sandbox.one_time_code()

    async def main() -> None:
        async with sandbox.async_user(mfa=ask, timeout=60.0) as client:
            timeouts = [60.0, 0.5, 0.5]

            async def authenticate() -> AuthToken | None:
                try:
                    return await client.authenticate(timeout=timeouts.pop(0))
                except RequestTimeoutError as error:
                    late.append(str(error))
                    return None

            results = await loop.together(authenticate, 3)
            assert sum(isinstance(result, AuthToken) for result in results) == 1

    loop.run(main)
    assert late == ["waiting for another task to sign in timed out after 0.5 s"] * 2


def test_a_value_that_is_not_a_function_is_refused(sandbox: Sandbox, gateway: AsyncClient) -> None:
    with pytest.raises(InvalidInputError, match=r"^mfa: must be a function, not int"):
        sandbox.async_user(mfa=7)
    with pytest.raises(InvalidInputError, match=r"^hand_over: must be a function, not int"):
        asyncio.run(gateway.application_tokens.rotate(hand_over=7))  # type: ignore[arg-type]
