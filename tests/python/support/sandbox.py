"""The sandbox of the package emnify-sandbox, with what our own tests need, and paths of the API."""

import contextlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import emnify_sandbox
from emnify_auth import AsyncClient, AuthenticationError, Client, ClientSettings
from emnify_sandbox import PASSWORD, USER, USER_WITH_MFA

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from emnify_sandbox import NewApplicationToken

__all__ = [
    "APPLICATION_TOKEN", "AUTHENTICATE", "ENDPOINT", "LONG", "PASSWORD", "REFUSAL", "SIM", "USER",
    "USER_WITH_MFA", "Sandbox", "Settings", "ended",
]  # fmt: skip

AUTHENTICATE = "/api/v1/authenticate"
APPLICATION_TOKEN = "/api/v1/application_token"
ENDPOINT = "/api/v1/endpoint"
SIM = "/api/v1/sim"

# The body of a 401.
REFUSAL = json.dumps({"error_code": 1114, "error_token": "UserAuthenticationFailed"})

# Milliseconds; longer than any test waits.
LONG = 60_000


class Settings(ClientSettings, total=False):
    """What a client is set up with; wrong types are passed on purpose, but not through here."""

    application_token: str | None
    application_token_file: Path | str | None


class Sandbox(emnify_sandbox.Sandbox):
    """A running sandbox, with clients for it that use this machine's clock."""

    def client(self, **settings: Any) -> Client:  # noqa: ANN401
        """Make a client that works, unless the settings say otherwise."""
        works: Settings = {
            "application_token": self.application_token,
            "base_url": self.url,
            "ca_bundle": self.ca_file,
            "timeout": 10.0,
        }
        return Client(**{**works, **settings})

    def async_client(self, **settings: Any) -> AsyncClient:  # noqa: ANN401
        """Make the same for code that awaits."""
        works: Settings = {
            "application_token": self.application_token,
            "base_url": self.url,
            "ca_bundle": self.ca_file,
            "timeout": 10.0,
        }
        return AsyncClient(**{**works, **settings})

    def async_user(self, username: str = USER_WITH_MFA, **settings: Any) -> AsyncClient:  # noqa: ANN401
        """Make one that signs in as a person."""
        works: ClientSettings = {
            "base_url": self.url,
            "ca_bundle": self.ca_file,
            "timeout": 10.0,
        }
        return AsyncClient.from_user(username, PASSWORD, **{**works, **settings})

    def user(self, username: str = USER_WITH_MFA, **settings: Any) -> Client:  # noqa: ANN401
        """Make a client that signs in as a person."""
        works: ClientSettings = {
            "base_url": self.url,
            "ca_bundle": self.ca_file,
            "timeout": 10.0,
        }
        return Client.from_user(username, PASSWORD, **{**works, **settings})

    def start(self, program: Path | str, *arguments: object) -> subprocess.Popen[str]:
        """Start a file or a source text in a new Python, where a client needs no arguments."""
        source = [str(program)] if isinstance(program, Path) else ["-c", program]
        return subprocess.Popen(
            [sys.executable, "-W", "error", *source, *map(str, arguments)],
            env={**os.environ, **self.environment()},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, program: Path | str, *arguments: object) -> str:
        """Run a program in a new Python and return its output."""
        return ended(self.start(program, *arguments))

    def seed(self, **token: "Unpack[NewApplicationToken]") -> int:
        """Add an application token and return its id."""
        return self.add_application_token(**token).id

    def value_of(self, id: int) -> str:
        """Return the value of an application token."""
        [row] = [row for row in self.application_tokens() if row["id"] == id]
        return row["value"]

    def refuse(self, id: int) -> None:
        """Sign in with an application token that is refused."""
        settings = {"application_token": self.value_of(id)}
        with self.client(**settings) as client, contextlib.suppress(AuthenticationError):
            client.authenticate()
            raise AssertionError(id)

    def wait_for_call(self, method: str, path: str, number: int) -> None:
        """Wait until the sandbox has received this number of calls since the last reset."""
        until = time.monotonic() + 30
        while self.calls(method, path) < number:
            assert time.monotonic() < until, f"not {number} calls: {method} {path}"
            time.sleep(0.02)


def ended(process: subprocess.Popen[str], within: float = 60.0) -> str:
    """Wait for the end of a program and return its output."""
    try:
        said, errors = process.communicate(timeout=within)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 0, errors
    return said.strip()
