"""auto_renew: a thread renews the auth token without calls. It ends with the program."""

import asyncio
import inspect
import signal
import sys
import time
from pathlib import Path

import pytest

from emnify_auth import Client, InvalidInputError

from sandbox import AUTHENTICATE, LONG, USER_WITH_MFA, Sandbox, ended

# Seconds. A lifetime has a renewal between 50 and 75 % of it.
LIFETIME = 8


def test_the_token_is_renewed_without_calls(sandbox: Sandbox) -> None:
    sandbox.settings(auth_token_lifetime=LIFETIME)
    with sandbox.client(auto_renew=True) as client:
        assert sandbox.calls() == 0
        first = client.authenticate()
        sandbox.wait_for_call("POST", AUTHENTICATE, 3)
        assert client.authenticate() != first
        assert client.status().signed_in


def test_an_async_client_renews_too(sandbox: Sandbox) -> None:
    sandbox.settings(auth_token_lifetime=LIFETIME)

    async def main() -> None:
        async with sandbox.async_client(auto_renew=True) as client:
            await client.authenticate()
            # Also while the event loop is blocked.
            sandbox.wait_for_call("POST", AUTHENTICATE, 2)

    asyncio.run(main())


def test_a_closed_client_renews_no_more(sandbox: Sandbox) -> None:
    sandbox.settings(auth_token_lifetime=LIFETIME)
    with sandbox.client(auto_renew=True) as client:
        client.authenticate()
    time.sleep(LIFETIME)
    assert sandbox.calls("POST", AUTHENTICATE) == 1


def test_the_thread_never_asks_for_a_code(sandbox: Sandbox) -> None:
    sandbox.settings(auth_token_lifetime=LIFETIME, refresh_token_lifetime=1)
    asked = []

    def mfa() -> str | None:
        asked.append(time.monotonic())
        return sandbox.one_time_code()

    with sandbox.user(USER_WITH_MFA, mfa=mfa, auto_renew=True) as client:
        client.authenticate()
        time.sleep(LIFETIME)
        assert len(asked) == 1


def test_it_must_be_a_bool(sandbox: Sandbox) -> None:
    with pytest.raises(InvalidInputError, match=r"^auto_renew: "):
        sandbox.client(auto_renew=1)
    assert inspect.signature(Client).parameters["auto_renew"].default is False


EXITS = """
import os, sys, time
from emnify_auth import Client
client = Client(auto_renew=True)
client.authenticate()
print("signed in", flush=True)
while not os.path.exists(sys.argv[1]):
    time.sleep(0.02)
"""


@pytest.mark.parametrize("while_renewing", [False, True])
def test_the_thread_does_not_delay_the_end_of_the_program(
    sandbox: Sandbox, tmp_path: Path, while_renewing: bool
) -> None:
    sandbox.settings(auth_token_lifetime=LIFETIME)
    process = sandbox.start(EXITS, tmp_path / "end")
    assert process.stdout is not None
    assert process.stdout.readline() == "signed in\n"
    if while_renewing:
        sandbox.fault("delay", AUTHENTICATE, milliseconds=LONG)
        sandbox.wait_for_call("POST", AUTHENTICATE, 2)
    (tmp_path / "end").touch()
    started = time.monotonic()
    ended(process)
    assert time.monotonic() - started < 5


PRELOADED = """
import os, sys, time, warnings
from emnify_auth import Client
if sys.argv[1] == "after":
    warnings.simplefilter("ignore", DeprecationWarning)
client = Client(auto_renew=True)
if sys.argv[1] == "after":
    client.authenticate()
children = []
for _ in range(2):
    child = os.fork()
    if child == 0:
        client.authenticate()
        # No call renews the token, since status() sends nothing.
        until = time.monotonic() + 30
        while client.status().calls_made < 2 and time.monotonic() < until:
            time.sleep(0.05)
        os._exit(0 if client.status().calls_made >= 2 else 1)
    children.append(child)
print([os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children])
"""


@pytest.mark.skipif(sys.platform != "linux", reason="a fork is safe on Linux only")
@pytest.mark.parametrize("fork", ["before", "after"])
def test_each_forked_child_renews_by_itself(sandbox: Sandbox, fork: str) -> None:
    sandbox.settings(auth_token_lifetime=LIFETIME)
    # With a sign-in before the fork, which the child inherits, or after it.
    assert sandbox.run(PRELOADED, fork) == "[0, 0]"


def test_signals_reach_the_main_thread(sandbox: Sandbox) -> None:
    process = sandbox.start(EXITS, "/nowhere")
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=20)
    assert "KeyboardInterrupt" in errors
