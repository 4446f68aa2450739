"""Runs each scenario with all faces. What comes back must also be the same from all of them."""

import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from runner import FACES, Face, Run, Scenario, scenarios

SCENARIOS = list(scenarios())
TOTAL = Counter((scenario.subject, face) for scenario in SCENARIOS for face in scenario.faces)
PASSED: Counter[tuple[str, str]] = Counter()


@pytest.fixture(scope="module")
def faces() -> Iterator[dict[str, Face]]:
    faces = {name: Face(command) for name, command in FACES.items()}
    yield faces
    for face in faces.values():
        face.stop()


@pytest.fixture(scope="module", autouse=True)
def _table(request: pytest.FixtureRequest) -> Iterator[None]:
    """Print how many scenarios passed, by subject and face."""
    yield
    lines = ["".join(f"{title:>12}" for title in ("", *FACES))]
    for subject in dict.fromkeys(scenario.subject for scenario in SCENARIOS):
        cells = [f"{PASSED[subject, face]}/{TOTAL[subject, face]}" for face in FACES]
        lines.append("".join(f"{cell:>12}" for cell in (subject, *cells)))
    capture = request.config.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled():
        sys.stdout.write("\n" + "\n".join(lines) + "\n")


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda one: f"{one.subject}: {one.name}")
def test_scenario(scenario: Scenario, faces: dict[str, Face], tmp_path: Path) -> None:
    def run(name: str) -> list[Any] | str:
        try:
            (tmp_path / name).mkdir()
            return Run(faces[name], tmp_path / name).run(scenario)
        except AssertionError as error:
            return str(error)

    with ThreadPoolExecutor(len(FACES)) as pool:
        results = dict(zip(scenario.faces, pool.map(run, scenario.faces), strict=True))
    failed = {name: result for name, result in results.items() if isinstance(result, str)}
    PASSED.update((scenario.subject, face) for face in results.keys() - failed.keys())
    assert not failed, "\n".join(f"{name}: {message}" for name, message in failed.items())
    first, *others = scenario.faces
    for name in others:
        assert results[name] == results[first], f"{name} differs from {first}"
