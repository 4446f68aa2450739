"""Signals: Ctrl-C ends a call whatever it waits for, and our threads block all signals."""

import json
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from subprocess import Popen

import pytest

from emnify_auth import Client, RequestTimeoutError
from emnify_sandbox import FaultKind, FaultOptions

from conftest import Interrupted
from sandbox import APPLICATION_TOKEN, AUTHENTICATE, LONG, SIM, Sandbox, ended

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals as POSIX has them")

# Seconds between a signal and the exception that it raises.
AT_ONCE = 0.5

# Prints a line before it makes a call, and the time when the call was interrupted.
HANGS = """
import json, os, sys, threading, time
from emnify_auth import Client

where, settings = sys.argv[1], json.loads(sys.argv[2])
client = Client(timeout=50, **settings)
if where in ("list", "request", "paginate"):
    client.authenticate()
    call = {
        "list": client.application_tokens.list,
        "request": lambda: client.get("/api/v1/sim"),
        "paginate": lambda: next(client.paginate("/api/v1/sim")),
    }[where]
elif where == "another thread":
    threading.Thread(target=client.authenticate, daemon=True).start()
    time.sleep(0.2)
    call = client.authenticate
else:
    call = client.authenticate
print("calls", flush=True)
try:
    call()
except KeyboardInterrupt:
    print(time.monotonic())
else:
    print("was not interrupted")
# Work in the background does not keep the process from ending.
client.close()
"""


def interrupted(process: Popen[str]) -> float:
    """Interrupt a program that hangs in a call, and return how many seconds that took."""
    assert process.stdout is not None
    assert process.stdout.readline() == "calls\n"
    time.sleep(0.4)
    # The other process uses the same clock.
    sent = time.monotonic()
    process.send_signal(signal.SIGINT)
    took = float(ended(process)) - sent
    assert time.monotonic() - sent < 5
    return took


PATHS = {"list": APPLICATION_TOKEN, "request": SIM, "paginate": SIM}


@pytest.mark.parametrize("where", ["authenticate", "another thread", *PATHS])
@pytest.mark.parametrize("fault", ["delay", "endless_body"])
def test_ctrl_c_ends_a_wait_for_the_server(sandbox: Sandbox, where: str, fault: FaultKind) -> None:
    options: FaultOptions = {"milliseconds": LONG} if fault == "delay" else {}
    sandbox.fault(fault, PATHS.get(where, AUTHENTICATE), **options)
    assert interrupted(sandbox.start(HANGS, where, "{}")) < AT_ONCE


def test_ctrl_c_ends_a_pause_between_attempts(sandbox: Sandbox) -> None:
    sandbox.fault("status", AUTHENTICATE, status=503, headers={"Retry-After": "45"})
    assert interrupted(sandbox.start(HANGS, "a wait", "{}")) < AT_ONCE
    assert sandbox.calls("POST", AUTHENTICATE) == 1


