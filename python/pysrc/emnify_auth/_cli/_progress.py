"""Progress bars, drawn only if standard error is a terminal."""

import contextlib
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from ._output import console
from ._settings import Settings
from ._text import duration

__all__ = ["counting", "waiting"]

_T = TypeVar("_T")


@contextlib.contextmanager
def waiting(settings: Settings, what: str, seconds: float) -> Iterator[Callable[[float], object]]:
    """Show the progress of a wait. Yields a function that takes the number of seconds left."""
    if not sys.stderr.isatty():
        yield lambda _left: None
        return
    from rich.progress import BarColumn, Progress, TextColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(complete_style="green", finished_style="green"),
        TextColumn("{task.fields[left]} left"),
    )
    with Progress(*columns, console=console(settings, sys.stderr), transient=True) as progress:
        task = progress.add_task(what, total=seconds, left=duration(seconds))
        yield lambda left: progress.update(task, completed=seconds - left, left=duration(left))


def counting(settings: Settings, rows: Iterable[_T]) -> Iterator[_T]:
    """Yield the rows and show how many there are so far, unless they are printed on a terminal."""
    if not sys.stderr.isatty() or sys.stdout.isatty():
        yield from rows
        return
    from rich.progress import Progress, SpinnerColumn, TextColumn

    columns = (SpinnerColumn(), TextColumn("{task.completed:,.0f} rows"))
    with Progress(*columns, console=console(settings, sys.stderr), transient=True) as progress:
        task = progress.add_task("", total=None)
        for row in rows:
            progress.advance(task)
            yield row
