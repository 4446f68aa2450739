"""The rows of a collection, for async for."""

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
    """The rows of a collection: what AsyncClient.paginate() returns. Each is a dict, as JSON has
    it.

    One task at a time can ask for a row; another that does so meanwhile gets an InvalidInputError.
    After an error the iteration ends; so it does when the client is closed. A row whose task was
    cancelled is not lost: the next one asked for is that.
    """

    __slots__ = ("_calls", "_is_reading", "_pages", "_read", "_turn")

    def __init__(self, calls: "Calls", pages: Pages) -> None:
        self._calls = calls
        self._pages = pages
        self._is_reading = False
        # What was read; None at the end. It goes through here because a task that is cancelled
        # takes no result from its worker thread.
        self._read: list[_Row | None] = []
        # Held by whoever reads. A worker thread whose task was cancelled is about to release it.
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
            raise InvalidInputError("next: another row is being read, in another task")
        if self._turn.acquire(blocking=False):
            try:
                self._read_buffered()
            finally:
                self._turn.release()
        if not self._read:
            self._is_reading = True
            try:
                await self._calls.run(self._read_one)
            finally:
                self._is_reading = False
        return self._read.pop()

    def _read_buffered(self) -> None:
        """Read a row if that takes no call."""
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
            "an AsyncPages is not pickled or copied: it belongs to a client; make one where it is "
            "needed"
        )
