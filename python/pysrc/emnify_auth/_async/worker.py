"""What happens in a worker thread while a task waits: the call, and the user's functions that the
call needs, which run in the task's event loop."""

import threading
from collections.abc import Callable
from inspect import isawaitable
from typing import Generic, TypeVar

import anyio
import anyio.from_thread

from .._native import _Interrupt

__all__ = ["InLoop", "Work"]

T = TypeVar("T")

# The work of each worker thread.
_here = threading.local()


class Work(Generic[T]):
    """A call for a task that may be cancelled.

    waited: how many seconds of its timeout have passed.
    discard: gets a result that arrives after the task was cancelled. It must not wait.
    """

    __slots__ = ("_discard", "_function", "_interrupt", "_is_abandoned", "_question", "_result")

    def __init__(
        self, function: Callable[[], T], waited: float, discard: Callable[[T], object] | None
    ) -> None:
        self._function = function
        self._discard = discard
        self._interrupt = _Interrupt(waited)
        self._question: _Question | None = None
        self._is_abandoned = False
        # Whoever takes it out discards it: the worker thread or the task.
        self._result: list[T] = []

    def run(self) -> T:
        """Make the call, in the worker thread."""
        self._raise_if_abandoned()
        _here.work = self
        try:
            result = self._interrupt.run(self._function)
        finally:
            del _here.work
        if self._discard is not None:
            # Either this sees that the task was cancelled, or the task sees the result.
            self._result.append(result)
            if self._is_abandoned:
                self._discard_result()
        return result

    def abandon(self) -> None:
        """Interrupt the call, because its task has left; in the task's event loop."""
        self._is_abandoned = True
        self._interrupt.trigger()
        if self._question is not None:
            self._question.cancel()
        self._discard_result()

    def ask(self, function: Callable[..., object], arguments: tuple[object, ...]) -> object:
        """Call a function of the user's in the task's event loop; called in the worker thread."""
        question = self._question = _Question(function, arguments)
        # They may be secret, and a traceback may show variables.
        del arguments
        try:
            self._raise_if_abandoned()
            anyio.from_thread.run(question.answer)
        except Exception:
            self._raise_if_abandoned()
            raise
        finally:
            self._question = None
        if question.has_reply:
            return question.reply
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


class _Question:
    """A function of the user's, what it is called with, and what it returned.

    The arguments may be secret. They are in no variable that a traceback could show.
    """

    __slots__ = ("_arguments", "_function", "_is_cancelled", "_scope", "has_reply", "reply")

    def __init__(self, function: Callable[..., object], arguments: tuple[object, ...]) -> None:
        self._function = function
        self._arguments = arguments
        self._scope: anyio.CancelScope | None = None
        self._is_cancelled = False
        self.reply: object = None
        self.has_reply = False

    async def answer(self) -> None:
        """Call the function, and await what it returns if that can be awaited."""
        if self._is_cancelled:
            return
        with anyio.CancelScope() as self._scope:
            reply = self._function(*self._arguments)
            if isawaitable(reply):
                reply = await reply
            self.reply = reply
            self.has_reply = True

    def cancel(self) -> None:
        """Cancel the function, or do not call it; in the event loop."""
        self._is_cancelled = True
        if self._scope is not None:
            self._scope.cancel()


class InLoop:
    """A function of the user's that runs in the event loop of the task that makes the call."""

    __slots__ = ("_function",)

    def __init__(self, function: Callable[..., object]) -> None:
        self._function = function

    def __call__(self, *arguments: object) -> object:
        """Call the function there, in a worker thread, and return what it returns."""
        work: Work[object] = _here.work
        try:
            return work.ask(self._function, arguments)
        finally:
            # They may be secret, and a traceback may show variables.
            del arguments
