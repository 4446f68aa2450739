"""Threads, forks and panics: one sign-in for all who ask, nobody held up, nobody left hanging."""

import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from emnify_auth import AuthToken, Client, InternalError, RequestTimeoutError, _native

from emnify_sandbox import AUTHENTICATE, Sandbox

IN_PARENT_AND_CHILD = """
import os, sys, threading, warnings
from emnify_auth import Client

# The fork of a process that has threads is what this is about.
warnings.simplefilter("ignore", DeprecationWarning)
client = Client(timeout=10)
fresh = Client(timeout=10)
first = client.authenticate().reveal()
client.application_tokens.list()

stop = threading.Event()
def busy():
    while not stop.is_set():
        client.application_tokens.list()
threads = [threading.Thread(target=busy) for _ in range(4)]
for thread in threads:
    thread.start()

children = []
for _ in range(4):
    child = os.fork()
    if child == 0:
        code = 1
        try:
            assert client.authenticate().reveal() == first
            client.application_tokens.list()
            client.invalidate(client.authenticate())
            assert client.authenticate().reveal() != first
            fresh.authenticate()
            client.close()
            code = 0
        finally:
            os._exit(code)
    children.append(child)
codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
stop.set()
for thread in threads:
    thread.join()
client.application_tokens.list()
client.close()
print(codes)
"""


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


def test_a_client_may_be_closed_under_a_call(sandbox: Sandbox) -> None:
    sandbox.fault("delay", AUTHENTICATE, milliseconds=500)
    client = sandbox.client()
    with ThreadPoolExecutor(1) as pool:
        call = pool.submit(client.authenticate)
        time.sleep(0.2)
        client.close()
        assert call.result().reveal()


@pytest.mark.skipif(sys.platform != "linux", reason="a fork is safe on Linux only")
def test_parent_and_child_go_on_after_a_fork(sandbox: Sandbox) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", IN_PARENT_AND_CHILD],
        env={**os.environ, **sandbox.environment()},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (ended.returncode, ended.stdout.strip()) == (0, "[0, 0, 0, 0]"), ended.stderr


@pytest.mark.skipif(not hasattr(_native, "_panic"), reason="a release has no way to panic")
def test_a_panic_is_an_exception_like_others() -> None:
    with pytest.raises(InternalError, match="a panic was caught") as caught:
        _native._panic()  # type: ignore[attr-defined]
    assert not caught.value.is_retryable
