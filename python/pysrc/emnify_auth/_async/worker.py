"""The work of a worker thread while its task waits: the call, and the user's functions that the
call needs. Those run in the task's event loop."""

import threading
from collections.abc import Callable
from inspect import isawaitable
from typing import TYPE_CHECKING, Generic, TypeVar

import anyio
import anyio.from_thread

from .._native import _Interrupt

if TYPE_CHECKING:
    from .._native import _Duration

__all__ = ["InLoop", "Work"]

T = TypeVar("T")

# The work of each worker thread.
_here = threading.local()


class Work(Generic[T]):
    """A call for a task that may be cancelled.

    waited: how many seconds of the timeout have already passed.
    timeout: that of the calls. Default: the client's.
    discard: gets a result that arrives after the task was cancelled. It must not wait.
    """

    __slots__ = (
        "_discard",
        "_error",
        "_function",
        "_in_loop",
        "_interrupt",
        "_is_abandoned",
        "_result",
    )

    def __init__(
        self,
        function: Callable[[], T],
        waited: float,
        timeout: "_Duration | None",
        discard: Callable[[T], object] | None = None,
    ) -> None:
        self._function = function
        self._discard = discard
        self._interrupt = _Interrupt(waited, timeout)
        self._in_loop: _FunctionCall | None = None
        self._is_abandoned = False
        self._error: Exception | None = None
        # The worker thread or the task discards the result: the one that removes it from here.
        self._result: list[T] = []

    def run(self) -> T | None:
        """Make the call, in the worker thread. The task gets its error from raise_error().

        anyio would keep the error in a future that is in its traceback. Such a cycle keeps the
        connections of a closed client open until Python finds it."""
        try:
            return self._run()
        except Exception as error:  # noqa: BLE001 - raise_error() raises it
            self._error = error
            return None

    def raise_error(self) -> None:
        """Raise the error of the call, if it failed."""
        try:
            if self._error is not None:
                raise self._error
        finally:
            self._error = None

    def _run(self) -> T:
        self._raise_if_abandoned()
        _here.work = self
        try:
            result = self._interrupt.run(self._function)
        finally:
            del _here.work
        if self._discard is not None:
            # Either this thread sees that the task was cancelled, or the task sees the result.
            self._result.append(result)
            if self._is_abandoned:
                self._discard_result()
        return result

    def abandon(self) -> None:
        """Interrupt the call, in the event loop, because its task was cancelled or failed."""
        self._is_abandoned = True
        self._interrupt.trigger()
        if self._in_loop is not None:
            self._in_loop.cancel()
        self._discard_result()

    def call_in_loop(
        self, function: Callable[..., object], arguments: tuple[object, ...]
    ) -> object:
        """Call a user's function in the task's event loop, from the worker thread."""
        call = self._in_loop = _FunctionCall(function, arguments)
        # They may be secret, and a traceback may show variables.
        del arguments
        try:
            self._raise_if_abandoned()
            anyio.from_thread.run(call.run)
        except Exception:
            self._raise_if_abandoned()
            raise
        finally:
            self._in_loop = None
        if call.has_result:
            return call.result
        raise GeneratorExit("the task that made the call was cancelled")

    def _raise_if_abandoned(self) -> None:
        if self._is_abandoned:
            raise GeneratorExit("the task that made the call was cancelled")

    def _discard_result(self) -> None:
        try:
            result = self._result.pop()
        except IndexError:
            return
        if self._discard is not None:
            self._discard(result)


class _FunctionCall:
    """A call of a user's function, with its arguments and its result.

    The arguments may be secret, so they are never in a variable that a traceback could show.
    """

    __slots__ = ("_arguments", "_function", "_is_cancelled", "_scope", "has_result", "result")

    def __init__(self, function: Callable[..., object], arguments: tuple[object, ...]) -> None:
        self._function = function
        self._arguments = arguments
        self._scope: anyio.CancelScope | None = None
        self._is_cancelled = False
        self.result: object = None
        self.has_result = False

    async def run(self) -> None:
        """Call the function, and await its result if that is awaitable."""
        if self._is_cancelled:
            return
        with anyio.CancelScope() as self._scope:
            result = self._function(*self._arguments)
            if isawaitable(result):
                result = await result
            self.result = result
            self.has_result = True

    def cancel(self) -> None:
        """Cancel the function, or prevent its call. Called in the event loop."""
        self._is_cancelled = True
        if self._scope is not None:
            self._scope.cancel()


class InLoop:
    """Calls a user's function in the event loop of the task that makes the call."""

    __slots__ = ("_function",)

    def __init__(self, function: Callable[..., object]) -> None:
        self._function = function

    def __call__(self, *arguments: object) -> object:
        """Call the function in the event loop, from a worker thread, and return its result."""
        work: Work[object] = _here.work
        try:
            return work.call_in_loop(self._function, arguments)
        finally:
            # They may be secret, and a traceback may show variables.
            del arguments
