"""Each kind and reason of an error, event, finding and state of a rotation occurs in a scenario,
except for those that a sandbox cannot cause."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from runner import ROOT, scenarios

HEADER = (ROOT / "include/emnify.h").read_text()

# Why no scenario reaches them, and where they are tested.
NOT_COVERED = {
    "ERR": {
        "internal": "a bug of the library: core/src/http/worker/tests.rs, ffi/src/boundary/call.rs",
        "resource": "needs a process without threads or descriptors: tests/c/limits.c",
    },
    "REASON": {
        "certificate_expired": "needs another server: core/tests/http/reasons.rs",
        "clock": "needs a clock that can be set: core/tests/http/reasons.rs",
        "none": "has no name in Rust and Python",
        "send": "depends on when a connection breaks: core/src/http/transport_error/tests.rs",
    },
    "EVENT": {"other": "for kinds of later versions"},
    "FINDING": {},
    "ROTATION": {"none": "has no name in Rust and Python"},
}
# The fields in which they are.
FIELDS = {
    "ERR": {"kind"},
    "REASON": {"reason"},
    "EVENT": {"kind"},
    "FINDING": {"findings"},
    "ROTATION": {"state", "rotation_state"},
}


def texts(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """Yield the names and values of all fields that are texts or lists of texts."""
    if isinstance(value, dict):
        for field, one in value.items():
            yield from texts(one, field)
    elif isinstance(value, list):
        for one in value:
            yield from texts(one, name)
    elif isinstance(value, str):
        yield name, value


@pytest.mark.parametrize("group", NOT_COVERED)
def test_a_scenario_covers_each_name(group: str) -> None:
    names = {name.lower() for name in re.findall(rf"#define EMNIFY_{group}_([A-Z_]+) ", HEADER)}
    expected = [
        step.get(field)
        for scenario in scenarios()
        for step in scenario.steps
        for field in ("ok", "error")
    ]
    covered = {text for name, text in texts(expected) if name in FIELDS[group]}
    assert names - covered == NOT_COVERED[group].keys()
