"""OPERATORS.md lists everything that the code can report, in the code's order, and nothing else."""

import re

import pytest

from conftest import ROOT


def source(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def names(enum: str, path: str) -> list[str]:
    """Return the names of an enum's variants, as logs show them."""
    [body] = re.findall(rf"^names!\({enum} {{\n(.*?)^}}\);", source(path), re.MULTILINE | re.DOTALL)
    return re.findall(r'=> "(\w+)"', body)


def metrics() -> list[str]:
    """Return the names of all samples; those of counters end in _total."""
    found = re.findall(
        r'(metric|seconds)!\("(emnify_\w+)" ?"?(\w*)', source("core/src/client/metrics.rs")
    )
    return [name + "_total" * (kind == "counter") for _, name, kind in found]


DESCRIBED = {
    "event": names("EventKind", "core/src/types/event.rs"),
    "kind": names("ErrorKind", "core/src/types/error/kind.rs"),
    "reason": names("ErrorReason", "core/src/types/error/kind.rs"),
    "check": names("CheckSubject", "core/src/types/check.rs"),
    "finding": names("Finding", "core/src/calls/audit.rs"),
    "metric": metrics(),
    "alert": re.findall(r"- alert: (\w+)", source("core/examples/monitoring/alerts.yml")),
}


@pytest.mark.parametrize("what", DESCRIBED)
def test_the_operators_guide_describes_what_can_be_reported(what: str) -> None:
    [table] = re.findall(
        rf"^\| {what} \|.*\n\|[-|]+\|\n((?:\|.*\n)+)", source("OPERATORS.md"), re.MULTILINE
    )
    rows = [[cell.strip() for cell in row.split("|")[1:-1]] for row in table.splitlines()]
    assert [row[0].strip("`") for row in rows] == DESCRIBED[what]
    assert len(rows) > 3
    assert all(all(row) for row in rows)
