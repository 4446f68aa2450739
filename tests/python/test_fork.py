"""Forks at any time: parent and child both keep working, each with its own connections."""

import sys
from pathlib import Path

import pytest

from sandbox import AUTHENTICATE, Sandbox

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="a fork is safe on Linux only")

# fork() runs a function in a child; code() waits for its exit code: 0 if nothing was raised.
PREPARED = """
import os, sys, threading, time, warnings
from emnify_auth import Client

# Python warns about forking a process with threads, which these tests do on purpose.
warnings.simplefilter("ignore", DeprecationWarning)

def fork(work):
    child = os.fork()
    if child == 0:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    return child

def code(child):
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
"""

IN_PARENT_AND_CHILD = """
client = Client(timeout=10)
fresh = Client(timeout=10)
first = client.authenticate().reveal()
client.application_tokens.list()
rows = client.paginate("/api/v1/sim")
next(rows)

stop = threading.Event()
def busy():
    while not stop.is_set():
        client.application_tokens.list()
threads = [threading.Thread(target=busy) for _ in range(4)]
for thread in threads:
    thread.start()

def work():
    assert client.authenticate().reveal() == first
    client.application_tokens.list()
    client.invalidate(client.authenticate())
    assert client.authenticate().reveal() != first
    assert client.status().signed_in
    assert len(list(rows)) == 299
    fresh.authenticate()
    client.close()

children = [fork(work) for _ in range(4)]
print([code(child) for child in children])
stop.set()
for thread in threads:
    thread.join()
assert len(list(rows)) == 299
client.close()
"""

IN_THE_MIDDLE_OF_A_REFRESH = """
seen = []
client = Client(timeout=10, on_event=seen.append, store=sys.argv[1] or None)
thread = threading.Thread(target=client.authenticate)
thread.start()
time.sleep(0.4)

def work():
    # The child neither learns the result of the parent's attempt nor waits for it.
    assert client.authenticate().reveal()
    assert client.authenticate().reveal()
    assert [event.kind for event in seen] in (["authenticated"], ["adopted"]), seen
    client.close()

children = [fork(work) for _ in range(2)]
print([code(child) for child in children])
thread.join()
assert client.authenticate().reveal()
"""

IN_A_CALL = """
import signal
children = []
def handler(*_):
    children.append(os.fork())
signal.signal(signal.SIGUSR1, handler)
client = Client(timeout=10)
threading.Timer(0.4, os.kill, (os.getpid(), signal.SIGUSR1)).start()
try:
    client.authenticate()
except Exception as error:
    said = f"{type(error).__name__}: {error}"
else:
    said = ""
if children == [0]:
    # In the child, the thread that makes the call is gone, so the call raises. The next one works.
    client.authenticate()
    os._exit(0 if "this process was forked during the call" in said else 1)
print(said, [code(child) for child in children])
"""

MULTIPROCESSING = """
import multiprocessing, sys, warnings
from emnify_auth import Client

warnings.simplefilter("ignore", DeprecationWarning)
inherited = Client(timeout=10)

def work(number):
    client = inherited if sys.argv[1] == "fork" else Client(timeout=10)
    with client:
        assert client.application_tokens.list()
    return number

if __name__ == "__main__":
    inherited.authenticate()
    context = multiprocessing.get_context(sys.argv[1])
    with context.Pool(2, maxtasksperchild=1) as pool:
        print(sorted(pool.map(work, range(4), chunksize=1)))
    assert inherited.application_tokens.list()
"""


def test_parent_and_child_keep_working_after_a_fork(sandbox: Sandbox) -> None:
    assert sandbox.run(PREPARED + IN_PARENT_AND_CHILD) == "[0, 0, 0, 0]"


@pytest.mark.parametrize("stored", [False, True])
def test_a_fork_during_a_refresh(sandbox: Sandbox, tmp_path: Path, stored: bool) -> None:
    sandbox.fault("delay", AUTHENTICATE, milliseconds=1_000)
    store = tmp_path if stored else ""
    assert sandbox.run(PREPARED + IN_THE_MIDDLE_OF_A_REFRESH, store) == "[0, 0]"
    # With a store, the children wait for the parent's auth token.
    assert sandbox.calls("POST", AUTHENTICATE) == (1 if stored else 3)


def test_a_signal_handler_that_forks_during_a_call(sandbox: Sandbox) -> None:
    sandbox.fault("delay", AUTHENTICATE, milliseconds=1_000)
    assert sandbox.run(PREPARED + IN_A_CALL) == "[0]"


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_multiprocessing(sandbox: Sandbox, tmp_path: Path, method: str) -> None:
    # A file, because the new processes import it.
    program = tmp_path / "program.py"
    program.write_text(MULTIPROCESSING)
    assert sandbox.run(program, method) == "[0, 1, 2, 3]"
