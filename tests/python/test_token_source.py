"""application_token_source: a function of the program that returns the application token."""

import asyncio
import gc
import threading
import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from emnify_auth import AsyncClient, AuthToken, Client, EmnifyError, Event, InvalidInputError

from loops import Loop
from sandbox import AUTHENTICATE, Sandbox


def source_client(sandbox: Sandbox, source: Callable[[], object], **settings: object) -> Client:
    settings |= {"application_token": None, "application_token_source": source}
    return sandbox.client(**settings)


def test_the_token_is_read_at_each_sign_in_in_the_caller_s_thread(sandbox: Sandbox) -> None:
    read: list[int] = []

    def source() -> str:
        read.append(threading.get_ident())
        return sandbox.application_token

    with source_client(sandbox, source) as client, ThreadPoolExecutor(1) as pool:
        assert not read
        here = pool.submit(threading.get_ident).result()
        first = pool.submit(client.authenticate).result()
        assert read == [here]
        assert client.authenticate() == first
        assert client.application_tokens.list()
        assert read == [here]
        client.invalidate(first)
        assert client.authenticate() != first
        assert read == [here, threading.get_ident()]
        assert "application_token_source" in repr(client)


def test_a_renewal_in_the_background_uses_the_last_result(sandbox: Sandbox) -> None:
    read: list[int] = []

    def source() -> str:
        read.append(threading.get_ident())
        return sandbox.application_token

    with source_client(sandbox, source, **sandbox.client_settings()) as client:
        client.authenticate()
        sandbox.clock.advance(0.9 * 240 * 60)
        client.authenticate()
        sandbox.wait_for_call("POST", AUTHENTICATE, 2)
        assert client.status().last_error is None
    assert read == [threading.get_ident()]


def test_with_auto_renew_the_first_call_reads_the_token(sandbox: Sandbox) -> None:
    for _ in range(20):
        with source_client(sandbox, lambda: sandbox.application_token, auto_renew=True) as client:
            assert client.authenticate().reveal()


def test_an_exception_is_raised_by_the_call(sandbox: Sandbox) -> None:
    sealed = LookupError("a canary")
    events: list[Event] = []

    def source() -> str:
        raise sealed

    with source_client(sandbox, source, on_event=events.append) as client:
        with pytest.raises(LookupError) as caught:
            client.authenticate()
        assert caught.value is sealed
        with pytest.raises(LookupError):
            client.get("/api/v1/sim")
        error = client.status().last_error
        assert str(error) == "application_token_source: it raised LookupError"
        assert {str(event.error) for event in events} == {str(error)}
    assert sandbox.calls() == 0


def test_after_an_exception_the_last_result_is_used(sandbox: Sandbox) -> None:
    events: list[str] = []
    results = iter([sandbox.application_token])

    def source() -> str:
        for token in results:
            return token
        raise LookupError("sealed")

    with source_client(sandbox, source, on_event=lambda event: events.append(event.kind)) as client:
        client.invalidate(client.authenticate())
        assert client.authenticate().reveal()
    assert events == ["authenticated", "credential_error", "authenticated"]


class Stop(BaseException):
    """An exception like SystemExit."""


def test_a_base_exception_ends_the_call_also_after_a_result(sandbox: Sandbox) -> None:
    results = iter([sandbox.application_token])

    def source() -> str:
        for token in results:
            return token
        raise Stop

    with source_client(sandbox, source) as client:
        client.invalidate(client.authenticate())
        with pytest.raises(Stop):
            client.authenticate()


def test_calls_that_wait_for_the_same_sign_in_fail_too(sandbox: Sandbox) -> None:
    everybody = threading.Barrier(4)

    def source() -> str:
        raise LookupError("sealed")

    def call(_: int) -> Exception | AuthToken:
        everybody.wait()
        try:
            return client.authenticate()
        except (LookupError, EmnifyError) as error:
            return error

    with source_client(sandbox, source) as client, ThreadPoolExecutor(4) as pool:
        kinds = {type(result) for result in pool.map(call, range(4))}
    assert LookupError in kinds
    assert kinds <= {LookupError, InvalidInputError}


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        (None, "must be a str, not NoneType"),
        (b"canary", "must be a str, not bytes"),
        ("two canaries", "contains a character at"),
    ],
)
def test_what_is_no_application_token_is_not_sent(
    sandbox: Sandbox, returned: object, message: str
) -> None:
    with source_client(sandbox, lambda: returned) as client:
        with pytest.raises(InvalidInputError) as caught:
            client.authenticate()
        assert str(caught.value).startswith(f"application_token_source: {message}")
        assert "canar" not in str(caught.value)
    assert sandbox.calls() == 0


async def coroutine() -> str:
    return "never"


def test_an_async_function_is_refused(sandbox: Sandbox) -> None:
    with pytest.raises(InvalidInputError, match=r"^application_token_source: must be a plain f"):
        source_client(sandbox, coroutine)
    client = source_client(sandbox, lambda: coroutine())
    with pytest.raises(InvalidInputError, match=r"^application_token_source: returned an aw"):
        client.authenticate()
    with pytest.raises(InvalidInputError, match=r"^application_token_source: must be a function"):
        source_client(sandbox, 7)  # type: ignore[arg-type]


def test_only_one_credential_can_be_given(sandbox: Sandbox) -> None:
    with pytest.raises(InvalidInputError, match="several credentials given"):
        sandbox.client(application_token_source=lambda: "token")


@pytest.mark.parametrize("is_async", [False, True])
def test_it_runs_in_the_event_loop(sandbox: Sandbox, loop: Loop, is_async: bool) -> None:
    read: list[int] = []

    def source() -> str:
        read.append(threading.get_ident())
        return sandbox.application_token

    async def slow() -> str:
        await loop.sleep(0.1)
        return source()

    async def main() -> None:
        client = sandbox.async_client(
            application_token=None, application_token_source=slow if is_async else source
        )
        async with client:
            tokens = await loop.together(client.authenticate, 20)
            assert len({token.reveal() for token in tokens}) == 1
            assert await client.application_tokens.list()
            assert read == [threading.get_ident()]

    loop.run(main)


def test_its_exception_is_raised_in_the_task(sandbox: Sandbox, loop: Loop) -> None:
    async def source() -> str:
        raise LookupError("sealed")

    async def main() -> None:
        async with sandbox.async_client(
            application_token=None, application_token_source=source
        ) as client:
            for call in (client.authenticate, client.application_tokens.own):
                with pytest.raises(LookupError, match="sealed"):
                    await call()

    loop.run(main)


def test_a_cancelled_task_cancels_it(sandbox: Sandbox) -> None:
    ended: list[str] = []

    async def source() -> str:
        try:
            await asyncio.sleep(60 if not ended else 0)
        finally:
            ended.append("")
        return sandbox.application_token

    async def main(client: AsyncClient) -> None:
        async with client:
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(client.authenticate(), 0.2)
            assert len(ended) == 1
            assert (await client.authenticate()).reveal()

    asyncio.run(main(sandbox.async_client(application_token=None, application_token_source=source)))


def test_a_client_whose_function_failed_is_freed(sandbox: Sandbox) -> None:
    class Vault:
        def __init__(self) -> None:
            self.client = source_client(sandbox, self.read)

        def read(self) -> str:
            raise LookupError("sealed")

    def failed() -> weakref.ref[Client]:
        vault = Vault()
        with pytest.raises(LookupError):
            vault.client.authenticate()
        return weakref.ref(vault.client)

    gone = failed()
    gc.collect()
    assert gone() is None
