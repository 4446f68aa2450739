"""Runs the sandbox, a program that imitates the emnify API on this machine. Through its control
path, a test makes it misbehave and reads which requests it received."""

import json
import os
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from emnify_auth import AsyncClient, Client, ClientSettings

AUTHENTICATE = "/api/v1/authenticate"
APPLICATION_TOKEN = "/api/v1/application_token"
ENDPOINT = "/api/v1/endpoint"
SIM = "/api/v1/sim"

# The users that the sandbox knows. They share one password.
USER = "user@example.com"
USER_WITH_MFA = "mfa@example.com"
PASSWORD = "password"

# The body of a 401.
REFUSAL = json.dumps({"error_code": 1114, "error_token": "UserAuthenticationFailed"})

# Milliseconds; longer than any test waits.
LONG = 60_000


class Settings(ClientSettings, total=False):
    """What a client is set up with; wrong types are passed on purpose, but not through here."""

    application_token: str | None
    application_token_file: Path | str | None


class Sandbox:
    """A running sandbox."""

    def __init__(self, program: Path) -> None:
        self._process = subprocess.Popen(
            [program, "--exit-with-stdin"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self._process.stdout is not None
        said: dict[str, str] = {}
        for line in self._process.stdout:
            name, _, value = line.rstrip("\n").partition("=")
            said[name] = value
            if name == "EMNIFY_SANDBOX_CONTROL":
                break
        self.url = said["EMNIFY_BASE_PATH"]
        self.ca_file = said["SSL_CERT_FILE"]
        self.application_token = said["EMNIFY_APPLICATION_TOKEN"]
        self._control = said["EMNIFY_SANDBOX_CONTROL"]
        # Ignore the proxies in the environment; the sandbox is on this machine.
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def stop(self) -> None:
        """Stop the sandbox."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(timeout=10)
        self._process.stdout.close()

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

    def environment(self) -> dict[str, str]:
        """Return the environment variables with which a client works."""
        return {
            "EMNIFY_APPLICATION_TOKEN": self.application_token,
            "EMNIFY_BASE_PATH": self.url,
            "SSL_CERT_FILE": self.ca_file,
        }

    def fault(self, kind: str, path: str = "", **details: object) -> None:
        """Cause a fault in each request to the path, until the next reset."""
        self._ask("POST", "/fault", {"kind": kind, "path": path, **details})

    def clear_faults(self) -> None:
        """Remove all faults."""
        self._ask("DELETE", "/faults")

    def set(self, **settings: object) -> None:
        """Change how the sandbox behaves."""
        self._ask("POST", "/settings", settings)

    def seed(self, **token: object) -> int:
        """Add an application token and return its id."""
        return int(json.loads(self._ask("POST", "/application_token", token))["id"])

    def revoke_auth_tokens(self) -> None:
        """Make all auth tokens invalid before they expire."""
        self._ask("POST", "/revoke_auth_tokens")

    def one_time_code(self) -> str | None:
        """Return the one-time code that was sent last, while it is valid."""
        code: str | None = json.loads(self._ask("GET", "/state"))["one_time_code"]
        return code

    def application_tokens(self) -> list[dict[str, Any]]:
        """Return the application tokens in the sandbox, with their values."""
        rows: list[dict[str, Any]] = json.loads(self._ask("GET", "/state"))["application_tokens"]
        return rows

    def reset(self) -> None:
        """Put the sandbox back to its initial state."""
        self._ask("POST", "/reset")

    def calls(self, method: str = "", path: str = "") -> int:
        """Count the calls since the last reset."""
        return int(self._ask("GET", "/calls?" + urlencode({"method": method, "path": path})))

    def wait_for_call(self, method: str, path: str, number: int) -> None:
        """Wait until the sandbox has received this number of calls since the last reset."""
        until = time.monotonic() + 30
        while self.calls(method, path) < number:
            assert time.monotonic() < until, f"not {number} calls: {method} {path}"
            time.sleep(0.02)

    def connections(self) -> int:
        """Count the connections since the last reset."""
        return int(json.loads(self._ask("GET", "/state"))["connections"])

    def requests(self) -> list[dict[str, Any]]:
        """Return the requests, with their secrets replaced."""
        requests: list[dict[str, Any]] = json.loads(self._ask("GET", "/requests"))
        return requests

    def _ask(self, method: str, path: str, body: object = None) -> bytes:
        data = None if method == "GET" else json.dumps(body or {}).encode()
        request = urllib.request.Request(
            f"{self._control}/_sandbox{path}",
            data=data,
            method=method,
            headers={"Content-Type": "application/json"},
        )
        with self._opener.open(request, timeout=10) as answer:
            content: bytes = answer.read()
        return content


def ended(process: subprocess.Popen[str], within: float = 60.0) -> str:
    """Wait for the end of a program and return its output."""
    try:
        said, errors = process.communicate(timeout=within)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 0, errors
    return said.strip()
