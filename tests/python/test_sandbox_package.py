"""The package emnify-sandbox with AsyncClient, and the types of its examples.

Its other tests run in an environment without anyio and mypy: tests/sandbox/python/test.sh.
"""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

from emnify_auth import AsyncClient

from conftest import ROOT
from sandbox import AUTHENTICATE, SIM, Sandbox
from test_cookbook import blocks


def test_an_async_client_uses_the_sandbox_s_clock(sandbox: Sandbox) -> None:
    async def run() -> None:
        async with AsyncClient(**sandbox.client_settings()) as client:
            sandbox.fault("reset_before", AUTHENTICATE, times=1)
            await client.get(f"{SIM}/500001")
            sandbox.clock.advance(5 * 3600)
            assert not client.status().signed_in

    asyncio.run(run())


def test_the_examples_pass_mypy(tmp_path: Path) -> None:
    for number, block in enumerate(blocks("../tests/sandbox/python/README.md")):
        if block.language == "python":
            (tmp_path / f"example_{number}.py").write_text(block.code, encoding="utf-8")
    options = ["--strict", "--cache-dir", os.devnull, "--python-version", "3.10"]
    ended = subprocess.run(
        [sys.executable, "-m", "mypy", *options, *tmp_path.iterdir()],
        env={**os.environ, "MYPYPATH": str(ROOT / "tests/sandbox/python")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout
