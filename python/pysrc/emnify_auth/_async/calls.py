"""Runs the calls of an AsyncClient under asyncio or trio: requests on threads of the native module,
other calls in worker threads of anyio.

Cancelling a task interrupts the call that it waits for, so that the worker thread returns at once.
"""

from collections.abc import Callable
from copy import copy
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakKeyDictionary, finalize

import anyio
import anyio.to_thread
from anyio.lowlevel import RunVar, current_token

from .._errors import EmnifyError, RequestTimeoutError
from .._native import AuthToken, Client
from .worker import InLoop, Work

if TYPE_CHECKING:
    from .._native import _Duration, _TaskRequest, _Wake

__all__ = ["Calls"]

T = TypeVar("T")


class Calls:
    """Runs the calls of one client, in any number of event loops."""

    __slots__ = ("__weakref__", "_client", "_timeout", "max_threads")

    def __init__(self, client: Client, max_threads: int) -> None:
        self._client = client
        self._timeout = client._timeout()
        self.max_threads = max_threads
        # Also called before the interpreter ends.
        finalize(self, client._stop_waking)

    async def run(
        self,
        function: Callable[[], T],
        *,
        timeout: "_Duration | None" = None,
        discard: Callable[[T], object] | None = None,
        has_own_timeouts: bool = False,
        start: "Callable[[_Wake, float], _TaskRequest | None] | None" = None,
    ) -> T:
        """Wait for a free worker thread, call the function there, and return its result.

        timeout: that of the function's calls, which includes the wait. Default: the client's.
        discard: gets a result that arrives after the task was cancelled. It must not wait.
        has_own_timeouts: each request of the function has a timeout of its own, so that the wait
        for a thread does not count towards them.
        start: starts the same call without a worker thread. It gets how many seconds have passed,
        and returns None if the call needs a worker thread.
        """
        loop = self._loop()
        borrower = object()
        waited = 0.0
        if not loop.take_free_thread(borrower):
            started = anyio.current_time()
            await self._take_thread(loop, borrower, self.limit(timeout))
            if not has_own_timeouts:
                waited = anyio.current_time() - started
        try:
            if start is not None:
                arrived = anyio.Event()
                request = start((loop.call_soon, arrived.set), waited)
                if request is not None:
                    result: T = await self._result(request, arrived)
                    return result
            return await self._run_now(Work(function, waited, timeout, discard))
        finally:
            loop.threads.release_on_behalf_of(borrower)

    def limit(self, timeout: "_Duration | None") -> float:
        """Return the timeout of a call in seconds: the given one, or else the client's."""
        return self._timeout if timeout is None else self._client._timeout(timeout)

    async def sign_in(self, limit: float) -> AuthToken:
        """Sign in, once for all tasks of this event loop that need it.

        It uses a thread in addition to max_threads, because calls in those may wait for the auth
        token. If the task that signs in is cancelled, or had less time, another one takes over.

        limit: how long this may take, in seconds.
        """
        loop = self._loop()
        started = anyio.current_time()
        deadline = started + limit
        while loop.sign_in is not None:
            sign_in = loop.sign_in
            with anyio.CancelScope(deadline=deadline):
                await sign_in.ended.wait()
            if not sign_in.ended.is_set():
                raise RequestTimeoutError(
                    f"waiting for another task to sign in timed out after {limit:g} s",
                    is_retryable=True,
                )
            auth_token = sign_in.result(deadline)
            if auth_token is not None:
                return auth_token
        sign_in = loop.sign_in = _SignIn(deadline)
        try:
            waited = anyio.current_time() - started
            work: Work[AuthToken] = Work(self._client.authenticate, waited, limit)
            sign_in.auth_token = await self._run_now(work)
            return sign_in.auth_token
        except Exception as error:
            sign_in.error = error
            raise
        finally:
            loop.sign_in = None
            sign_in.ended.set()
            # The error refers to this frame. A reference back would be a cycle.
            del sign_in

    @staticmethod
    def in_loop(function: "Callable[..., object] | None") -> "Callable[..., Any] | None":
        """Return a function that calls a user's function in the event loop of the calling task.

        A value that is not callable is returned unchanged; the native module refuses it."""
        return InLoop(function) if callable(function) else function

    async def _take_thread(self, loop: "_Loop", borrower: object, limit: float) -> None:
        """Wait for a free thread, at most for `limit` seconds."""
        with anyio.move_on_after(limit):
            await loop.threads.acquire_on_behalf_of(borrower)
            return
        raise RequestTimeoutError(
            f"waiting for a thread timed out after {limit:g} s: max_threads is "
            f"{self.max_threads}, and other calls of this AsyncClient use all of them",
            is_retryable=True,
        )

    async def _result(self, request: "_TaskRequest", arrived: anyio.Event) -> Any:  # noqa: ANN401
        try:
            await arrived.wait()
            response = request.result()
        except Exception:
            self._client._report_events()
            raise
        except BaseException:
            request.cancel()
            raise
        self._client._report_events()
        return response

    async def _run_now(self, work: Work[T]) -> T:
        try:
            try:
                result: Any = await anyio.to_thread.run_sync(
                    work.run, abandon_on_cancel=True, limiter=_UNLIMITED
                )
                work.raise_error()
            except Exception:
                self._client._report_events()
                raise
            self._client._report_events()
            return result  # type: ignore[no-any-return]
        except BaseException:
            work.abandon()
            raise

    def _loop(self) -> "_Loop":
        """Return the state that the tasks of the running event loop share."""
        try:
            loops = _loops.get()
        except LookupError:
            loops = WeakKeyDictionary()
            _loops.set(loops)
        loop = loops.get(self)
        if loop is None:
            loop = loops[self] = _Loop(self.max_threads)
        return loop


