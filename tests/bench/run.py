"""Measures this library beside its peers, in one run, on a server that is not ours: `make bench`.

    run.py <folder with the programs> <BENCHMARKS.md> <picture>

Prints a table, and writes it and a picture of it where the arguments say.
"""

import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import picture
from server import nginx

HERE = Path(__file__).parent
ROUNDS = 7
START, END = "<!-- measured by make bench -->", "<!-- end -->"

# The largest ratio, or the largest figure of ours, that the project accepts.
RATIOS = {
    ("C", "GET", "libcurl"): 1.25,
    ("Python", "GET", "httpx"): 0.6,
    ("Python", "GET", "pycurl"): 2.0,
    ("Python", "GET in another thread", "pycurl"): 1.4,
    ("Python", "GET, awaited", "aiohttp"): 1.5,
    ("Python", "GET, 100 awaited at once, each", "aiohttp"): 1.5,
}
FIGURES = {
    ("Rust", "cached token, 1 thread"): 50.0,
    ("C", "cached token, 1 thread"): 100.0,
    ("Python", "cached token, 1 thread"): 250.0,
}


class Row(NamedTuple):
    face: str
    what: str
    unit: str
    ours: list[float]
    peer: str = ""
    theirs: list[float] | None = None

    def ratio(self) -> float | None:
        if self.theirs is None:
            return None
        return statistics.median(self.ours) / statistics.median(self.theirs)

    def limit(self) -> str:
        """What the project accepts, and whether the figure is beyond it."""
        ratio, most = self.ratio(), RATIOS.get((self.face, self.what, self.peer))
        if ratio is not None and most is not None:
            return f"{most} times" + ("" if ratio <= most else ", missed")
        figure = FIGURES.get((self.face, self.what))
        if figure is None:
            return ""
        return f"{figure:g} {self.unit}" + (
            "" if statistics.median(self.ours) <= figure else ", missed"
        )

    def cells(self) -> list[str]:
        ratio = self.ratio()
        return [
            self.face,
            self.what,
            f"{number(self.ours)} {self.unit}",
            self.peer,
            "" if self.theirs is None else f"{number(self.theirs)} {self.unit}",
            "" if ratio is None else f"{ratio:.2f}",
            self.limit(),
        ]


def number(rounds: list[float]) -> str:
    """The median, and the smallest and largest of the rounds."""
    digits = 0 if statistics.median(rounds) >= 100 else 1
    low, middle, high = min(rounds), statistics.median(rounds), max(rounds)
    return f"{middle:,.{digits}f} ({low:,.{digits}f} to {high:,.{digits}f})"


def figures(*command: str | Path) -> list[float]:
    """Run a program, and return the numbers that it prints."""
    return [float(figure) for figure in subprocess.check_output(command, text=True).split()]


def calls(face: str, programs: dict[str, list[str | Path]]) -> Iterator[Row]:
    """Run programs in turns that print what their calls take. Ours is the first."""
    runs = {name: [figures(*command)] for name, command in programs.items()}
    for _ in range(ROUNDS - 1):
        for name, command in programs.items():
            runs[name].append(figures(*command))
    ours, *peers = programs
    for column, what, unit in (
        (1, "GET", "µs"),
        (0, "first call, with the sign-in", "ms"),
        (2, "memory of the first call", "kB"),
    ):
        for peer in peers:
            theirs = [run[column] for run in runs[peer]]
            yield Row(face, what, unit, [run[column] for run in runs[ours]], peer, theirs)


def cached(face: str, *program: str | Path) -> Iterator[Row]:
    for threads in (1, 2, 4, 8, 16):
        runs = [figures(*program, str(threads)) for _ in range(3)]
        what = f"cached token, {threads} thread{'s' if threads > 1 else ''}"
        yield Row(face, what, "ns", [run[0] for run in runs])
        if threads == 1 and len(runs[0]) > 1:
            yield Row(face, "cached header, 1 thread", "ns", [run[1] for run in runs])


def python() -> Iterator[Row]:
    command = [sys.executable, str(HERE / "python_calls.py")]
    for line in subprocess.check_output(command, text=True).splitlines():
        what, unit, ours, peer, theirs = json.loads(line)
        yield Row("Python", what, unit, ours, peer, theirs)


def measure(programs: Path) -> Iterator[Row]:
    rust = programs / "emnify-bench"
    yield from calls("Rust", {name: [rust, name] for name in ("emnify", "reqwest", "ureq")})
    yield from calls("C", {"emnify": [programs / "emnify"], "libcurl": [programs / "curl"]})
    yield from python()
    yield from cached("Rust", rust, "cached")
    yield from cached("C", programs / "cached")


def machine() -> str:
    cpu = Path("/proc/cpuinfo").read_text().split("model name\t: ")
    name = cpu[1].splitlines()[0] if len(cpu) > 1 else platform.machine()
    return f"{os.cpu_count()} cores of {name}, Linux {platform.release().split('-')[0]}"


def main() -> None:
    programs, document, drawing = (Path(argument) for argument in sys.argv[1:])
    caption = f"{datetime.now().astimezone().date()}, {machine()}, `make bench`"
    rows = []
    with tempfile.TemporaryDirectory() as folder, nginx(Path(folder)) as variables:
        os.environ.update(variables)
        os.environ.pop("SSL_CERT_DIR", None)
        for row in measure(programs):
            rows.append(row)
            print("{:7}{:34}{:>28}  {:15}{:>28}{:>7}  {}".format(*row.cells()), flush=True)
    table = [
        "| face | what | ours | beside | theirs | ratio | limit |",
        "|---|---|---|---|---|---|---|",
    ]
    table += ["| " + " | ".join(row.cells()) + " |" for row in rows]
    before, rest = document.read_text().split(START)
    text = [START, "", f"Measured on {caption}.", "", *table, "", END]
    document.write_text(before + "\n".join(text) + rest.split(END)[1])
    bars = [(f"{row.face}: {row.what}", row.peer, row.ratio()) for row in rows]
    drawing.write_text(picture.draw([(w, p, r) for w, p, r in bars if r is not None], caption))


if __name__ == "__main__":
    main()
