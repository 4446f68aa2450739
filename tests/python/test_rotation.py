"""Rotating the application token: where the new one goes, what stops it, and how it continues."""

import copy
import io
import json
import logging
import pickle
import threading
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from emnify_auth import (
    Client,
    EmnifyError,
    InvalidInputError,
    Rotation,
    RotationError,
)

from conftest import Interrupted
from sandbox import APPLICATION_TOKEN, USER, Sandbox


class Gateway:
    """A machine with an application token, its file and a store."""

    def __init__(self, sandbox: Sandbox, place: Path) -> None:
        self.sandbox = sandbox
        self.file = place / "token"
        self.store = place / "store"
        self.old_id = sandbox.seed(description="gateway 7", expiry_date="2099-01-01")
        self.old = self.value(self.old_id)
        self.file.write_text(self.old)

    def client(self, **settings: Any) -> Client:  # noqa: ANN401
        file = {"application_token": None, "application_token_file": self.file}
        return self.sandbox.client(**{**file, "store": self.store, **settings})

    def text_client(self, **settings: Any) -> Client:  # noqa: ANN401
        return self.sandbox.client(application_token=self.old, store=self.store, **settings)

    def value(self, id: int) -> str:
        [row] = [row for row in self.sandbox.application_tokens() if row["id"] == id]
        value: str = row["value"]
        return value

    def active(self) -> list[int]:
        """Return the ids of the active application tokens, except the sandbox's initial one."""
        rows = self.sandbox.application_tokens()[1:]
        return [row["id"] for row in rows if not row["revoked"]]


@pytest.fixture
def gateway(sandbox: Sandbox, tmp_path: Path) -> Gateway:
    return Gateway(sandbox, tmp_path)


def test_a_new_token_in_the_credential_file_replaces_the_old_one(gateway: Gateway) -> None:
    with gateway.client() as client:
        rotation = client.application_tokens.rotate()
        assert isinstance(rotation, Rotation)
        assert (rotation.state, rotation.grace_left) == ("done", None)
        assert (rotation.old_id, rotation.is_adopted) == (gateway.old_id, False)
        assert gateway.active() == [rotation.new_id]
        assert gateway.file.read_text().strip() == gateway.value(rotation.new_id)
        # The client now uses the new one.
        own = client.application_tokens.own()
        assert own is not None
        assert (own.id, own.description) == (rotation.new_id, "gateway 7")
    with gateway.client(store=None) as client:
        assert client.authenticate().reveal()


def test_a_lifetime_overrides_the_old_one_s(gateway: Gateway) -> None:
    with gateway.client() as client:
        client.application_tokens.rotate(expires_in=timedelta(days=90))
        own = client.application_tokens.own()
    assert own is not None
    assert own.expires_at is not None
    left = own.expires_at - datetime.now(timezone.utc)
    assert abs(left - timedelta(days=90)) < timedelta(minutes=1)


@pytest.mark.parametrize("elsewhere", [False, True])
def test_hand_over_gets_the_new_token_in_the_caller_s_thread(
    gateway: Gateway, elsewhere: bool
) -> None:
    taken: list[tuple[str, int]] = []

    def take(token: str) -> int:
        assert not gateway.sandbox.application_tokens()[1]["revoked"]
        # The client may be used meanwhile.
        assert len(client.application_tokens.list()) == 3
        client.invalidate(client.authenticate())
        client.authenticate()
        taken.append((token, threading.get_ident()))
        return len(token)

    with gateway.text_client() as client, ThreadPoolExecutor(1) as pool:
        thread = threading.get_ident()
        if elsewhere:
            thread = pool.submit(threading.get_ident).result()
            rotation = pool.submit(client.application_tokens.rotate, hand_over=take).result()
        else:
            rotation = client.application_tokens.rotate(hand_over=take)
    assert taken == [(gateway.value(rotation.new_id), thread)]
    assert gateway.active() == [rotation.new_id]
    # The file is not changed then.
    assert gateway.file.read_text() == gateway.old


