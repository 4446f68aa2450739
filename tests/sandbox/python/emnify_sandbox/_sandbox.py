"""Runs the program emnify-sandbox and talks to its control path."""

import datetime
import http.client
import json
import math
import os
import shlex
import subprocess
import tempfile
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from ._program import find_program
from ._types import (
    AddedApplicationToken,
    ApplicationTokenRow,
    ClientSettings,
    FaultKind,
    FaultOptions,
    LoggedRequest,
    NewApplicationToken,
    Settings,
    User,
)

if TYPE_CHECKING:
    from typing_extensions import Self, Unpack

    from emnify_auth._native import _ManualClock

__all__ = ["PASSWORD", "USER", "USER_WITH_MFA", "Clock", "Sandbox"]

USER = "user@example.com"
# Has to pass a one-time code, too.
USER_WITH_MFA = "mfa@example.com"
# Both users' password.
PASSWORD = "password"

# Seconds until the program must have started or ended, and for a call of the control path.
_LIMIT = 30


class Sandbox:
    """A running sandbox: the emnify API on a free port of this machine, over HTTPS.

    program: the program emnify-sandbox. Default: the one installed with this package.

    At the start there are an application token, the users USER and USER_WITH_MFA, and rows in the
    workspaces 1234 and 5678. Close the sandbox, or use it in a with statement.
    """

    url: str
    """The base URL of the API."""
    ca_file: str
    """The path of the certificate authority of its certificate, in PEM."""
    application_token: str
    """The value of the application token that exists from the start."""
    clock: "Clock"
    """The sandbox's clock."""

    def __init__(self, program: str | os.PathLike[str] | None = None) -> None:
        command = [os.fspath(program or find_program()), "--exit-with-stdin"]
        # A file, since nobody reads a pipe while the program runs.
        with tempfile.TemporaryFile() as errors:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                # A Ctrl-C in a debugger must not end the sandbox.
                start_new_session=True,
            )
            try:
                variables = self._variables()
            except EOFError:
                self.close()
                errors.seek(0)
                said = errors.read().decode(errors="replace").strip()
                raise RuntimeError(f"{command[0]} did not start: {said}") from None
        self.url = variables["EMNIFY_BASE_PATH"]
        self.ca_file = variables["SSL_CERT_FILE"]
        self.application_token = variables["EMNIFY_APPLICATION_TOKEN"]
        self._control = variables["EMNIFY_SANDBOX_CONTROL"].removeprefix("http://")
        self.clock = Clock(self)

    def _variables(self) -> dict[str, str]:
        """Read the variables that the program prints for a shell, up to the last one."""
        variables: dict[str, str] = {}
        while "EMNIFY_SANDBOX_CONTROL" not in variables:
            assert self._process.stdout is not None
            line = self._process.stdout.readline()
            if not line:
                raise EOFError
            name, _, value = line.partition("=")
            [variables[name]] = shlex.split(value)
        return variables

    def close(self) -> None:
        """Stop the sandbox. It also ends with this process."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        if os.name == "posix":
            # A child process may have inherited its standard input.
            self._process.terminate()
        try:
            self._process.wait(_LIMIT)
        finally:
            self._process.kill()
            self._process.stdout.close()

    def __enter__(self) -> "Self":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Sandbox {getattr(self, 'url', 'not running')}>"

    def client_settings(self) -> ClientSettings:
        """Return the arguments of a client for the sandbox: Client(**sandbox.client_settings()).

        The client uses the sandbox's clock, and takes no time for the waits between attempts.
        Create it after reset(), which the fixtures call.
        """
        settings: ClientSettings = {
            "application_token": self.application_token,
            "base_url": self.url,
            "ca_bundle": self.ca_file,
        }
        # The clients' public signatures do not have it.
        return {**settings, "_clock": self.clock._of_clients()}  # type: ignore[typeddict-unknown-key]

    def environment(self) -> dict[str, str]:
        """Return the environment variables with which any emnify client uses the sandbox."""
        return {
            "EMNIFY_APPLICATION_TOKEN": self.application_token,
            "EMNIFY_BASE_PATH": self.url,
            "SSL_CERT_FILE": self.ca_file,
            "REQUESTS_CA_BUNDLE": self.ca_file,
        }

    def reset(self) -> None:
        """Put everything back to its initial state, with the same application token."""
        self._ask("POST", "/reset")
        self.clock = Clock(self)

    def fault(self, kind: FaultKind, path: str = "", **options: "Unpack[FaultOptions]") -> None:
        """Cause a fault in requests for a path, until it has occurred often enough or is cleared.

        kind: what goes wrong. The README lists the kinds and the fields of each.
        path: the path, without the query. A * at its end stands for any continuation. Default: any.
        method: affects only requests with this method.
        times: how many requests it affects. Default: all, until the faults are cleared.
        skip: how many matching requests succeed before.
        side_effect: whether the request takes effect nevertheless.

            sandbox.fault("status", "/api/v1/sim", status=503, times=2)

        Raises ValueError if a field is missing or does not belong to the kind.
        """
        self._ask("POST", "/fault", {"kind": kind, "path": path, **options})

    def clear_faults(self) -> None:
        """Remove all faults."""
        self._ask("DELETE", "/faults")

    def settings(self, **changes: "Unpack[Settings]") -> Settings:
        """Change settings, and return all of them. The README describes the most useful ones."""
        settings: Settings = self._ask("POST", "/settings", changes)
        return settings

    def calls(self, method: str = "", path: str = "", *, status: int | None = None) -> int:
        """Return how many requests there were, since the last reset.

        An empty method or path matches any. A * at the end stands for any continuation.
        status: counts only the requests that got this status.
        """
        query = {"method": method, "path": path} | ({"status": status} if status else {})
        return int(self._ask("GET", f"/calls?{urlencode(query)}"))

    def requests(self) -> list[LoggedRequest]:
        """Return the requests since the last reset, oldest first, with their secrets replaced."""
        requests: list[LoggedRequest] = self._ask("GET", "/requests")
        for request in requests:
            request["headers"] = dict(request["headers"])
            request["body"] = request["body"] or ""
        return requests

    def connections(self) -> int:
        """Return how many connections there were, since the last reset."""
        return int(self._state()["connections"])

    def reset_counters(self) -> None:
        """Forget calls, requests and connections."""
        self._ask("POST", "/reset_counters")

    def application_tokens(self) -> list[ApplicationTokenRow]:
        """Return all application tokens, with their values."""
        rows: list[ApplicationTokenRow] = self._state()["application_tokens"]
        return rows

    def add_application_token(
        self, **token: "Unpack[NewApplicationToken]"
    ) -> AddedApplicationToken:
        """Add an application token to the first workspace, and return its id and value.

        sandbox.add_application_token(description="old", expiry_date="2020-01-01")
        """
        added = self._ask("POST", "/application_token", token)
        return AddedApplicationToken(added["id"], added["application_token"])

    def revoke_application_token(self, id: int | None = None) -> None:
        """Revoke an application token. Default: the one that exists from the start.

        Auth tokens that were obtained with it stay valid: see revoke_auth_tokens().
        """
        if id is None:
            id = self.application_tokens()[0]["id"]
        self._ask("POST", "/revoke_application_token", {"id": id})

    def revoke_auth_tokens(self) -> None:
        """Revoke all auth tokens issued so far. Requests with one get a 401."""
        self._ask("POST", "/revoke_auth_tokens")

    def users(self) -> list[User]:
        """Return the users that can sign in."""
        users: list[User] = self._state()["users"]
        return users

    def one_time_code(self, username: str = USER_WITH_MFA) -> str | None:
        """Return the one-time code that was last sent to a user, until it is used.

        Client.from_user(USER_WITH_MFA, PASSWORD, mfa=sandbox.one_time_code, ...)
        """
        codes = {user["username"]: user["one_time_code"] for user in self.users()}
        return codes[username]

    def _state(self) -> dict[str, Any]:
        state: dict[str, Any] = self._ask("GET", "/state")
        return state

    def _ask(self, method: str, path: str, body: object = None) -> Any:  # noqa: ANN401
        # Not urllib, which would use the proxy of the environment.
        connection = http.client.HTTPConnection(self._control, timeout=_LIMIT)
        try:
            connection.request(
                method, f"/_sandbox{path}", None if body is None else json.dumps(body)
            )
            response = connection.getresponse()
            content = json.loads(response.read())
        finally:
            connection.close()
        if response.status != http.client.OK:
            raise ValueError(f"emnify-sandbox refused {method} {path}: {content['error']}")
        return content


class Clock:
    """The clock of a sandbox. Lifetimes, lockouts and limits use it; it runs on after each change.

    Clients created with client_settings() have a clock that changes with it, but otherwise stands
    still.
    """

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._clients: _ManualClock | None = None

    def now(self) -> datetime.datetime:
        """Return the sandbox's time, in UTC."""
        return datetime.datetime.fromtimestamp(self._sandbox._state()["now"], datetime.timezone.utc)

    def advance(self, by: datetime.timedelta | float) -> None:
        """Let time pass: a timedelta or seconds, rounded up to whole seconds."""
        seconds = math.ceil(by.total_seconds() if isinstance(by, datetime.timedelta) else by)
        if seconds < 0:
            raise ValueError("by: time does not go back; use set()")
        self._sandbox._ask("POST", "/clock", {"move": seconds})
        if self._clients is not None:
            self._clients.advance(seconds)

    def set(self, to: datetime.datetime) -> None:
        """Set the time of day, as a person would. The datetime needs a time zone.

        For clients no time passes: an auth token stays valid as long as before.
        """
        if to.tzinfo is None:
            raise ValueError("to: has no time zone; use datetime.timezone.utc")
        seconds = int(to.timestamp())
        self._sandbox._ask("POST", "/clock", {"set": seconds})
        if self._clients is not None:
            self._clients.set_wall(seconds)

    def _of_clients(self) -> "_ManualClock":
        """Return the clock that all clients of the sandbox share."""
        if self._clients is None:
            # Only a test that creates clients needs the package.
            from emnify_auth._native import _ManualClock

            self._clients = _ManualClock()
            self._clients.set_wall(int(self.now().timestamp()))
        return self._clients
