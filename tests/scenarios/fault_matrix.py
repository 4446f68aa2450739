"""Makes every call with every fault of the sandbox, in all faces, and prints a table.

Each call must end as matrix/ says, within its timeout, and alike in all faces. Afterwards the
client works again, and no descriptors or threads are left. README.md says more. Words as arguments
select the cells whose names contain all of them.
"""

import queue
import re
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import get_args

from emnify_auth import ApplicationTokens, Client
from emnify_sandbox import FaultKind

from fault_cells import CALLS, FAULTS, Cell, Name, Result, Trial, cells
from runner import FACES, Face

# How many drivers of each face run at once. They mostly wait.
_DRIVERS = 4
# Idle threads end after 10 s.
_SETTLED = 12
# What a driver's memory may grow by, in kB: bodies of 16 MiB leave gaps.
_MEMORY = 48 * 1024
# The columns of one table.
_COLUMNS = 13
# Public names that make no request, and those that stand for `request`.
_NO_REQUEST = {
    "application_tokens", "base_url", "close", "inspect", "invalidate", "metrics", "retry_now",
    "status",
}  # fmt: skip
_REQUESTS = {"delete", "get", "patch", "post", "put"}


class Worker:
    """A driver that takes cells from a queue."""

    def __init__(self, name: str, tmp: Path) -> None:
        self.name = name
        self._tmp = tmp
        self._errors = (tmp / "errors").open("w+")
        self._face = Face(FACES[name], self._errors)
        self._face.sandbox.settings(limits=False)
        self._face.sandbox.add_application_token(description="another")
        self.problems: list[str] = []
        self.growth = ""

    def run(self, todo: "queue.Queue[Cell]", results: dict[Name, dict[str, Result]]) -> None:
        """Take all cells that are left, and check what the driver is like afterwards."""
        try:
            for call in CALLS:
                if self.name in call.get("faces", FACES):
                    cell = Cell(call, FAULTS[0], bool(call.get("cold")))
                    self.problems += self.result(cell).problems
            time.sleep(_SETTLED)
            before = self._face.driver.facts()
            while True:
                try:
                    cell = todo.get_nowait()
                except queue.Empty:
                    break
                results[cell.name][self.name] = self.result(cell)
            self._check_growth(before)
        except (AssertionError, OSError) as error:
            self.problems.append(f"{self.name}: {error!r}")

    def result(self, cell: Cell) -> Result:
        tmp = Path(tempfile.mkdtemp(dir=self._tmp))
        try:
            return Trial(self._face, cell, tmp).result()
        except AssertionError as error:
            raise AssertionError(f"{' with '.join(cell.name)}: {error}") from None

    def _check_growth(self, before: dict[str, int]) -> None:
        give_up = time.monotonic() + 2 * _SETTLED
        while True:
            after = self._face.driver.facts()
            left = [name for name in ("descriptors", "threads") if after[name] > before[name]]
            if not left or time.monotonic() > give_up:
                break
            time.sleep(0.2)
        if after["memory_kb"] > before["memory_kb"] + _MEMORY:
            left.append("memory_kb")
        self.growth = ", ".join(f"{name} {before[name]} → {after[name]}" for name in before)
        if left:
            self.problems.append(f"{self.name}: {' and '.join(left)} grew: {self.growth}")

    def stop(self) -> None:
        try:
            self._face.stop()
        except AssertionError as error:
            self.problems.append(f"{self.name}: {error!r}")
        self._errors.seek(0)
        if errors := self._errors.read():
            self.problems.append(f"{self.name}: wrote to standard error: {errors}")


def table(results: dict[Name, dict[str, Result]]) -> str:
    """Return a table with calls as rows and faults as columns.

    A cell shows how a call ends while the fault lasts, with a * if it succeeds when the fault
    occurs once.
    """
    rows = list(dict.fromkeys(cell.name[0] for cell in cells()))
    lines = []
    for start in range(0, len(FAULTS), _COLUMNS):
        faults = [fault["name"] for fault in FAULTS[start : start + _COLUMNS]]
        lines.append(f"{'':<29}" + "".join(f"{name:<12}" for name in faults))
        for row in rows:
            shown = [_shown(results.get((row, fault), {})) for fault in faults]
            lines.append(f"{row:<29}" + "".join(f"{cell:<12}" for cell in shown))
        lines.append("")
    return "\n".join(lines)


def _shown(faces: dict[str, Result]) -> str:
    shown = set()
    for result in faces.values():
        *once, lasting, _ = result.outcomes or ["", ""]
        overcome = lasting != "ok" and once == ["ok"]
        shown.add(lasting.split("/")[0][:10] + ("*" if overcome else ""))
    return " ".join(sorted(shown)) if len(shown) < 2 else "DIFFER"


def differences(results: dict[Name, dict[str, Result]]) -> Iterator[str]:
    for name, faces in results.items():
        first, *others = faces or [""]
        for other in others:
            if faces[other].errors != faces[first].errors:
                yield (
                    f"{' with '.join(name)}: {other} differs from {first}:\n"
                    f"    {faces[other].errors}\n    {faces[first].errors}"
                )


def main() -> int:
    kinds = {fault["kind"] for fault in FAULTS if "kind" in fault}
    assert kinds == set(get_args(FaultKind)), "a fault of the sandbox is missing"
    public = {name for cls in (Client, ApplicationTokens) for name in dir(cls) if name[0] != "_"}
    calls = {re.split("[ ,]", call["name"])[0] for call in CALLS}
    assert public - _NO_REQUEST - _REQUESTS == calls & public, "a public method is missing"
    started = time.monotonic()
    wanted = [cell for cell in cells() if all(word in " ".join(cell.name) for word in sys.argv[1:])]
    results: dict[Name, dict[str, Result]] = {cell.name: {} for cell in wanted}
    todo: dict[str, queue.Queue[Cell]] = defaultdict(queue.Queue)
    for cell in wanted:
        for face in cell.call.get("faces", FACES):
            todo[face].put(cell)
    with tempfile.TemporaryDirectory() as tmp:
        workers = []
        for face in FACES:
            for number in range(_DRIVERS):
                folder = Path(tmp) / f"{face}-{number}"
                folder.mkdir()
                workers.append(Worker(face, folder))
        with ThreadPoolExecutor(len(workers)) as pool:
            list(pool.map(lambda worker: worker.run(todo[worker.name], results), workers))
        repeated = 0
        # Not the fault of the library if it is right on an idle machine.
        for cell in wanted:
            for name, result in list(results[cell.name].items()):
                if result.too_slow:
                    repeated += 1
                    worker = next(worker for worker in workers if worker.name == name)
                    results[cell.name][name] = worker.result(cell)
        for worker in workers:
            worker.stop()
    print(table(results))
    for worker in workers[::_DRIVERS]:
        print(f"a driver of {worker.name}: {worker.growth}")
    number = sum(map(len, results.values()))
    print(f"{number} cells in {time.monotonic() - started:.0f} s, {repeated} repeated")
    problems = [problem for worker in workers for problem in worker.problems]
    for faces in results.values():
        for name, result in faces.items():
            problems += [f"{name}: {problem}" for problem in result.problems]
    problems += differences(results)
    print("\n".join(problems), file=sys.stderr)
    return 1 if problems else 0


sys.exit(main())
