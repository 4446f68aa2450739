"""Type checkers report mistakes that would otherwise show only when the program runs."""

import subprocess
import sys
from pathlib import Path

import pytest

START = """
from emnify_auth import ApplicationToken, AsyncClient, AuditedToken, Client, Event, RotationError

async def listen(event: Event) -> None: ...

def correct(client: Client, audited: AuditedToken, error: RotationError, event: Event) -> None:
    assert error.state == "committed" and event.level == "warning" and event.kind == "refused"
    assert client.application_tokens.rotate().state == "done" and "orphan" in audited.findings
    Client(on_event=print, timeout=5)
    ApplicationToken(id=7, status="revoked")

def mistaken(client: Client, audited: AuditedToken, error: RotationError, event: Event) -> None:
"""
MISTAKES = [
    "error.state == 'Committed'",
    "client.application_tokens.rotate().state == 'Done'",
    "event.level == 'critical'",
    "event.kind == 'Authenticated'",
    "event.kind = 'refused'",
    "audited.token.status == 'Activated'",
    "ApplicationToken(id=7, status='Activated')",
    "ApplicationToken(7)",
    "Client(on_event=listen)",
    "AsyncClient(on_event=listen)",
    "Client(timeout='5')",
    "client.application_tokens.create(expires_in='90d')",
]


def test_mypy_reports_each_mistake(tmp_path: Path) -> None:
    pytest.importorskip("mypy")
    program = tmp_path / "program.py"
    program.write_text(START + "".join(f"    {mistake}\n" for mistake in MISTAKES))
    cache = f"--cache-dir={tmp_path}"
    ended = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", cache, program],
        capture_output=True,
        text=True,
        check=False,
    )
    errors = [line for line in ended.stdout.splitlines() if ": error: " in line]
    lines = {int(line.split(":")[1]) for line in errors}
    first = START.count("\n") + 1
    assert lines == set(range(first, first + len(MISTAKES))), ended.stdout