@pytest.mark.parametrize("raised", [OSError("disk full"), KeyboardInterrupt(), SystemExit(3)])
@pytest.mark.parametrize("elsewhere", [False, True])
def test_an_exception_in_hand_over_stops_the_rotation_and_the_next_call_continues(
    gateway: Gateway, raised: BaseException, elsewhere: bool
) -> None:
    given: list[str] = []

    def fail(token: str) -> None:
        given.append(token)
        raise raised

    with gateway.text_client() as client, ThreadPoolExecutor(1) as pool:

        def rotate() -> Rotation:
            return client.application_tokens.rotate(hand_over=fail)

        with pytest.raises(RotationError) as caught:
            pool.submit(rotate).result() if elsewhere else rotate()
        error = caught.value
        assert error.state == "committed"
        assert error.__cause__ is raised
        assert type(raised).__name__ in str(error)
        assert not error.is_retryable
        # Both application tokens work, and so does the client.
        assert len(gateway.active()) == 2
        client.application_tokens.list()

        rotation = client.application_tokens.rotate(hand_over=given.append)
    assert rotation.state == "done"
    assert given == [gateway.value(rotation.new_id)] * 2
    assert gateway.active() == [rotation.new_id]


@pytest.mark.parametrize("bad", [OSError("gone"), None, 7, "another"])
def test_the_old_token_is_revoked_only_after_the_new_one_was_read_back(
    gateway: Gateway, bad: object
) -> None:
    kept: list[str] = []

    def misread() -> Any:  # noqa: ANN401
        if isinstance(bad, Exception):
            raise bad
        return bad

    with gateway.text_client() as client:
        with pytest.raises(RotationError) as caught:
            client.application_tokens.rotate(hand_over=kept.append, read_back=misread)
        assert caught.value.state == "committed"
        if isinstance(bad, Exception):
            assert caught.value.__cause__ is bad
        assert len(gateway.active()) == 2
        rotation = client.application_tokens.rotate(
            hand_over=kept.append, read_back=lambda: f"{kept[-1]}\n"
        )
    assert kept == [gateway.value(rotation.new_id)] * 2
    assert gateway.active() == [rotation.new_id]


def test_an_async_hand_over_is_refused_before_the_old_token_is_revoked(gateway: Gateway) -> None:
    async def take(_: str) -> None: ...

    with gateway.text_client() as client:
        with pytest.raises(InvalidInputError, match=r"^hand_over: must be a plain function"):
            client.application_tokens.rotate(hand_over=take)  # type: ignore[arg-type]
        with pytest.raises(RotationError) as caught:
            client.application_tokens.rotate(hand_over=lambda token: take(token))  # type: ignore[arg-type, return-value]
        cause = caught.value.__cause__
        assert isinstance(cause, InvalidInputError)
        assert str(cause).startswith("hand_over: returned an awaitable")
        assert len(gateway.active()) == 2
        assert client.application_tokens.rotate(hand_over=lambda _: None).state == "done"


@pytest.mark.parametrize("grace", [3600, 3600.0, timedelta(hours=1)])
def test_both_work_in_the_grace_period(gateway: Gateway, grace: float | timedelta) -> None:
    with gateway.client() as client:
        rotation = client.application_tokens.rotate(grace=grace)
        assert rotation.state == "grace"
        assert rotation.grace_left is not None
        assert timedelta(minutes=59) < rotation.grace_left <= timedelta(hours=1)
        assert f"state='grace', old_id={rotation.old_id}" in repr(rotation)
        assert rotation.to_dict()["grace_left"] == rotation.grace_left.total_seconds()
        assert set(gateway.active()) == {rotation.old_id, rotation.new_id}
        again = client.application_tokens.rotate()
        assert (again.state, again.new_id) == ("grace", rotation.new_id)


def test_a_rotation_is_a_value(gateway: Gateway) -> None:
    with gateway.client() as client:
        rotation = client.application_tokens.rotate()
    for same in (copy.copy(rotation), pickle.loads(pickle.dumps(rotation))):
        assert same == rotation
        assert hash(same) == hash(rotation)
    old, new = rotation.old_id, rotation.new_id
    assert Rotation(state="done", old_id=old, new_id=new) == rotation
    assert rotation.to_dict()["ignored_options"] == []
    with pytest.raises(AttributeError):
        rotation.state = "grace"  # type: ignore[misc]


