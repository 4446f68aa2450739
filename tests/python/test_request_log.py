"""The log of requests: one record for each, at the level DEBUG, only if the program wants it."""

import asyncio
import logging
import os
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from emnify_auth import Client, EmnifyError, RequestTimeoutError

from sandbox import AUTHENTICATE, LONG, SIM, Sandbox

LOGGER = logging.getLogger("emnify_auth.requests")


class Log(logging.Handler):
    """Collects the records of requests."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Collect a record."""
        self.records.append(record)

    def taken(self) -> list[tuple[Any, ...]]:
        """Return the fields of the records, without the time, and forget them."""
        taken = [record.args for record in self.records]
        self.records.clear()
        return [
            (args["method"], args["path"], args["status"], args["attempt"])
            for args in taken
            if isinstance(args, dict)
        ]


@pytest.fixture
def log() -> Iterator[Log]:
    log = Log()
    LOGGER.addHandler(log)
    LOGGER.setLevel(logging.DEBUG)
    yield log
    LOGGER.removeHandler(log)
    LOGGER.setLevel(logging.NOTSET)


def test_each_request_is_logged_in_the_calling_thread(client: Client, log: Log) -> None:
    client.get(f"{SIM}/500001")
    [_, record] = log.records
    assert (record.name, record.levelname) == ("emnify_auth.requests", "DEBUG")
    assert record.thread == threading.get_ident()
    assert isinstance(record.args, dict)
    milliseconds = record.args["milliseconds"]
    message = f"GET {SIM}/500001: 200 in {milliseconds} ms (attempt 1)"
    assert record.getMessage() == message
    assert log.taken() == [("POST", AUTHENTICATE, 200, 1), ("GET", f"{SIM}/500001", 200, 1)]


def test_a_record_says_how_the_attempt_ended(sandbox: Sandbox, client: Client, log: Log) -> None:
    client.authenticate()
    log.taken()
    sandbox.fault("status", SIM, status=503, times=1)
    client.get(SIM)
    assert log.taken() == [("GET", SIM, 503, 1), ("GET", SIM, 200, 2)]
    sandbox.fault("delay", SIM, milliseconds=LONG)
    with pytest.raises(RequestTimeoutError):
        client.get(SIM, timeout=0.3)
    assert log.taken() == [("GET", SIM, "RequestTimeoutError", 1)]


def test_the_level_may_change_at_any_time(client: Client, log: Log) -> None:
    client.get(SIM)
    log.taken()
    LOGGER.setLevel(logging.INFO)
    client.get(SIM)
    LOGGER.setLevel(logging.DEBUG)
    assert log.taken() == []
    client.get(SIM)
    assert log.taken() == [("GET", SIM, 200, 1)]


def test_a_task_logs_in_its_event_loop(sandbox: Sandbox, log: Log) -> None:
    async def main() -> None:
        async with sandbox.async_client() as client:
            await client.get(SIM)

    asyncio.run(main())
    assert {record.thread for record in log.records} == {threading.get_ident()}
    assert log.taken() == [("POST", AUTHENTICATE, 200, 1), ("GET", SIM, 200, 1)]


@pytest.mark.parametrize("status", [200, 401, 422, 500])
def test_the_log_shows_no_secret(sandbox: Sandbox, log: Log, status: int) -> None:
    canary = "canary-4711"
    with sandbox.client(timeout=1.0) as client:
        auth_token = client.authenticate()
        if status != 200:
            sandbox.fault("echo_secrets", AUTHENTICATE, status=status)
            sandbox.fault("echo_secrets", SIM, status=status)
        client.invalidate(auth_token)
        try:
            client.get(f"{SIM}?note={canary}", params={"more": canary}, headers={"X-Trace": canary})
            client.post("/api/v1/endpoint", json={"name": canary})
        except EmnifyError:
            pass
    assert len(log.records) > 1
    seen = "".join(f"{vars(record)} {log.format(record)}" for record in log.records)
    for secret in (sandbox.application_token, auth_token.reveal(), canary):
        assert secret not in seen
        assert secret.rsplit(".", maxsplit=1)[-1] not in seen


def test_an_exception_in_the_logger_does_not_affect_the_call(
    client: Client, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    raised: list[Any] = []
    monkeypatch.setattr("sys.unraisablehook", raised.append)

    def broken(_: object) -> bool:
        raise LookupError

    monkeypatch.setattr(LOGGER, "isEnabledFor", broken)
    assert client.get(SIM).status_code == 200
    assert {type(unraisable.exc_value) for unraisable in raised} == {LookupError}
    assert log.taken() == []


def test_a_forked_child_logs_its_own_requests(sandbox: Sandbox) -> None:
    program = """
import logging, os, sys, warnings
warnings.simplefilter("ignore", DeprecationWarning)
from emnify_auth import Client
logging.basicConfig(stream=sys.stdout, format="%(process)d %(message)s", level=logging.DEBUG)
client = Client()
client.authenticate()
child = os.fork()
client.get("/api/v1/sim/500001")
if child == 0:
    sys.stdout.flush()
    os._exit(0)
os.waitpid(child, 0)
print(os.getpid(), child)
"""
    *lines, last = sandbox.run(program).splitlines()
    parent, child = last.split()
    of = {one: [line for line in lines if line.startswith(f"{one} GET")] for one in (parent, child)}
    assert [len(of[one]) for one in (parent, child)] == [1, 1], os.linesep.join(lines)
