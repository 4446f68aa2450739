"""Fixtures for pytest, which finds them by itself."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from ._sandbox import Sandbox

if TYPE_CHECKING:
    from emnify_auth import Client

# Variables that would lead a client, or requests and httpx, elsewhere.
_UNSET = (
    "EMNIFY_APPLICATION_TOKEN_FILE",
    "EMNIFY_USERNAME",
    "EMNIFY_PASSWORD",
    "EMNIFY_STORE",
    "SSL_CERT_DIR",
    "HTTPS_PROXY",
    "https_proxy",
    "ALL_PROXY",
    "all_proxy",
)


@pytest.fixture(scope="session")
def _emnify_sandbox() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def emnify_sandbox(_emnify_sandbox: Sandbox) -> Sandbox:
    """The emnify API on this machine, in its initial state. One server serves all tests."""
    _emnify_sandbox.reset()
    return _emnify_sandbox


@pytest.fixture
def emnify_client(emnify_sandbox: Sandbox) -> "Iterator[Client]":
    """An emnify_auth.Client for the sandbox."""
    from emnify_auth import Client

    with Client(**emnify_sandbox.client_settings()) as client:
        yield client


@pytest.fixture
def emnify_environment(emnify_sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The environment variables with which code that creates its own client uses the sandbox.

    They are set during the test. Pass them on if a program gets another environment.
    """
    for name in _UNSET:
        monkeypatch.delenv(name, raising=False)
    environment = emnify_sandbox.environment()
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return environment
