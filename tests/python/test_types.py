"""Type checkers report mistakes that would otherwise show only when the program runs."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).with_name("misuses.py")
CACHE = Path(__file__).parents[2] / "target" / "mypy_cache_of_misuses"
PYRIGHT = os.environ.get("PYRIGHT")


def misuses(*endings: str) -> set[int]:
    """Return the numbers of the lines that end so."""
    lines = enumerate(PROGRAM.read_text().splitlines(), 1)
    return {number for number, line in lines if line.endswith(endings)}


def reported(*command: object) -> set[int]:
    """Return the numbers of the lines in which a type checker finds errors."""
    ended = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False)
    errors = re.findall(r"misuses\.py:(\d+).* error: ", ended.stdout)
    assert errors, ended
    return set(map(int, errors))


def test_mypy_reports_each_misuse_and_nothing_else() -> None:
    pytest.importorskip("mypy")
    options = ("--strict", "--config-file=", f"--cache-dir={CACHE}")
    assert reported(sys.executable, "-m", "mypy", *options, PROGRAM) == misuses("# misuse")


@pytest.mark.skipif(PYRIGHT is None, reason="make test-pyright installs and runs it")
def test_pyright_reports_each_misuse_and_nothing_else(tmp_path: Path) -> None:
    # A configuration may only include files beside it.
    shutil.copy(PROGRAM, tmp_path)
    (tmp_path / "pyrightconfig.json").write_text('{"typeCheckingMode": "strict"}')
    lines = reported(PYRIGHT, "--project", tmp_path, "--pythonpath", sys.executable)
    assert lines == misuses("# misuse", "# misuse that only pyright sees")
