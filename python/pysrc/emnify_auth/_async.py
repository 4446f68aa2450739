"""The asynchronous client: the names of Client, awaited. Its calls are those of a Client, made in a
few threads; what needs no call is done where it is asked for."""

import inspect
import os
import threading
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import TYPE_CHECKING, NoReturn, TypeVar

from ._async_pages import AsyncPages
from ._async_tokens import AsyncApplicationTokens
from ._calls import Abandoned, Asked, Call
from ._errors import InvalidInputError
from ._native import AuthToken, Client, Event, Response, Status, TrustedDevice, _process
from ._threads import Threads

if TYPE_CHECKING:
    from typing_extensions import Self

    from ._native import _Headers, _Params, _Replacement

__all__ = ["AsyncApplicationTokens", "AsyncClient", "AsyncPages"]

T = TypeVar("T")


class AsyncClient:
    """Keeps a program signed in to emnify, for code that awaits: under asyncio or trio.

    The arguments are those of Client, and so are the methods, awaited. One AsyncClient may be used
    by any number of tasks, in several event loops and threads, in a child after a fork, and in an
    async with statement.

    A cached auth token is handed out at once; all else is done in threads, 16 at most, and one that
    signs in. When the task is cancelled, the call ends for it at once, and goes on in the
    background as one does that Ctrl-C interrupts; what has not begun is not begun.

    on_event, a plain function, is called in a task that is making a call with this client, in its
    event loop's thread: it must not wait for anything. An exception in it goes to
    sys.unraisablehook.
    """

    __slots__ = ("__weakref__", "_client", "_signing_in", "_threads")

    _client: Client
    _threads: Threads
    # The call that signs in, which all tasks join that come meanwhile, and its process.
    _signing_in: "tuple[int, Call[AuthToken]] | None"

    def __init__(
        self,
        application_token: str | None = None,
        *,
        application_token_file: str | os.PathLike[str] | None = None,
        base_url: str | None = None,
        timeout: float = 30.0,
        connect_timeout: float = 10.0,
        ca_bundle: str | os.PathLike[str] | None = None,
        proxy: str | None = None,
        store: str | os.PathLike[str] | None = None,
        on_event: Callable[[Event], object] | None = None,
        pacing: bool = True,
    ) -> None:
        try:
            _check_plain("on_event", on_event)
            client = Client(
                application_token,
                application_token_file=application_token_file,
                base_url=base_url,
                timeout=timeout,
                connect_timeout=connect_timeout,
                ca_bundle=ca_bundle,
                proxy=proxy,
                store=store,
                on_event=on_event,
                pacing=pacing,
            )
        finally:
            # A traceback may show variables.
            del application_token, proxy, store
        self._set_up(client)

    @classmethod
    def from_user(
        cls,
        username: str,
        password: str,
        *,
        mfa: Callable[[], str | Awaitable[str | None] | None] | None = None,
        trusted_device: TrustedDevice | None = None,
        base_url: str | None = None,
        timeout: float = 30.0,
        connect_timeout: float = 10.0,
        ca_bundle: str | os.PathLike[str] | None = None,
        proxy: str | None = None,
        store: str | os.PathLike[str] | None = None,
        on_event: Callable[[Event], object] | None = None,
        pacing: bool = True,
    ) -> "Self":
        """A client that signs in as a person, for what an application token cannot do.

        mfa: a function, plain or async, that asks the person for the one-time code that emnify
        sent, and returns it, or None to give up. It is called in a task that waits for the call, in
        its event loop: an async one may take its time, a plain one holds the loop up. It must not
        call this client, which waits for it. An exception in it is raised by the call that asked.
        If its task is cancelled, another one that waits for the same is asked.

        The other arguments are those of Client.from_user() and AsyncClient.
        """
        try:
            _check_plain("on_event", on_event)
            client = Client.from_user(
                username,
                password,
                mfa=_asked(mfa),  # type: ignore[arg-type]
                trusted_device=trusted_device,
                base_url=base_url,
                timeout=timeout,
                connect_timeout=connect_timeout,
                ca_bundle=ca_bundle,
                proxy=proxy,
                store=store,
                on_event=on_event,
                pacing=pacing,
            )
        finally:
            # A traceback may show variables.
            del password, proxy, store
        return cls._of(client)

    @classmethod
    def _of(cls, client: Client) -> "Self":
        """The same session for code that awaits."""
        new = cls.__new__(cls)
        new._set_up(client)
        return new

    def _set_up(self, client: Client) -> None:
        self._client = client
        self._threads = Threads()
        self._signing_in = None

    async def authenticate(self) -> AuthToken:
        """An auth token that is valid now, as Client.authenticate(): the cached one at once, else a
        new one, which all tasks wait for that ask meanwhile, of whichever event loop."""
        while True:
            auth_token = self._client._cached()
            if auth_token is not None:
                return auth_token
            try:
                return await self._sign_in().wait(self._client._tell)
            except Abandoned:
                continue

    def _sign_in(self) -> "Call[AuthToken]":
        process = _process()
        if self._signing_in is not None:
            begun_in, call = self._signing_in
            if begun_in == process and not (call.is_done or call.is_abandoned):
                return call
        call = Call(self._client.authenticate)
        # A thread of its own, as all others may wait for what needs an auth token. Begun before
        # anybody can join, as it may be that there is none to be had.
        threading.Thread(target=call.run_in_any_case, name="emnify-async-authenticate").start()
        self._signing_in = (process, call)
        return call

    async def auth_headers(self) -> dict[str, str]:
        """The header that carries a valid auth token, for a call made by other means:
        {"Authorization": "Bearer …"}. It is a new dict with the secret in plain text: pass
        it on, and do not log it. Raises what authenticate() does."""
        return {"Authorization": f"Bearer {(await self.authenticate()).reveal()}"}

    def invalidate(self, token: AuthToken | str) -> None:
        """Tells that a server refused this auth token, as Client.invalidate(). It waits for
        nothing, and is not awaited."""
        try:
            self._client.invalidate(token)
        finally:
            del token

    async def _replacement(self, token: AuthToken) -> "_Replacement | None":
        """Returns what an adapter replays a call with, as Client._replacement()."""
        client = self._client
        return await self._call(lambda: client._replacement(token))

    def retry_now(self) -> None:
        """Ends the waits that failed attempts to sign in have caused, as Client.retry_now(). It
        waits for nothing, and is not awaited."""
        self._client.retry_now()

    def status(self) -> Status:
        """How the session stands, as Client.status(). It waits for nothing, and is not awaited."""
        return self._client.status()

    @property
    def base_url(self) -> str:
        """Where the API is, as Client.base_url."""
        return self._client.base_url

    @property
    def application_tokens(self) -> AsyncApplicationTokens:
        """The application tokens of the workspace: create, list, update, revoke, audit, rotate."""
        return AsyncApplicationTokens(self)

    async def request(
        self,
        method: str,
        path: str,
        *,
        json: object = None,
        content: bytes | str | None = None,
        params: "_Params | None" = None,
        headers: "_Headers | None" = None,
    ) -> Response:
        """Makes any other call of the API, signed in, and returns its answer, as Client.request().

        What is passed must not change before it returns. A call whose task is cancelled goes on in
        the background, and may be carried out."""
        client = self._client
        return await self._call(
            lambda: client.request(
                method, path, json=json, content=content, params=params, headers=headers
            )
        )

    async def get(
        self, path: str, *, params: "_Params | None" = None, headers: "_Headers | None" = None
    ) -> Response:
        """Reads: request("GET", path, …)."""
        return await self.request("GET", path, params=params, headers=headers)

    async def post(
        self,
        path: str,
        *,
        json: object = None,
        content: bytes | str | None = None,
        params: "_Params | None" = None,
        headers: "_Headers | None" = None,
    ) -> Response:
        """Creates, or does something: request("POST", path, …)."""
        return await self.request(
            "POST", path, json=json, content=content, params=params, headers=headers
        )

    async def patch(
        self,
        path: str,
        *,
        json: object = None,
        content: bytes | str | None = None,
        params: "_Params | None" = None,
        headers: "_Headers | None" = None,
    ) -> Response:
        """Changes: request("PATCH", path, …)."""
        return await self.request(
            "PATCH", path, json=json, content=content, params=params, headers=headers
        )

    async def put(
        self,
        path: str,
        *,
        json: object = None,
        content: bytes | str | None = None,
        params: "_Params | None" = None,
        headers: "_Headers | None" = None,
    ) -> Response:
        """Replaces: request("PUT", path, …)."""
        return await self.request(
            "PUT", path, json=json, content=content, params=params, headers=headers
        )

    async def delete(
        self, path: str, *, params: "_Params | None" = None, headers: "_Headers | None" = None
    ) -> Response:
        """Removes: request("DELETE", path, …)."""
        return await self.request("DELETE", path, params=params, headers=headers)

    def paginate(
        self, path: str, *, params: "_Params | None" = None, per_page: int | None = None
    ) -> AsyncPages:
        """The rows of a collection, page after page, each row once, for async for. The rest is as
        with Client.paginate()."""
        return AsyncPages(self, self._client.paginate(path, params=params, per_page=per_page))

    async def switch_workspace(self, id: int) -> "Self":
        """A client for the workspace with this id, of the same person, as
        Client.switch_workspace()."""
        client = self._client
        return self._of(await self._call(lambda: client.switch_workspace(id)))

    async def aclose(self) -> None:
        """Closes the connections and forgets the secrets, as Client.close(). What a cancelled call
        created is revoked before. If the task is cancelled, it is done in the background."""
        client, threads = self._client, self._threads

        def close() -> None:
            threads.wait_for_undoing()
            client.close()

        call = Call(close)
        threads.start(call.run_in_any_case)
        threads.end()
        await call.wait(lambda: None)

    async def close(self) -> None:
        """The same as aclose()."""
        await self.aclose()

    async def _call(
        self, function: Callable[[], T], undo: Callable[[T], object] | None = None
    ) -> T:
        """Make a call in a thread. What it brings when nobody waits any more goes to undo."""
        call = Call(function, undo)
        call.in_thread = self._threads.start(call.run)
        return await call.wait(self._client._tell, self._threads.undo if undo else None)

    async def __aenter__(self) -> "Self":
        self._client.__enter__()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        # One that could not be made may be seen in a traceback.
        client = getattr(self, "_client", "<Client>")
        return f"{client}".replace("<", "<Async", 1)

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            "an AsyncClient is not pickled or copied: it holds secrets and connections; make one "
            "where it is needed"
        )


def _asked(
    function: "Callable[..., object] | None",
) -> "Callable[..., object] | None":
    """A function to be called in a task; what is none is refused where it arrives."""
    return Asked(function) if callable(function) else function


def _check_plain(name: str, function: object) -> None:
    if inspect.iscoroutinefunction(function):
        raise InvalidInputError(f"{name}: must be a plain function, as nothing awaits it")


# Tracebacks and help() show where to import them from.
for _class in (AsyncApplicationTokens, AsyncClient, AsyncPages):
    _class.__module__ = "emnify_auth"
del _class
