"""Runs each scenario with each face. What comes back must also be the same from all faces."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from emnify_sandbox import Sandbox

from runner import BUILD, FACES, Driver, Run, Scenario, scenarios

CASES = [(scenario, face) for scenario in scenarios() for face in scenario.faces]
TOTAL = Counter((scenario.subject, face) for scenario, face in CASES)
PASSED: Counter[tuple[str, str]] = Counter()
TRANSCRIPTS: dict[str, list[Any]] = {}


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(BUILD / "debug/emnify-sandbox") as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def drivers() -> Iterator[dict[str, Driver]]:
    drivers = {face: Driver(command) for face, command in FACES.items()}
    yield drivers
    for driver in drivers.values():
        driver.stop()


@pytest.fixture(scope="module", autouse=True)
def _table(request: pytest.FixtureRequest) -> Iterator[None]:
    """Print how many scenarios passed, by subject and face."""
    yield
    write = request.config.get_terminal_writer().line
    write("".join(f"\n{title:>12}" if title == "" else f"{title:>12}" for title in ("", *FACES)))
    for subject in dict.fromkeys(scenario.subject for scenario, _ in CASES):
        cells = [f"{PASSED[subject, face]}/{TOTAL[subject, face]}" for face in FACES]
        write("".join(f"{cell:>12}" for cell in (subject, *cells)))


@pytest.mark.parametrize(
    ("scenario", "face"),
    [pytest.param(*case, id=f"{case[0].subject}: {case[0].name}: {case[1]}") for case in CASES],
)
def test_scenario(
    scenario: Scenario, face: str, sandbox: Sandbox, drivers: dict[str, Driver], tmp_path: Path
) -> None:
    sandbox.reset()
    run = Run(drivers[face], sandbox, tmp_path)
    run.run(scenario)
    # The first face sets what the others must return.
    assert run.transcript == TRANSCRIPTS.setdefault(scenario.name, run.transcript)
    PASSED[scenario.subject, face] += 1
