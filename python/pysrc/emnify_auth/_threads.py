"""The threads in which an asynchronous client makes its calls."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from ._native import _process

if TYPE_CHECKING:
    from ._calls import Call

__all__ = ["Threads"]

# What is asked for at the same time beyond this waits for its turn.
_MOST = 16


class Threads:
    """The threads of one client. A child of a fork has none of its parent's, and gets its own.

    They are waited for at the end of the program, as a call in Python must not be cut off; the
    calls of tasks that were cancelled end at once.
    """

    __slots__ = ("_pool", "_process", "_undoing")

    def __init__(self) -> None:
        self._pool: ThreadPoolExecutor | None = None
        self._process = 0
        self._undoing: list[Future[None]] = []

    def start(self, work: Callable[[], None]) -> "Future[None]":
        """Have it done when a thread is free."""
        pool, process = self._pool, _process()
        if pool is None or self._process != process:
            pool = ThreadPoolExecutor(_MOST, "emnify-async")
            self._pool, self._process, self._undoing = pool, process, []
        return pool.submit(work)

    def undo(self, call: "Call[Any]") -> None:
        """See to it that what an abandoned call brings is undone before the client is closed."""
        undoing = [one for one in self._undoing if not one.done()]
        if call.in_thread is not None:
            undoing.append(call.in_thread)
        # Else the call's own thread does it, when it is done.
        if call.is_done:
            try:
                undoing.append(self.start(call.undo))
            except RuntimeError:
                # The program is about to end.
                call.undo()
        self._undoing = undoing

    def wait_for_undoing(self) -> None:
        """Wait, in one of the threads, for what is being undone."""
        for one in self._undoing:
            one.exception()

    def end(self) -> None:
        """Let the threads end when they are idle."""
        self._pool = None