def test_invalid_rotations_are_refused_before_anything_is_sent(
    gateway: Gateway, sandbox: Sandbox
) -> None:
    with gateway.text_client() as client, pytest.raises(InvalidInputError, match=r"^hand_over: "):
        client.application_tokens.rotate()
    with gateway.client(store=None) as client, pytest.raises(InvalidInputError, match=r"^store: "):
        client.application_tokens.rotate()
    with sandbox.user(USER, store=gateway.store) as client, pytest.raises(InvalidInputError):
        client.application_tokens.rotate(hand_over=lambda _: None)
    assert sandbox.calls() == 0


def test_a_server_error_stops_the_rotation_at_a_known_step(gateway: Gateway) -> None:
    with gateway.client(timeout=2.0) as client:
        client.authenticate()
        # The first such call checks the right to revoke, before the rotation starts.
        gateway.sandbox.fault("status", f"{APPLICATION_TOKEN}/*", status=503, skip=1)
        with pytest.raises(RotationError) as caught:
            client.application_tokens.rotate()
        assert caught.value.state in str(caught.value)
        assert caught.value.http_status == 503
        assert caught.value.is_retryable
        assert caught.value.__cause__ is None
        gateway.sandbox.clear_faults()
        rotation = client.application_tokens.rotate()
    assert rotation.state == "done"
    assert gateway.active() == [rotation.new_id]


@pytest.mark.parametrize("handed", [False, True])
def test_an_interrupted_rotation_can_be_continued(
    gateway: Gateway, interrupt_soon: threading.Timer, handed: bool
) -> None:
    taken: list[str] = []
    arguments: dict[str, Any] = {"hand_over": taken.append} if handed else {}
    with gateway.text_client() if handed else gateway.client() as client:
        client.authenticate()
        gateway.sandbox.fault("delay", APPLICATION_TOKEN, method="POST", milliseconds=1_000)
        interrupt_soon.start()
        with pytest.raises(Interrupted):
            client.application_tokens.rotate(**arguments)
        gateway.sandbox.clear_faults()
        # The call waits for the interrupted one.
        rotation = client.application_tokens.rotate(**arguments)
    assert rotation.state == "done"
    assert gateway.active() == [rotation.new_id]
    # After the interrupt, hand_over is not called.
    assert len(taken) == (1 if handed else 0)


def test_only_hand_over_sees_the_new_token(gateway: Gateway) -> None:
    taken: list[str] = []
    log = io.StringIO()
    logger = logging.Logger("canary")
    logger.addHandler(logging.StreamHandler(log))

    def fail(token: str) -> None:
        taken.append(token)
        raise OSError(token)

    events: list[object] = []
    with gateway.text_client(on_event=events.append) as client:
        try:
            client.application_tokens.rotate(hand_over=fail)
        except EmnifyError as error:
            # The message of the function itself may contain it.
            error.__cause__ = None
            logger.exception("%r", error)
            seen = f"{error} {error!r} {error.args} {vars(error)}"
            seen += "".join(traceback.format_exception(error))
        rotation = client.application_tokens.rotate(hand_over=taken.append)
        seen += f"{rotation!r} {client!r} {client.status()!r} {events!r} {log.getvalue()}"
        seen += repr(client.application_tokens.audit())
    seen += json.dumps(gateway.sandbox.requests())
    assert taken == [gateway.value(rotation.new_id)] * 2
    for secret in (*taken, gateway.old):
        assert secret not in seen
        assert secret.rsplit(".", maxsplit=1)[-1] not in seen
    for file in gateway.store.rglob("*"):
        if file.is_file():
            assert taken[0].encode() not in file.read_bytes()


def test_a_rotation_survives_the_end_of_its_process(gateway: Gateway) -> None:
    program = """
import os, sys
from emnify_auth import Client

client = Client(application_token=sys.argv[1], store=sys.argv[2])
client.application_tokens.rotate(hand_over=lambda token: os._exit(0))
"""
    gateway.sandbox.run(program, gateway.old, gateway.store)
    taken: list[str] = []
    started = time.monotonic()
    with gateway.text_client() as client:
        rotation = client.application_tokens.rotate(hand_over=taken.append)
    assert time.monotonic() - started < 5
    assert taken == [gateway.value(rotation.new_id)]
    assert gateway.active() == [rotation.new_id]
