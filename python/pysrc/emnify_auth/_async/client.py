"""The asynchronous client: the names of Client, awaited. Its calls are those of a Client, made in
worker threads; what needs no call is done where it is asked for."""

import inspect
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any, NoReturn

from .._errors import InvalidInputError
from .._native import AuthToken, Client, Response, Status, TrustedDevice
from .._settings import ClientSettings
from .pages import AsyncPages
from .tokens import AsyncApplicationTokens

if TYPE_CHECKING:
    import os

    from typing_extensions import Self, Unpack

    from .._native import _Headers, _Params, _Replacement
    from .calls import Calls

__all__ = ["AsyncClient"]

# How many calls of one client run at the same time, each in a thread.
_MAX_THREADS = 64

# The timeout of a Client that is made without one, in seconds.
_TIMEOUT = 30.0


class AsyncClient:
    """Keeps a program signed in to emnify, for code that awaits: under asyncio or trio.

    It needs anyio: pip install 'emnify-auth[async]'.

    The arguments are those of Client, and so are the methods, awaited. One AsyncClient may be used
    by any number of tasks, in several event loops and threads, in a child after a fork, and in an
    async with statement.

    A cached auth token is returned at once. Other calls run in worker threads.

    max_threads: how many calls of this client may run at the same time in one event loop, each in a
    thread of its own. Others wait for their turn; the timeout of a call includes this wait. One
    thread more may sign in.

    Cancelling a task ends its call at once. What was sent goes on in the background, as with a call
    that Ctrl-C interrupts; a call that has not begun is not made.

    on_event, a plain function, is called in a task that is making a call with this client, in its
    event loop's thread: it must not wait for anything. An exception in it goes to
    sys.unraisablehook.
    """

    __slots__ = ("__weakref__", "_calls", "_client")

    _client: Client
    _calls: "Calls"

    def __init__(
        self,
        application_token: str | None = None,
        *,
        application_token_file: "str | os.PathLike[str] | None" = None,
        max_threads: int = _MAX_THREADS,
        **settings: "Unpack[ClientSettings]",
    ) -> None:
        calls = _calls()
        timeout = settings.get("timeout", _TIMEOUT)
        try:
            _check(max_threads, settings)
            client = Client(
                application_token, application_token_file=application_token_file, **settings
            )
        finally:
            # A traceback may show variables.
            del application_token, settings
        self._client, self._calls = client, calls(client, timeout, max_threads)

    @classmethod
    def from_user(
        cls,
        username: str,
        password: str,
        *,
        mfa: Callable[[], str | Awaitable[str | None] | None] | None = None,
        trusted_device: TrustedDevice | None = None,
        max_threads: int = _MAX_THREADS,
        **settings: "Unpack[ClientSettings]",
    ) -> "Self":
        """A client that signs in as a person, for what an application token cannot do.

        mfa: a function, plain or async, that asks the person for the one-time code that emnify
        sent, and returns it, or None to give up. It runs in the event loop of the task that signs
        in: an async one may take its time, a plain one blocks the loop. It must not call this
        client, which waits for it. An exception in it is raised by the call that asked. If the task
        is cancelled, so is an async function, and another task that waits asks again.

        The other arguments are those of Client.from_user() and AsyncClient.
        """
        calls = _calls()
        timeout = settings.get("timeout", _TIMEOUT)
        try:
            _check(max_threads, settings)
            client = Client.from_user(
                username,
                password,
                mfa=calls.in_loop(mfa),
                trusted_device=trusted_device,
                **settings,
            )
        finally:
            # A traceback may show variables.
            del password, settings
        return cls._of(client, timeout, max_threads)

    @classmethod
    def _of(
        cls, client: Client, timeout: float = _TIMEOUT, max_threads: int = _MAX_THREADS
    ) -> "Self":
        """The same session for code that awaits."""
        new = cls.__new__(cls)
        new._client, new._calls = client, _calls()(client, timeout, max_threads)
        return new

    async def authenticate(self) -> AuthToken:
        """An auth token that is valid now, as Client.authenticate(): the cached one at once, else a
        new one. One task of an event loop signs in for all that wait."""
        auth_token = self._client._cached()
        return auth_token or await self._calls.sign_in()

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
        return await self._calls.run(lambda: client._replacement(token))

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
        return AsyncApplicationTokens(self._calls, self._client.application_tokens)

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

        What is passed must not change before it returns. A request whose task is cancelled may be
        carried out all the same."""
        client = self._client
        return await self._calls.run(
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
        return AsyncPages(
            self._calls, self._client.paginate(path, params=params, per_page=per_page)
        )

    async def switch_workspace(self, id: int) -> "Self":
        """A client for the workspace with this id, of the same person, as
        Client.switch_workspace()."""
        client, calls = self._client, self._calls
        other = await calls.run(lambda: client.switch_workspace(id))
        return self._of(other, calls.timeout, calls.max_threads)

    async def aclose(self) -> None:
        """Closes the connections and forgets the secrets, as Client.close(). It waits for
        nothing."""
        self._client.close()

    async def close(self) -> None:
        """The same as aclose()."""
        await self.aclose()

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


def _calls() -> "type[Calls]":
    """Return the class that makes the calls, which needs anyio."""
    try:
        from .calls import Calls
    except ModuleNotFoundError as error:
        if error.name != "anyio":
            raise
        raise ModuleNotFoundError(
            "AsyncClient needs anyio, which is not installed; get it with: "
            "pip install 'emnify-auth[async]'",
            name="anyio",
        ) from None
    return Calls


def _check(max_threads: int, settings: ClientSettings) -> None:
    if isinstance(max_threads, bool) or not isinstance(max_threads, int) or max_threads < 1:
        raise InvalidInputError("max_threads: must be a whole number from 1 on")
    if inspect.iscoroutinefunction(settings.get("on_event")):
        raise InvalidInputError("on_event: must be a plain function, as nothing awaits it")


def _name_settings(function: Any, like: Callable[..., object]) -> None:  # noqa: ANN401
    """Have help() show the settings by name, with their defaults."""
    ours = inspect.signature(function)
    own = [one for one in ours.parameters.values() if one.kind is not one.VAR_KEYWORD]
    types = ClientSettings.__annotations__
    settings = [
        one.replace(annotation=types[one.name])
        for one in inspect.signature(like).parameters.values()
        if one.name in types
    ]
    function.__signature__ = ours.replace(parameters=own + settings)


_name_settings(AsyncClient.__init__, Client)
_name_settings(vars(AsyncClient)["from_user"].__func__, Client.from_user)
