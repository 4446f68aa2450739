"""Reading a collection row by row: each row comes once, despite faults."""

import gc
import threading
import time
import weakref
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

import emnify_auth
from emnify_auth import Client, InvalidInputError

from sandbox import APPLICATION_TOKEN, AUTHENTICATE, SIM, Sandbox


def ids(rows: Any) -> list[int]:  # noqa: ANN401
    return [row["id"] for row in rows]


def test_every_row_comes_once_despite_faults(sandbox: Sandbox) -> None:
    seen: list[int] = []
    with sandbox.client() as client:
        for number, row in enumerate(client.paginate(SIM, per_page=40)):
            seen.append(row["id"])
            if number == 30:
                sandbox.fault("status", SIM, status=429, times=1)
            elif number == 110:
                sandbox.fault("cut_body", SIM, times=1)
            elif number == 190:
                sandbox.revoke_auth_tokens()
            elif number == 250:
                sandbox.fault("reset_after", SIM, times=1)
    assert len(seen) == len(set(seen)) == 300
    assert seen == sorted(seen)
    # Eight pages, and one repeated request for each fault.
    assert sandbox.calls("GET", SIM) == 12
    assert sandbox.calls("POST", AUTHENTICATE) == 2


def test_rows_are_those_of_the_collection(client: Client, sandbox: Sandbox) -> None:
    whole = client.get(SIM, params={"per_page": 1000}).json()
    assert list(client.paginate(SIM)) == whole
    body = '[{"n": [null, true, -1, 18446744073709551615, 0.5, "\\u00e4", {}]}]'
    sandbox.fault("status", SIM, status=200, body=body)
    assert list(client.paginate(SIM)) == [{"n": [None, True, -1, 2**64 - 1, 0.5, "ä", {}]}]


def test_rows_are_decoded_as_json_loads_does(client: Client, sandbox: Sandbox) -> None:
    body = '[{"z": 123456789012345678901234567890, "a": 1.10,\n "m": "\\ud800", "b": 1e2}, 7, null]'
    sandbox.fault("status", SIM, status=200, body=body, times=2)
    whole = client.get(SIM).json()
    rows = list(client.paginate(SIM))
    assert rows == whole
    assert list(rows[0]) == ["z", "a", "m", "b"]
    assert isinstance(rows[0]["z"], int)
    assert isinstance(rows[0]["b"], float)


def test_a_list_may_be_in_an_object(client: Client, sandbox: Sandbox) -> None:
    sandbox.fault("status", SIM, status=200, body='{"data": [{"id": 1}], "n": [2]}', times=1)
    assert list(client.paginate(SIM)) == [{"id": 1}]
    sandbox.fault("status", SIM, status=200, body='{"error": "canary"}', times=1)
    with pytest.raises(emnify_auth.ProtocolError, match="got an object without a list") as caught:
        next(client.paginate(SIM))
    assert "canary" not in str(caught.value)


def test_pages_are_fetched_on_demand(client: Client, sandbox: Sandbox) -> None:
    rows = client.paginate(SIM, per_page=10)
    assert iter(rows) is rows
    assert sandbox.calls() == 0
    for _ in range(10):
        next(rows)
    assert sandbox.calls("GET", SIM) == 1
    next(rows)
    assert sandbox.calls("GET", SIM) == 2


def test_params_and_page_size_are_sent(client: Client, sandbox: Sandbox) -> None:
    sandbox.fault("status", SIM, status=200, body='[{"id": 1}]')
    next(client.paginate(f"{SIM}?a=1", params={"q": "status:1 ä", "on": True}, per_page=7))
    query = "a=1&q=status%3A1+%C3%A4&on=true&per_page=7&page=1"
    assert sandbox.requests()[-1]["query"] == query
    next(client.paginate(SIM, params={"q": ["a", "b"]}))
    assert sandbox.requests()[-1]["query"] == "q=a&q=b&per_page=100&page=1"


def test_an_iteration_may_be_abandoned(sandbox: Sandbox) -> None:
    for _ in range(3):
        with sandbox.client() as client:
            rows = client.paginate(SIM, per_page=10)
            next(rows)
            del rows
    # Also if the client is closed first.
    with sandbox.client() as client:
        rows = client.paginate(SIM, per_page=10)
        next(rows)
    with pytest.raises(InvalidInputError, match="the client is closed"):
        next(rows)
    del rows
    gc.collect()
    assert sandbox.calls("GET", SIM) == 4


def test_rows_outlive_the_name_of_their_client(sandbox: Sandbox) -> None:
    events: list[str] = []
    rows = sandbox.client(on_event=lambda event: events.append(event.kind)).paginate(SIM)
    gc.collect()
    assert len(list(rows)) == 300
    assert events == ["authenticated"]


def test_a_client_referenced_by_its_rows_is_freed(sandbox: Sandbox) -> None:
    class Fleet:
        def __init__(self) -> None:
            self.client = sandbox.client(on_event=self.told)
            self.rows = self.client.paginate(SIM)

        def told(self, _: object) -> None: ...

    fleet = Fleet()
    next(fleet.rows)
    gone = weakref.ref(fleet.client)
    del fleet
    gc.collect()
    assert gone() is None


def test_a_second_thread_that_reads_gets_an_error(sandbox: Sandbox) -> None:
    with sandbox.client() as client, ThreadPoolExecutor(1) as pool:
        rows = client.paginate(SIM, per_page=100)
        first = next(rows)
        sandbox.fault("delay", SIM, milliseconds=600)
        others = [next(rows) for _ in range(99)]
        slow = pool.submit(next, rows)
        time.sleep(0.2)
        with pytest.raises(InvalidInputError, match=r"^next: another thread is reading a row"):
            next(rows)
        # No row is lost, and any thread may continue.
        read = [first, *others, slow.result(), *rows]
    assert ids(read) == sorted(ids(read))
    assert len(read) == 300


def test_threads_that_take_turns_get_each_row_once(client: Client) -> None:
    rows = client.paginate(SIM)
    lock = threading.Lock()

    def work(_: int) -> list[int]:
        mine: list[int] = []
        while True:
            with lock:
                row = next(rows, None)
            if row is None:
                return mine
            mine.append(row["id"])

    with ThreadPoolExecutor(4) as pool:
        read = [id for mine in pool.map(work, range(4)) for id in mine]
    assert len(read) == len(set(read)) == 300


def test_a_collection_without_pages_is_one_call(client: Client, sandbox: Sandbox) -> None:
    sandbox.settings(application_tokens_paged=False)
    assert ids(client.paginate(APPLICATION_TOKEN)) == [sandbox.application_tokens()[0]["id"]]
    assert sandbox.calls("GET", APPLICATION_TOKEN) == 1


def test_the_code_is_asked_for_in_the_reading_thread(sandbox: Sandbox) -> None:
    asked: list[int] = []

    def mfa() -> str | None:
        asked.append(threading.get_ident())
        return sandbox.one_time_code()

    with sandbox.user(mfa=mfa) as client:
        assert len(list(client.paginate(SIM))) == 300
    assert asked == [threading.get_ident()]

    def fails() -> str:
        raise KeyError("no code")

    with sandbox.user(mfa=fails) as client, pytest.raises(KeyError, match="no code"):
        next(client.paginate(SIM))
