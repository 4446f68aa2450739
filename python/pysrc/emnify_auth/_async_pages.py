"""The rows of a collection, for async for."""

from typing import TYPE_CHECKING, Any, NoReturn

from ._calls import Call
from ._errors import InvalidInputError
from ._native import Pages

if TYPE_CHECKING:
    from typing_extensions import Self

    from ._async import AsyncClient

__all__ = ["AsyncPages"]

_Row = dict[str, Any]


class AsyncPages:
    """The rows of a collection: what AsyncClient.paginate() returns. Each is a dict, as JSON has
    it.

    One task at a time can ask for a row; another that does so meanwhile gets an InvalidInputError.
    After an error the iteration ends; so it does when the client is closed. A row whose task was
    cancelled is not lost: once it is there, the next one asked for is that.
    """

    __slots__ = ("_call", "_client", "_pages", "_unread")

    def __init__(self, client: "AsyncClient", pages: Pages) -> None:
        self._client = client
        self._pages = pages
        self._call: Call[_Row | None] | None = None
        # What was read and nobody got: a row, or that there is none any more.
        self._unread: list[_Row | None] = []

    def __aiter__(self) -> "Self":
        return self

    async def __anext__(self) -> _Row:
        row = await self._next()
        if row is None:
            raise StopAsyncIteration
        return row

    async def _next(self) -> _Row | None:
        if self._call is not None and self._call.is_under_way:
            raise InvalidInputError(
                "next: another row is being read, in another task or by a call that was cancelled"
            )
        if self._unread:
            return self._unread.pop()
        buffered = self._pages._buffered()
        if buffered is not None:
            return buffered[0] if buffered else None
        pages, client = self._pages, self._client
        call = Call(lambda: next(pages, None), self._unread.append)
        self._call = call
        client._threads.start(call.run)
        return await call.wait(client._client._tell, _undo_at_once)

    def __repr__(self) -> str:
        return "<AsyncPages>"

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            "an AsyncPages is not pickled or copied: it belongs to a client; make one where it is "
            "needed"
        )


def _undo_at_once(call: Call[Any]) -> None:
    # Else the thread does it, when it is done.
    if call.is_done:
        call.undo()
