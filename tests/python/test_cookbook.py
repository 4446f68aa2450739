"""The cookbook's programs run, and a terminal shows the output in the README."""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from command_line import COMMAND, CommandLine
from conftest import ROOT
from sandbox import PASSWORD, SIM, USER, USER_WITH_MFA, Sandbox

FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Block(NamedTuple):
    section: str
    language: str
    code: str
    number: int


def blocks(document: str) -> Iterator[Block]:
    """Yield the fenced blocks of a document, each with its heading."""
    text = (ROOT / "python" / document).read_text(encoding="utf-8")
    seen: Counter[tuple[str, str]] = Counter()
    for found in FENCE.finditer(text):
        section = re.findall(r"^## (.*)$", text[: found.start()], re.MULTILINE)[-1]
        seen[section, found[1]] += 1
        yield Block(section, found[1], found[2], seen[section, found[1]])


def named(block: Block) -> str:
    return f"{block.section.split('.')[0]}-{block.language}-{block.number}"


# Text that a recipe must print, and its exit code if that is not 0.
SAYS = {
    "1-sh-1": "4711 (Sandbox), never expires",
    "2-python-1": "SIMs",
    "2-python-2": "SIMs",
    "2-sh-1": '"iccid"',
    "4-sh-1": "Application token 4713 is in",
    "4-python-1": "4711 was replaced by 4713: done",
    "5-sh-1": "no_expiry",
    "5-python-1": "4711 (Sandbox): no_address_restriction, no_expiry, own",
    "6-python-1": "signed in to workspace 1234",
    "7-python-1": "workspace 5678: ",
    "8-sh-1": "252",
    "10-python-1": "next attempt in ",
    "11-python-1": "GET /api/v1/sim/500001: 200 in ",
    "12-python-1": "4712 was replaced by 4713",
    "13-sh-1": "signed in; workspace 1234",
}
ENDS = {"5-sh-1": 11, "5-python-1": 1}


def start(block: Block, sandbox: Sandbox, place: Path) -> "subprocess.Popen[str]":
    """Start a recipe with its files in a temporary folder and its requests to the sandbox."""
    code = block.code.replace("/var/lib/gateway", str(place))
    code = code.replace("https://cdn.emnify.net", sandbox.url)
    file = place / f"recipe.{block.language}"
    file.write_text(code, encoding="utf-8")
    words = {"python": [sys.executable, "-W", "error"], "sh": ["sh", "-eu"]}[block.language]
    environment = {
        **sandbox.environment(),
        "CURL_CA_BUNDLE": sandbox.ca_file,
        "PATH": f"{place}:{COMMAND.parent}:{os.environ['PATH']}",
        "EMNIFY_USERNAME": USER_WITH_MFA if "mfa" in code else USER,
        "EMNIFY_PASSWORD": PASSWORD,
    }
    return subprocess.Popen(
        [*words, file],
        cwd=place,
        env={**os.environ, **environment},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


RECIPES = [block for block in blocks("COOKBOOK.md") if block.language in ("python", "sh")]


@pytest.mark.parametrize("block", RECIPES, ids=named)
def test_a_recipe_works(sandbox: Sandbox, tmp_path: Path, block: Block) -> None:
    for module in re.findall(r"^(?:import|from) (\w+)", block.code, re.MULTILINE):
        if importlib.util.find_spec(module) is None:
            pytest.skip(f"{module} is not installed")
    if "curl" in block.code and shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    seeded = sandbox.seed(description="gateway 7", expiry_date="2099-01-01", ip="127.0.0.1")
    [value] = [r["value"] for r in sandbox.application_tokens() if r["id"] == seeded]
    (tmp_path / "token").write_text(value)
    # Stands in for HashiCorp Vault.
    vault = tmp_path / "vault"
    vault.write_text("#!/bin/sh\ncase $2 in get) cat token ;; put) cat > token ;; esac\n")
    vault.chmod(0o755)
    if "patiently" in block.code:
        sandbox.fault("status", f"{SIM}/*", status=503, times=3)
    process = start(block, sandbox, tmp_path)
    said, _ = process.communicate(one_time_code(sandbox) if "mfa" in block.code else "", timeout=60)
    assert process.returncode == ENDS.get(named(block), 0), said
    assert "Traceback" not in said
    assert SAYS.get(named(block), "") in said


def one_time_code(sandbox: Sandbox) -> str:
    """Wait for the one-time code that the sandbox sends."""
    for _ in range(400):
        code = sandbox.one_time_code()
        if code is not None:
            return f"{code}\n"
        time.sleep(0.02)
    pytest.fail("no code was sent")


def test_every_expectation_belongs_to_a_recipe() -> None:
    assert {*SAYS, *ENDS} <= set(map(named, RECIPES))
    assert len({block.section for block in RECIPES}) == 13


def test_the_recipes_pass_mypy(tmp_path: Path) -> None:
    for block in RECIPES:
        if block.language == "python":
            (tmp_path / f"recipe_{named(block).replace('-', '_')}.py").write_text(
                block.code, encoding="utf-8"
            )
    options = ["--strict", "--ignore-missing-imports", "--cache-dir", os.devnull]
    ended = subprocess.run(
        [sys.executable, "-m", "mypy", *options, "--python-version", "3.10", *tmp_path.iterdir()],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout


WHEN = re.compile(r"\d{4}-\d\d-\d\d")
TIME = re.compile(r"\d\d:\d\d")


def as_shown(text: str) -> list[str]:
    text = TIME.sub("hh:mm", WHEN.sub("yyyy-mm-dd", text))
    return [line.rstrip() for line in text.splitlines()]


def test_a_terminal_shows_the_output_in_the_readme(command_line: CommandLine) -> None:
    sessions = [block for block in blocks("README.md") if block.language == "console"]
    assert sessions
    path = {"PATH": f"{COMMAND.parent}:{os.environ['PATH']}"}
    for session in sessions:
        for entry in session.code.split("$ ")[1:]:
            command, _, expected = entry.partition("\n")
            words = ("-c", f"stty cols 100; {command}")
            with command_line.terminal(*words, program="/bin/sh", environment=path) as terminal:
                assert terminal.end() == 0, terminal.screen
            shown = as_shown(terminal.screen)
            expects = as_shown(expected)
            # An erased progress bar comes first.
            assert shown[-len(expects) :] == expects
