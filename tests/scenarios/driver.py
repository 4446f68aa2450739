"""Makes the calls that a scenario asks for, with the Python package.

README.md describes the lines that it reads and writes. With the argument "async" it uses
AsyncClient.
"""

import asyncio
import datetime
import inspect
import json
import re
import sys
from collections.abc import Awaitable
from typing import Any

import emnify_auth
from emnify_auth import (
    ApiError,
    ApplicationToken,
    AsyncClient,
    Client,
    EmnifyError,
    Event,
)

# Classes whose names differ from those of their kinds in Rust and C.
KINDS = {
    "AuthenticationError": "rejected",
    "AccountLockedError": "locked",
    "RequestTimeoutError": "timeout",
}
USER = ("username", "password")


def read() -> dict[str, Any] | None:
    line = sys.stdin.readline()
    return json.loads(line) if line else None


def write(value: object) -> None:
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


def ask(question: str, **details: str) -> Any:
    """Ask the runner for what a function of the program returns."""
    write({"ask": question, **details})
    answer = read()
    assert answer is not None
    if answer.get("fail"):
        raise OSError("the function returned 1")
    return answer.get("value")


async def finish(awaitable: Awaitable[Any], results: list[Any]) -> None:
    """Append the result, or the error.

    An error that ends the task refers to the task. Such a cycle keeps the connections of a closed
    client open until Python finds it.
    """
    try:
        results.append(await awaitable)
    except EmnifyError as error:
        results.append(error)


class Driver:
    def __init__(self, client_class: type[Client] | type[AsyncClient]) -> None:
        self.client_class = client_class
        self.loop = asyncio.new_event_loop()
        self.clients: dict[str, Any] = {}
        self.events: dict[str, list[Event]] = {}

    def result(self, value: Any) -> Any:
        """Return a result, which AsyncClient returns to those who await it."""
        if not inspect.isawaitable(value):
            return value
        results: list[Any] = []
        self.loop.run_until_complete(finish(value, results))
        if isinstance(results[0], EmnifyError):
            raise results.pop()
        return results[0]

    def call(self, call: str, client: str = "a", **arguments: Any) -> Any:
        own = getattr(self, call, None)
        if own is not None:
            return own(client, **arguments)
        target = self.clients[client]
        if not hasattr(target, call):
            target = target.application_tokens
        return self.result(getattr(target, call)(**arguments))

    def new(
        self,
        client: str,
        ca_pem: str | None = None,
        mfa: bool = False,
        trusted_device: Any = None,
        **settings: Any,
    ) -> None:
        events = self.events[client] = []
        settings["on_event"] = events.append
        if ca_pem is not None:
            settings["ca_bundle"] = ca_pem.encode()
        make: Any = self.client_class
        if "username" in settings:
            make = make.from_user
            if mfa:
                settings["mfa"] = lambda: ask("mfa")
            if trusted_device is not None:
                settings["trusted_device"] = emnify_auth.TrustedDevice(**trusted_device)
        self.clients[client] = make(**settings)

    def close(self, client: str) -> None:
        target = self.clients.pop(client)
        self.result(target.aclose() if hasattr(target, "aclose") else target.close())

    def authenticate(self, client: str, valid_for: float | None = None, **arguments: Any) -> Any:
        target = self.clients[client]
        if valid_for is None:
            auth_token = self.result(target.authenticate(**arguments))
        else:
            auth_token = self.result(target.authenticate_for(valid_for, **arguments))
        return {
            "auth_token": auth_token.reveal(),
            "organisation_id": auth_token.organisation_id,
            "expires_at": auth_token.expires_at,
        }

    def invalidate(self, client: str, auth_token: str) -> None:
        self.result(self.clients[client].invalidate(auth_token))

    def take_events(self, client: str) -> Any:
        self.result(self.clients[client].status())
        events = self.events[client][:]
        self.events[client].clear()
        return events

    def switch_workspace(self, client: str, id: int, new_client: str) -> None:
        self.clients[new_client] = self.result(self.clients[client].switch_workspace(id))
        self.events[new_client] = self.events[client]

    def request(self, client: str, **arguments: Any) -> Any:
        response = self.result(self.clients[client].request(**arguments))
        return {
            "status": response.status_code,
            "content": response.text,
            "content_type": response.headers.get("content-type"),
        }

    def paginate(self, client: str, limit: int = sys.maxsize, **arguments: Any) -> Any:
        rows: list[Any] = []
        pages = self.clients[client].paginate(**arguments)
        try:
            while len(rows) < limit:
                rows.append(
                    self.result(pages.__anext__() if hasattr(pages, "__anext__") else next(pages))
                )
        except (StopIteration, StopAsyncIteration):
            pass
        except EmnifyError as error:
            return {"rows": rows, "error": error}
        return {"rows": rows}

    def create(self, client: str, **arguments: Any) -> Any:
        created = self.result(self.clients[client].application_tokens.create(**arguments))
        return {"id": created.id, "application_token": created.reveal()}

    def rotate(
        self, client: str, hand_over: bool = False, read_back: bool = False, **arguments: Any
    ) -> Any:
        if hand_over:
            arguments["hand_over"] = lambda token: ask("hand_over", application_token=token)
        if read_back:
            arguments["read_back"] = lambda: ask("read_back")
        return self.result(self.clients[client].application_tokens.rotate(**arguments))


def plain(value: Any) -> Any:
    """Return a value in the form that all drivers write."""
    if isinstance(value, EmnifyError):
        return error_object(value)
    if isinstance(value, ApplicationToken):
        return plain({**fields(value), "expires_at": None})
    if hasattr(value, "__dataclass_fields__"):
        return plain(fields(value))
    if isinstance(value, dict):
        return {name: plain(one) for name, one in value.items()}
    if isinstance(value, (list, tuple, frozenset)):
        return [plain(one) for one in value]
    if isinstance(value, datetime.datetime):
        return int(value.timestamp())
    if isinstance(value, datetime.timedelta):
        return value.total_seconds()
    return value


def fields(value: Any) -> dict[str, Any]:
    return {name: getattr(value, name) for name in value.__dataclass_fields__}


def error_object(error: EmnifyError) -> Any:
    def api_error(api: ApiError) -> Any:
        return {"code": api.error_code, "name": api.error_name, "message": api.message}

    name = type(error).__name__
    return {
        "kind": KINDS.get(name, re.sub("(?<!^)(?=[A-Z])", "_", name.removesuffix("Error")).lower()),
        "reason": error.reason,
        "message": str(error),
        "http_status": error.http_status,
        "retry_after": error.retry_after,
        "is_retryable": error.is_retryable,
        "rotation_state": getattr(error, "state", None),
        "api_error": error.api_error and api_error(error.api_error),
        "nested": error.api_error and [api_error(nested) for nested in error.api_error.errors],
    }


def main() -> None:
    driver = Driver(AsyncClient if sys.argv[1:] == ["async"] else Client)
    while (command := read()) is not None:
        try:
            answer = {"ok": plain(driver.call(**command))}
        except EmnifyError as error:
            answer = {"error": error_object(error)}
        write(answer)


main()
