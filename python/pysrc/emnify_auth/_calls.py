"""How the asynchronous client makes its calls: in threads, while tasks wait for what they bring.

Nothing here belongs to an event loop for longer than a task waits, so that one client serves tasks
of several loops, of asyncio and trio alike. What threads share is replaced as a whole, or appended
to and popped from: there is no lock, which a fork could leave held for ever in the child.
"""

import _thread
import threading
from collections.abc import Callable
from concurrent.futures import Future
from copy import copy
from inspect import isawaitable
from typing import Any, Generic, TypeVar

from ._alarm import alarm
from ._errors import EmnifyError
from ._native import _Walkaway

__all__ = ["Abandoned", "Asked", "Call"]

T = TypeVar("T")

# The call that each thread makes.
_current = threading.local()


class Abandoned(Exception):  # noqa: N818
    """The call that this task joined was abandoned by all others before."""


class Call(Generic[T]):
    """A call that a thread makes and one or more tasks wait for.

    When no task waits any more it is abandoned: the thread is free at once, what was sent goes on
    in the background as with Ctrl-C, and what it brings all the same goes to undo.
    """

    def __init__(
        self, function: Callable[[], T], undo: "Callable[[T], object] | None" = None
    ) -> None:
        self._function = function
        self._undo = undo
        self._walkaway = _Walkaway()
        # What wakes the tasks that wait; a dict, from which one is quickly removed.
        self._waiting: dict[Callable[[], bool], None] = {}
        self._questions: list[_Question] = []
        # Who takes this out decides what becomes of the outcome.
        self._claim = [True]
        self._value: tuple[T] | None = None
        self._error: BaseException | None = None
        self.in_thread: Future[None] | None = None
        self.is_done = False
        self.is_abandoned = False
        self._is_settled = False

    @property
    def is_under_way(self) -> bool:
        """Whether its outcome, or what undoes it, is yet to come."""
        return not self._is_settled and (self.is_abandoned or not self.is_done)

    def run(self) -> None:
        """Make the call, in a thread, if somebody waits for it."""
        if self.is_abandoned:
            self._is_settled = True
        else:
            self.run_in_any_case()

    def run_in_any_case(self) -> None:
        """Make the call, in a thread."""
        _current.call = self
        try:
            self._value = (self._walkaway.run(self._function),)
        except BaseException as error:  # noqa: BLE001 it is raised where it is waited for
            # Without this frame, which would lead back to the call.
            self._error = error.with_traceback(error.__traceback__ and error.__traceback__.tb_next)
        _current.call = None
        self.is_done = True
        self._wake()
        # Either this sees that a task left, or that task that this is done.
        if self.is_abandoned:
            self.undo()
        self._is_settled = True

    async def wait(
        self, told: Callable[[], object], abandoned: "Callable[[Call[Any]], object] | None" = None
    ) -> T:
        """Wait for the outcome, in a task, and call there what the call asks for.

        told is called before this returns or raises; abandoned when it was and has to be undone.
        """
        wake, woken = alarm()
        # Either this sees that it is done, or the thread that this waits.
        self._waiting[wake] = None
        try:
            while not self.is_done:
                await woken()
                while (question := _popped(self._questions)) is not None:
                    await question.answer(self)
            told()
        except GeneratorExit:
            # The task was destroyed, perhaps by the garbage collector, which does so in any thread
            # while that holds any lock: here none may be waited for.
            self._leave(wake)
            if self.is_done and self._undo is not None and self._value is not None and self._claim:
                _thread.start_new_thread(self.undo, ())
            raise
        except BaseException:
            self._leave(wake)
            if self.is_abandoned and abandoned is not None:
                abandoned(self)
            raise
        self._waiting.pop(wake, None)
        first = _popped(self._claim) is not None
        if self._value is not None:
            return self._value[0]
        error = self._error
        try:
            if error is None or self.is_abandoned:
                raise Abandoned
            # An exception is not raised in two tasks.
            raise error if first or not isinstance(error, EmnifyError) else copy(error)
        finally:
            # It leads to this frame, which must not lead back to it.
            del self, error

    def ask(self, function: Callable[..., object], arguments: tuple[object, ...]) -> object:
        """Have a task that waits call the function; called in the thread that makes the call."""
        question = _Question(function, arguments)
        self.put(question)
        return question.reply.result()

    def put(self, question: "_Question") -> None:
        """Have any task that waits answer it."""
        self._questions.append(question)
        self._wake()
        if self.is_abandoned:
            self._drop_questions()

    def undo(self) -> None:
        """Undo what nobody claims."""
        if self._undo is not None and self._value is not None and _popped(self._claim):
            self._undo(self._value[0])

    def _wake(self) -> None:
        for wake in list(self._waiting):
            # A task whose event loop was closed under it waits no more.
            if not wake():
                self._leave(wake)

    def _leave(self, wake: Callable[[], bool]) -> None:
        self._waiting.pop(wake, None)
        if self._waiting:
            # One of these goes on with what this task was woken for.
            self._wake()
        else:
            self.is_abandoned = True
            self._walkaway.leave()
            self._drop_questions()

    def _drop_questions(self) -> None:
        while (question := _popped(self._questions)) is not None:
            question.reply.set_exception(GeneratorExit("nobody waits for the call any more"))


class _Question:
    """A function of the caller's that a call needs, and its reply.

    What it is called with may be a secret: it is in no variable that a traceback could show.
    """

    __slots__ = ("_arguments", "_function", "reply")

    def __init__(self, function: Callable[..., object], arguments: tuple[object, ...]) -> None:
        self._function = function
        self._arguments = arguments
        self.reply: Future[object] = Future()

    async def answer(self, call: "Call[Any]") -> None:
        """Call the function in this task, and await what it returns if that can be awaited."""
        try:
            reply = self._function(*self._arguments)
            if isawaitable(reply):
                reply = await reply
        except Exception as error:  # noqa: BLE001 it is raised by the call that asks
            self.reply.set_exception(error)
        except BaseException:
            # This task leaves; perhaps another one waits.
            call.put(self)
            raise
        else:
            self.reply.set_result(reply)


class Asked:
    """A function of the caller's, to be called in a task that waits for the call."""

    __slots__ = ("_function",)

    def __init__(self, function: Callable[..., object]) -> None:
        self._function = function

    def __call__(self, *arguments: object) -> object:
        call: Call[object] = _current.call
        return call.ask(self._function, arguments)


def _popped(values: "list[T]") -> "T | None":
    try:
        return values.pop()
    except IndexError:
        return None
