"""The store: a session that outlives its process and is shared by processes."""

import os
import shutil
import socket
import stat
import subprocess
import time
from pathlib import Path

import pytest

from emnify_auth import Event, InvalidInputError

from sandbox import AUTHENTICATE, Sandbox, ended

PRINTS_TOKEN = """
import sys
from emnify_auth import Client

with Client(store=sys.argv[1], timeout=20) as client:
    print(client.authenticate().reveal())
"""


def test_the_store_comes_from_the_environment_unless_it_is_given(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("EMNIFY_STORE", "~/shared")
    for settings in ({}, {"store": tmp_path / "shared"}, {"store": "~/own"}, {"store": "~/own"}):
        with sandbox.client(**settings) as client:
            client.authenticate()
    assert sandbox.calls("POST", AUTHENTICATE) == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["own", "shared"]


@pytest.mark.parametrize("kind", [str, Path])
def test_a_second_client_signs_in_without_a_call(
    sandbox: Sandbox, tmp_path: Path, kind: type[str] | type[Path]
) -> None:
    store = kind(tmp_path / "made" / "on demand")
    events: list[Event] = []
    with sandbox.client(store=store) as client:
        first = client.authenticate().reveal()
    with sandbox.client(store=store, on_event=events.append) as client:
        assert client.authenticate().reveal() == first
        assert client.status().calls_made == 0
    assert [event.kind for event in events] == ["adopted"]
    assert sandbox.calls("POST", AUTHENTICATE) == 1


def test_a_second_process_signs_in_without_a_call(sandbox: Sandbox, tmp_path: Path) -> None:
    with sandbox.client(store=tmp_path) as client:
        first = client.authenticate().reveal()
    assert sandbox.run(PRINTS_TOKEN, tmp_path) == first
    assert sandbox.calls("POST", AUTHENTICATE) == 1


def test_twenty_cold_processes_sign_in_once(sandbox: Sandbox, tmp_path: Path) -> None:
    sandbox.fault("delay", AUTHENTICATE, milliseconds=500)
    processes = [sandbox.start(PRINTS_TOKEN, tmp_path) for _ in range(20)]
    assert len({ended(process) for process in processes}) == 1
    assert sandbox.calls("POST", AUTHENTICATE) == 1


def test_files_are_encrypted_and_have_mode_0600(sandbox: Sandbox, tmp_path: Path) -> None:
    store = tmp_path / "store"
    with sandbox.client(store=store) as client:
        token = client.authenticate().reveal()
    assert stat.S_IMODE(store.stat().st_mode) == 0o700
    files = list(store.iterdir())
    assert files
    for file in files:
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        content = file.read_bytes()
        for secret in (token, sandbox.application_token):
            assert secret.encode() not in content
            assert secret.rsplit(".", maxsplit=1)[-1].encode() not in content


def test_a_store_that_cannot_be_written_is_only_reported(sandbox: Sandbox, tmp_path: Path) -> None:
    path = tmp_path / "a file"
    path.touch()
    events: list[Event] = []
    with sandbox.client(store=path, on_event=events.append) as client:
        assert client.authenticate().reveal()
    assert "store_error" in [event.kind for event in events]
    assert "authenticated" in [event.kind for event in events]
    assert os.listdir(tmp_path) == ["a file"]


def test_redis_can_be_the_store(sandbox: Sandbox) -> None:
    server = shutil.which("redis-server")
    assert server, "apt-get install redis-server"
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    arguments = [server, "--bind", "127.0.0.1", "--port", str(port), "--save", ""]
    redis = subprocess.Popen(arguments, stdout=subprocess.DEVNULL)
    try:
        # The first client may start before the Redis server; then it works without a store.
        for _ in range(100):
            with sandbox.client(store=f"redis://127.0.0.1:{port}/0") as client:
                client.authenticate()
                if client.status().calls_made == 0:
                    return
            time.sleep(0.1)
        pytest.fail("no session was found in Redis")
    finally:
        redis.kill()
        redis.wait()


def test_an_invalid_store_is_refused(sandbox: Sandbox) -> None:
    for store in ("", "http://canary@host", "redis://"):
        with pytest.raises(InvalidInputError, match=r"^store: ") as refused:
            sandbox.client(store=store)
        assert "canary" not in str(refused.value)