@pytest.fixture
def mute_server() -> Iterator[int]:
    """Accept connections and send nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_ctrl_c_ends_a_tls_handshake(sandbox: Sandbox, mute_server: int) -> None:
    settings = {"base_url": f"https://127.0.0.1:{mute_server}", "connect_timeout": 50}
    assert interrupted(sandbox.start(HANGS, "a handshake", json.dumps(settings))) < AT_ONCE


def test_ctrl_c_ends_a_wait_for_the_store_s_lock(sandbox: Sandbox, tmp_path: Path) -> None:
    sandbox.fault("delay", AUTHENTICATE, milliseconds=LONG)
    settings = json.dumps({"store": str(tmp_path)})
    holder = sandbox.start(HANGS, "the holder", settings)
    try:
        assert holder.stdout is not None
        holder.stdout.readline()
        time.sleep(0.3)
        assert interrupted(sandbox.start(HANGS, "the store", settings)) < AT_ONCE
        assert sandbox.calls("POST", AUTHENTICATE) == 1
    finally:
        assert interrupted_already(holder)


def test_ctrl_c_ends_a_wait_for_redis(sandbox: Sandbox, mute_server: int) -> None:
    sandbox.fault("delay", AUTHENTICATE, milliseconds=LONG)
    settings = json.dumps({"store": f"redis://127.0.0.1:{mute_server}"})
    took = interrupted(sandbox.start(HANGS, "the store", settings))
    assert took < AT_ONCE
    # After a second it would have continued without the store.
    assert sandbox.calls("POST", AUTHENTICATE) == 0


def interrupted_already(process: Popen[str]) -> bool:
    process.send_signal(signal.SIGINT)
    return float(ended(process)) > 0


def test_an_interrupted_call_continues_in_the_background(
    sandbox: Sandbox, interrupt_soon: threading.Timer
) -> None:
    sandbox.fault("delay", AUTHENTICATE, milliseconds=1_000)
    events: list[str] = []
    with sandbox.client(on_event=lambda event: events.append(event.kind)) as client:
        interrupt_soon.start()
        with pytest.raises(Interrupted):
            client.authenticate()
        assert not events
        # The call waits for the interrupted one.
        assert client.authenticate().reveal()
        assert events == ["authenticated"]
    assert sandbox.calls("POST", AUTHENTICATE) == 1


def test_an_interrupted_read_loses_no_row(
    sandbox: Sandbox, interrupt_soon: threading.Timer
) -> None:
    with sandbox.client() as client:
        rows = client.paginate(SIM, per_page=150)
        read = [next(rows)["id"] for _ in range(150)]
        sandbox.fault("delay", SIM, milliseconds=1_000)
        interrupt_soon.start()
        with pytest.raises(Interrupted):
            next(rows)
        read += [row["id"] for row in rows]
    assert len(read) == len(set(read)) == 300
    # Its page is asked for again.
    assert sandbox.calls("GET", SIM) == 3


@pytest.mark.parametrize("lost", ["answer", "id"])
def test_an_interrupted_create_revokes_the_new_token(
    sandbox: Sandbox, interrupt_soon: threading.Timer, lost: str
) -> None:
    # The list is read before and after.
    call = {"method": "POST"} if lost == "answer" else {"method": "GET", "skip": 1}
    with sandbox.client() as client:
        client.authenticate()
        sandbox.fault("delay", APPLICATION_TOKEN, milliseconds=1_000, **call)
        interrupt_soon.start()
        with pytest.raises(Interrupted):
            client.application_tokens.create(description="nobody's")
        # Even if the client has been closed.
    wait_until_revoked(sandbox)


def wait_until_revoked(sandbox: Sandbox) -> None:
    for _ in range(100):
        rows = [r for r in sandbox.application_tokens() if r["description"] == "nobody's"]
        if [row["revoked"] for row in rows] == [True]:
            return
        time.sleep(0.05)
    pytest.fail("was not revoked")


def test_a_handler_that_does_not_raise_does_not_end_the_call(sandbox: Sandbox) -> None:
    sandbox.fault("delay", AUTHENTICATE, milliseconds=800)
    handled: list[float] = []
    before = signal.signal(signal.SIGUSR1, lambda *_: handled.append(time.monotonic()))
    try:
        timer = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGUSR1))
        timer.start()
        with sandbox.client() as client:
            assert client.authenticate().reveal()
        returned = time.monotonic()
        timer.join()
    finally:
        signal.signal(signal.SIGUSR1, before)
    # During the call, not after it.
    assert len(handled) == 1
    assert returned - handled[0] > 0.2


def test_ctrl_c_ends_the_mfa_function(sandbox: Sandbox) -> None:
    def mfa() -> str:
        raise KeyboardInterrupt

    with sandbox.user(mfa=mfa) as client, pytest.raises(KeyboardInterrupt):
        client.authenticate()


def test_returning_a_cached_token_starts_no_thread(client: Client) -> None:
    client.authenticate()
    before = threads()
    for _ in range(100):
        client.authenticate()
    assert threads() == before


def threads() -> set[str]:
    return set(os.listdir("/proc/self/task")) if sys.platform == "linux" else set()


@pytest.mark.skipif(sys.platform != "linux", reason="asks /proc")
def test_all_our_threads_block_all_signals(sandbox: Sandbox, tmp_path: Path) -> None:
    sandbox.fault("delay", AUTHENTICATE, milliseconds=1_500)
    seen: dict[str, int] = {}
    done = threading.Event()
    # pytest-xdist has threads that are not Python's.
    before = threads()

    def look() -> None:
        python = {str(thread.native_id) for thread in threading.enumerate()}
        while not done.wait(0.05):
            for thread in threads() - before - python:
                status = Path(f"/proc/self/task/{thread}/status").read_text()
                fields = dict(line.split(":\t", 1) for line in status.splitlines())
                seen[fields["Name"]] = int(fields["SigBlk"], 16)

    with sandbox.client(store=tmp_path, timeout=1.0) as client:
        looker = threading.Thread(target=look)
        looker.start()
        with pytest.raises(RequestTimeoutError):
            client.authenticate()
        done.set()
        looker.join()
        # The connection's own thread is left, and the worker, which is kept for a while. The others
        # are about to end.
        for _ in range(100):
            if len(threads() - before) <= 2:
                break
            time.sleep(0.01)
        assert len(threads() - before) <= 2
    assert "emnify-http" in seen
    assert len(seen) >= 2
    for name, blocked in seen.items():
        for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
            assert blocked >> (number - 1) & 1, f"{name} does not block {number!r}"