class _Loop:
    """The state of one client that the tasks of one event loop share."""

    __slots__ = ("call_soon", "sign_in", "threads")

    def __init__(self, max_threads: int) -> None:
        self.threads = anyio.CapacityLimiter(max_threads)
        self.sign_in: _SignIn | None = None
        # The token of anyio before 4.11 is that of asyncio or trio.
        token: Any = current_token()
        token = getattr(token, "native_token", token)
        # Calls a function in the event loop, from any thread.
        self.call_soon: Callable[[Callable[[], object]], object] = (
            getattr(token, "call_soon_threadsafe", None) or token.run_sync_soon
        )

    def take_free_thread(self, borrower: object) -> bool:
        """Take a thread if one is free, which is faster than a wait that ends at once."""
        # Under trio, old versions of anyio raise trio.WouldBlock.
        if self.threads.available_tokens < 1:
            return False
        try:
            self.threads.acquire_on_behalf_of_nowait(borrower)
        except anyio.WouldBlock:
            # Other tasks wait.
            return False
        return True


class _Unlimited:
    """Stands for a CapacityLimiter where anyio expects one. A real one, without a limit, takes a
    turn of the event loop. asyncio and trio call different methods."""

    async def __aenter__(self) -> None:
        pass

    async def __aexit__(self, *_: object) -> None:
        pass

    async def acquire_on_behalf_of(self, _: object) -> None:
        pass

    def release_on_behalf_of(self, _: object) -> None:
        pass


_UNLIMITED: Any = _Unlimited()


class _SignIn:
    """A sign-in in progress that other tasks may wait for."""

    __slots__ = ("auth_token", "deadline", "ended", "error")

    def __init__(self, deadline: float) -> None:
        self.deadline = deadline
        self.ended = anyio.Event()
        self.auth_token: AuthToken | None = None
        self.error: Exception | None = None

    def result(self, deadline: float) -> AuthToken | None:
        """Return the auth token or raise the error; return None if its task was cancelled, or if
        its time was up before `deadline`."""
        error = self.error
        try:
            if isinstance(error, RequestTimeoutError) and self.deadline < deadline:
                return None
            if error is not None:
                # Each task should raise its own exception. Only EmnifyError can be copied safely.
                raise copy(error) if isinstance(error, EmnifyError) else error
            return self.auth_token
        finally:
            # The error refers to this frame. A reference back would be a cycle.
            del self, error


_loops: RunVar["WeakKeyDictionary[Calls, _Loop]"] = RunVar("emnify_auth")
