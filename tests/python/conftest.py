"""Fixtures: a sandbox in its initial state, and an environment without emnify's variables."""

import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from emnify_auth import Client

from command_line import CommandLine
from elsewhere import Elsewhere
from loops import LOOPS, Loop
from sandbox import Sandbox

ROOT = Path(__file__).parents[2]

# A script starts what it runs in the background so that this and its children ignore Ctrl-C.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# The variables that a client reads when it is created.
VARIABLES = (
    "EMNIFY_APPLICATION_TOKEN",
    "EMNIFY_APPLICATION_TOKEN_FILE",
    "EMNIFY_BASE_PATH",
    "EMNIFY_STORE",
    "EMNIFY_USERNAME",
    "EMNIFY_PASSWORD",
    "HTTPS_PROXY",
    "https_proxy",
    "ALL_PROXY",
    "all_proxy",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "REQUESTS_CA_BUNDLE",
)


@pytest.fixture(scope="session")
def running_sandbox() -> Iterator[Sandbox]:
    program = os.environ.get("EMNIFY_SANDBOX", ROOT / "target/debug/emnify-sandbox")
    with Sandbox(program) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running_sandbox: Sandbox) -> Sandbox:
    running_sandbox.reset()
    return running_sandbox


@pytest.fixture
def elsewhere() -> Iterator[Elsewhere]:
    """A server at another origin."""
    elsewhere = Elsewhere()
    yield elsewhere
    elsewhere.stop()


@pytest.fixture
def client(sandbox: Sandbox) -> Iterator[Client]:
    with sandbox.client() as client:
        yield client


@pytest.fixture
def command_line(sandbox: Sandbox, tmp_path: Path) -> CommandLine:
    return CommandLine(sandbox, tmp_path)


@pytest.fixture(params=LOOPS)
def loop(request: pytest.FixtureRequest) -> Loop:
    loop: Loop = request.param()
    return loop


class Interrupted(Exception):  # noqa: N818
    """Raised by the signal handler of interrupt_soon."""


@pytest.fixture
def interrupt_soon() -> Iterator[threading.Timer]:
    """Prepare a signal whose handler raises Interrupted."""

    def handler(*_: object) -> None:
        raise Interrupted

    before = signal.signal(signal.SIGUSR1, handler)
    timer = threading.Timer(0.4, os.kill, (os.getpid(), signal.SIGUSR1))
    yield timer
    timer.join()
    signal.signal(signal.SIGUSR1, before)


@pytest.fixture(autouse=True, scope="session")
def _bare_environment() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as environment:
        for name in VARIABLES:
            environment.delenv(name, raising=False)
        yield
