"""The folders of the extension module's sources import downwards only."""

import re
from pathlib import Path

import pytest

from conftest import ROOT

SOURCES = ROOT / "python/src"
# From the top down. A folder may import from the folders after it.
FOLDERS = ["client", "calls", "values", "convert"]
# Anywhere in the code, not only after `use`.
IMPORTED = re.compile(r"\bcrate::(\w+)")


def imports(file: Path) -> set[str]:
    """Return the top-level modules of the crate that a file uses."""
    code = re.sub(r"//.*", "", file.read_text(encoding="utf-8"))
    # Neither of these two shows which folder it leads to.
    assert "super::" not in code, file
    assert "crate::{" not in code, file
    return set(IMPORTED.findall(code))


@pytest.mark.skipif(not SOURCES.is_dir(), reason="the sources are not here")
@pytest.mark.parametrize("folder", FOLDERS)
def test_a_folder_imports_only_from_itself_and_those_below(folder: str) -> None:
    allowed = FOLDERS[FOLDERS.index(folder) :]
    files = list((SOURCES / folder).rglob("*.rs"))
    assert files
    for file in files:
        upward = imports(file).difference(allowed)
        assert not upward, f"{file.relative_to(SOURCES)} imports {upward}"


@pytest.mark.skipif(not SOURCES.is_dir(), reason="the sources are not here")
def test_every_source_file_is_in_a_known_folder() -> None:
    places = {file.relative_to(SOURCES).parts[0] for file in SOURCES.rglob("*.rs")}
    assert places == {*FOLDERS, "lib.rs"}
