"""Threads and panics: threads share one sign-in, do not block each other, and never hang."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from emnify_auth import AuthToken, Client, InternalError, RequestTimeoutError, _native

from sandbox import AUTHENTICATE, Sandbox


def test_twenty_cold_threads_sign_in_once(client: Client, sandbox: Sandbox) -> None:
    sandbox.fault("delay", AUTHENTICATE, milliseconds=200)
    barrier = threading.Barrier(20)

    def sign_in() -> AuthToken:
        barrier.wait()
        return client.authenticate()

    with ThreadPoolExecutor(20) as pool:
        tokens = list(pool.map(lambda _: sign_in(), range(20)))
    assert len({token.reveal() for token in tokens}) == 1
    assert sandbox.calls("POST", AUTHENTICATE) == 1


def test_other_threads_run_while_a_call_hangs(sandbox: Sandbox) -> None:
    sandbox.fault("delay", AUTHENTICATE, milliseconds=5_000)
    with sandbox.client(timeout=1.5) as client, ThreadPoolExecutor(1) as pool:
        call = pool.submit(client.authenticate)
        for _ in range(50):
            time.sleep(0.01)
        assert not call.done()
        with pytest.raises(RequestTimeoutError):
            call.result()


def test_a_client_may_be_closed_during_a_call(sandbox: Sandbox) -> None:
    sandbox.fault("delay", AUTHENTICATE, milliseconds=500)
    client = sandbox.client()
    with ThreadPoolExecutor(1) as pool:
        call = pool.submit(client.authenticate)
        time.sleep(0.2)
        client.close()
        assert call.result().reveal()


@pytest.mark.skipif(not hasattr(_native, "_panic"), reason="a release has no way to panic")
def test_a_panic_becomes_an_exception() -> None:
    # Calls from the main thread run differently, because they check for signals.
    with ThreadPoolExecutor(1) as pool:
        for panic in (_native._panic, lambda: pool.submit(_native._panic).result()):  # type: ignore[attr-defined]
            with pytest.raises(InternalError, match="a panic was caught") as caught:
                panic()
            assert not caught.value.is_retryable
