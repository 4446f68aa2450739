"""Iterates asynchronously over the rows of a collection."""

import threading
from typing import TYPE_CHECKING, Any, NoReturn

from .._errors import InvalidInputError
from .._native import Pages

if TYPE_CHECKING:
    from typing_extensions import Self

    from .calls import Calls

__all__ = ["AsyncPages"]

_Row = dict[str, Any]


class AsyncPages:
    """An asynchronous iterator over the rows of a collection, returned by AsyncClient.paginate().
    Each row is a dict, with its keys in the server's order.

    Only one task at a time may read; meanwhile reading raises InvalidInputError in other tasks. The
    iteration ends after an error, or when the client is closed. If the task that reads is
    cancelled, no row is lost: the next read returns it.
    """

    __slots__ = ("_calls", "_is_reading", "_pages", "_read", "_timeout", "_turn")

    def __init__(self, calls: "Calls", pages: Pages, timeout: float) -> None:
        self._calls = calls
        self._pages = pages
        self._timeout = timeout
        self._is_reading = False
        # The row that was read, or None at the end. The worker thread puts it here, because a
        # cancelled task does not get the thread's result.
        self._read: list[_Row | None] = []
        # Held while a row is read. After a task was cancelled, its worker thread may still hold it
        # for a short time.
        self._turn = threading.Lock()

    def __aiter__(self) -> "Self":
        return self

    async def __anext__(self) -> _Row:
        row = await self._next()
        if row is None:
            raise StopAsyncIteration
        return row

    async def _next(self) -> _Row | None:
        if self._is_reading:
            raise InvalidInputError("next: another task is reading a row")
        if self._turn.acquire(blocking=False):
            try:
                self._read_buffered()
            finally:
                self._turn.release()
        if not self._read:
            self._is_reading = True
            try:
                await self._calls.run(self._read_one, timeout=self._timeout)
            finally:
                self._is_reading = False
        return self._read.pop()

    def _read_buffered(self) -> None:
        """Read a row if that needs no call."""
        if not self._read:
            buffered = self._pages._buffered()
            if buffered is not None:
                self._read.append(buffered[0] if buffered else None)

    def _read_one(self) -> None:
        """Read a row, in a worker thread."""
        with self._turn:
            if not self._read:
                self._read.append(next(self._pages, None))

    def __repr__(self) -> str:
        return "<AsyncPages>"

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            "an AsyncPages cannot be pickled or copied: it belongs to a client; create one where "
            "it is needed"
        )
