"""The log: it contains each event, in the calling thread, and nothing is printed by default."""

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from emnify_auth import AuthenticationError, Client, EmnifyError, Event

from sandbox import APPLICATION_TOKEN, AUTHENTICATE, Sandbox

LOGGER = logging.getLogger("emnify_auth")


class Log(logging.Handler):
    """Collects records, and calls a function for each."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []
        self.told: Callable[[logging.LogRecord], object] = lambda _: None

    def emit(self, record: logging.LogRecord) -> None:
        """Collect a record."""
        self.records.append(record)
        try:
            self.told(record)
        except Exception:  # noqa: BLE001 as logging requires
            self.handleError(record)

    @property
    def entries(self) -> list[tuple[str, str]]:
        """Return the level and kind of each record."""
        return [(record.levelname, kind(record)) for record in self.records]


def kind(record: logging.LogRecord) -> str:
    assert isinstance(record.args, tuple)
    [event] = record.args
    assert isinstance(event, Event)
    assert record.getMessage() == str(event)
    return event.kind


@pytest.fixture
def log() -> Iterator[Log]:
    log = Log()
    LOGGER.addHandler(log)
    LOGGER.setLevel(logging.INFO)
    yield log
    LOGGER.removeHandler(log)
    LOGGER.setLevel(logging.NOTSET)


def test_a_sign_in_is_logged_in_the_calling_thread(client: Client, log: Log) -> None:
    auth_token = client.authenticate()
    client.authenticate()
    client.application_tokens.list()
    [record] = log.records
    assert record.name == "emnify_auth"
    assert log.entries == [("INFO", "authenticated")]
    assert record.getMessage().startswith(f"signed in, until {auth_token.expires_at:%Y-%m-%d}")
    assert record.thread == threading.get_ident()
    assert record.funcName == "test_a_sign_in_is_logged_in_the_calling_thread"


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (401, ("ERROR", "refused")),
        (429, ("WARNING", "backing_off")),
        (503, ("WARNING", "refresh_failed")),
    ],
)
def test_the_level_of_a_failure_depends_on_its_severity(
    sandbox: Sandbox, log: Log, status: int, expected: tuple[str, str]
) -> None:
    sandbox.fault("status", AUTHENTICATE, status=status)
    with sandbox.client(timeout=1.0) as client, pytest.raises(EmnifyError):
        client.authenticate()
    assert set(log.entries) == {expected}


def test_a_store_failure_is_a_warning(sandbox: Sandbox, log: Log, tmp_path: Path) -> None:
    (tmp_path / "a file").touch()
    with sandbox.client(store=tmp_path / "a file") as client:
        client.authenticate()
    assert log.entries[0] == ("WARNING", "store_error")
    assert log.entries[-1] == ("INFO", "authenticated")


def test_a_sign_in_by_another_process_is_logged(sandbox: Sandbox, log: Log, tmp_path: Path) -> None:
    for _ in range(2):
        with sandbox.client(store=tmp_path) as client:
            client.authenticate()
    assert log.entries == [("INFO", "authenticated"), ("INFO", "adopted")]


def test_the_next_call_logs_events_from_the_background(sandbox: Sandbox, log: Log) -> None:
    sandbox.settings(auth_token_lifetime=8)
    with sandbox.client() as client, ThreadPoolExecutor(1) as pool:
        client.authenticate()
        time.sleep(6.5)
        client.authenticate()
        time.sleep(0.5)
        assert len(log.records) == 1
        other = pool.submit(threading.get_ident).result()
        pool.submit(client.authenticate).result()
    assert [record.thread for record in log.records] == [threading.get_ident(), other]


def test_on_event_is_called_after_logging(sandbox: Sandbox, log: Log) -> None:
    told: list[str] = []
    log.told = lambda record: told.append(f"log {kind(record)}")
    with sandbox.client(on_event=lambda event: told.append(event.kind)) as client:
        client.authenticate()
    assert told == ["log authenticated", "authenticated"]


@pytest.mark.parametrize("on_event", [None, print])
def test_logging_alone_triggers_no_expiry_lookup(
    sandbox: Sandbox, log: Log, on_event: Callable[[Event], object] | None
) -> None:
    sandbox.settings(auth_token_lifetime=8)
    with sandbox.client(on_event=on_event) as client:
        client.authenticate()
        time.sleep(6.5)
        client.authenticate()
        time.sleep(0.5)
        client.status()
    assert log.entries == [("INFO", "authenticated")] * 2
    # The request for the expiry of an application token that does not contain it.
    assert sandbox.calls(path=APPLICATION_TOKEN) == (0 if on_event is None else 1)


@pytest.mark.parametrize("status", [401, 422, 429, 500])
def test_the_log_shows_no_secret(sandbox: Sandbox, log: Log, status: int) -> None:
    with sandbox.client(timeout=1.0) as client:
        auth_token = client.authenticate()
        sandbox.fault("echo_secrets", AUTHENTICATE, status=status)
        client.invalidate(auth_token)
        assert client.authenticate().reveal() == auth_token.reveal()
    assert len(log.records) > 1
    seen = "".join(f"{vars(record)} {log.format(record)}" for record in log.records)
    for secret in (sandbox.application_token, auth_token.reveal()):
        assert secret not in seen
        assert secret.rsplit(".", maxsplit=1)[-1] not in seen


def test_a_handler_may_call_the_client_from_many_threads(client: Client, log: Log) -> None:
    log.told = lambda _: (client.status(), client.application_tokens.list())

    def work(_: int) -> None:
        for _ in range(5):
            client.invalidate(client.authenticate())

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    client.status()
    assert log.records


def test_an_exception_in_a_handler_does_not_affect_the_call(
    client: Client, log: Log, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def told(_: object) -> None:
        raise LookupError

    log.told = told
    client.invalidate(client.authenticate())
    assert "LookupError" in capsys.readouterr().err
    monkeypatch.setattr(logging, "raiseExceptions", False)
    client.authenticate()
    assert not capsys.readouterr().err


def test_an_exception_in_the_logger_goes_to_unraisablehook(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: object) -> bool:
        raise LookupError

    raised: list[Any] = []
    monkeypatch.setattr("sys.unraisablehook", raised.append)
    LOGGER.addFilter(broken)
    LOGGER.setLevel(logging.INFO)
    try:
        assert client.authenticate().reveal()
    finally:
        LOGGER.removeFilter(broken)
        LOGGER.setLevel(logging.NOTSET)
    assert [type(unraisable.exc_value) for unraisable in raised] == [LookupError]


def test_an_interrupt_in_a_handler_ends_the_call_and_loses_no_event(
    sandbox: Sandbox, log: Log
) -> None:
    kinds: list[str] = []

    def interrupt(_: object) -> None:
        log.told = lambda _: None
        raise KeyboardInterrupt

    log.told = interrupt
    with sandbox.client(on_event=lambda event: kinds.append(event.kind)) as client:
        with pytest.raises(KeyboardInterrupt):
            client.authenticate()
        assert kinds == ["authenticated"]
        client.status()
    assert kinds == ["authenticated"]
    assert log.entries == [("INFO", "authenticated")]


PRINTS_NOTHING = """
import sys
from emnify_auth import Client, EmnifyError
client = Client("refused")
try:
    client.authenticate()
except EmnifyError:
    assert "logging" not in sys.modules
import logging
client = Client("refused")
try:
    client.authenticate()
except EmnifyError:
    logging.basicConfig(stream=sys.stdout, format="%(levelname)s %(name)s")
client = Client("refused")
try:
    client.authenticate()
except EmnifyError:
    pass
"""


def test_nothing_is_printed_or_imported_unless_the_program_asks_for_it(sandbox: Sandbox) -> None:
    process = sandbox.start(PRINTS_NOTHING)
    said, errors = process.communicate(timeout=60)
    assert (process.returncode, said, errors) == (0, "ERROR emnify_auth\n", "")


def test_a_task_logs_in_its_event_loop(sandbox: Sandbox, log: Log) -> None:
    async def main() -> None:
        async with sandbox.async_client() as client:
            await client.authenticate()
        async with sandbox.async_client(application_token="refused") as client:
            with pytest.raises(AuthenticationError):
                await client.authenticate()

    asyncio.run(main())
    assert log.entries == [("INFO", "authenticated"), ("ERROR", "refused")]
    assert {record.thread for record in log.records} == {threading.get_ident()}
