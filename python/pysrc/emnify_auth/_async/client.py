"""The asynchronous client. It makes the calls of a Client in other threads. Methods that do not
wait run in the event loop's thread."""

import inspect
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any, NoReturn

from .._errors import InvalidInputError
from .._extras import needs
from .._native import AuthToken, Client, TrustedDevice
from .._settings import ClientSettings
from .._values import Check, Status
from .pages import AsyncPages
from .request import RequestMethods
from .tokens import AsyncApplicationTokens

if TYPE_CHECKING:
    import os

    from typing_extensions import Self, Unpack

    from .._native import _Duration, _Params, _Replacement
    from .calls import Calls

__all__ = ["AsyncClient"]

# The default number of calls of one client that run at the same time, each in a thread.
_MAX_THREADS = 64


class AsyncClient(RequestMethods):
    """Keeps a program signed in to emnify, for asynchronous code under asyncio or trio.

    It needs anyio: pip install 'emnify-auth[async]'.

    It has the arguments of Client, and its methods, to be awaited. One AsyncClient can be used by
    any number of tasks, in several event loops and threads, in a child process after a fork, and in
    an async with statement.

    A cached auth token is returned at once. Other calls run in threads: request(), get() and so on
    in threads that run no Python code, other calls in worker threads, and with
    application_token_source or mfa all calls.

    max_threads: how many calls of this client may run at the same time in one event loop, each in a
    thread. Further calls wait; their timeout includes this wait. One more thread is used for
    signing in. Default: 64. While a call in a worker thread makes a request, it occupies a second
    thread.

    Cancelling a task ends its call at once. A request that was already sent continues in the
    background, as after Ctrl-C in a call of a Client. A call that waits for a thread is not made.

    application_token_source: a plain or async function. It runs in the event loop of the task that
    signs in, with the same rules as mfa in from_user().

    on_event: a plain function. It is called in the event loop's thread, in a task that is making a
    call with this client, and blocks the event loop meanwhile. An exception that it raises goes to
    sys.unraisablehook.
    """

    __slots__ = ("__weakref__",)

    def __init__(
        self,
        application_token: str | None = None,
        *,
        application_token_file: "str | os.PathLike[str] | None" = None,
        application_token_source: Callable[[], str | Awaitable[str]] | None = None,
        max_threads: int = _MAX_THREADS,
        **settings: "Unpack[ClientSettings]",
    ) -> None:
        calls = _calls()
        try:
            _check(max_threads)
            client = Client(
                application_token,
                application_token_file=application_token_file,
                application_token_source=calls.in_loop(application_token_source),
                **settings,
            )
        finally:
            # A traceback may show variables.
            del application_token, settings
        self._client, self._calls = client, calls(client, max_threads)

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
        """Returns a client that signs in as a user, for calls that an application token is not
        allowed to make.

        mfa: a function that asks the user for the one-time code from emnify and returns it, or None
        to give up. It runs in the event loop of the task that signs in. A plain function blocks the
        event loop; use an async one to prompt a person. The call raises whatever the function
        raises. The function must not make a call that needs an auth token of this client: that
        call would wait for the function. If the task is cancelled, an async function is cancelled
        too, and another task that waits asks again.

        The other arguments are those of Client.from_user() and AsyncClient.
        """
        calls = _calls()
        try:
            _check(max_threads)
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
        return cls._of(client, max_threads)

    @classmethod
    def _of(cls, client: Client, max_threads: int = _MAX_THREADS) -> "Self":
        """Returns an AsyncClient that uses this client."""
        new = cls.__new__(cls)
        new._client, new._calls = client, _calls()(client, max_threads)
        return new

    async def authenticate(self, *, timeout: "_Duration | None" = None) -> AuthToken:
        """Returns an auth token that is valid now, like Client.authenticate(): the cached one at
        once, or a new one. One task of an event loop signs in for all that wait."""
        limit = self._calls.limit(timeout)
        auth_token = self._client._cached()
        return auth_token or await self._calls.sign_in(limit)

    async def authenticate_for(
        self, valid_for: "_Duration", *, timeout: "_Duration | None" = None
    ) -> AuthToken:
        """Returns an auth token that stays valid for at least valid_for, like
        Client.authenticate_for()."""
        client = self._client
        return await self._calls.run(lambda: client.authenticate_for(valid_for), timeout=timeout)

    async def auth_headers(self, *, timeout: "_Duration | None" = None) -> dict[str, str]:
        """Returns the header with a valid auth token, for requests that another library sends:
        {"Authorization": "Bearer …"}. The new dict contains the secret in plain text: do not log
        it. Call this for each request. Raises the same exceptions as authenticate()."""
        auth_token = await self.authenticate(timeout=timeout)
        return {"Authorization": f"Bearer {auth_token.reveal()}"}

    def invalidate(self, token: AuthToken | str) -> None:
        """Reports that a server refused an auth token (HTTP 401), like Client.invalidate(). It
        returns at once and is not awaited."""
        try:
            self._client.invalidate(token)
        finally:
            del token

    async def _replacement(self, token: AuthToken) -> "_Replacement | None":
        """Returns another auth token for a request that got a 401, like Client._replacement()."""
        client = self._client
        return await self._calls.run(lambda: client._replacement(token))

    def retry_now(self) -> None:
        """Ends the wait after failed attempts to sign in, like Client.retry_now(). It returns at
        once and is not awaited."""
        self._client.retry_now()

    def metrics(self) -> str:
        """Returns metrics in the OpenMetrics text format, like Client.metrics(). It returns at once
        and is not awaited."""
        return self._client.metrics()

    def status(self) -> Status:
        """Returns the status of the session, like Client.status(). It returns at once and is not
        awaited."""
        return self._client.status()

    async def check(
        self, *, rights: bool = False, timeout: "_Duration | None" = None
    ) -> list[Check]:
        """Checks what the client needs, from the environment variables to the store, like
        Client.check()."""
        client = self._client
        return await self._calls.run(lambda: client.check(rights=rights), timeout=timeout)

    @property
    def base_url(self) -> str:
        """The URL of the API, like Client.base_url."""
        return self._client.base_url

    @property
    def application_tokens(self) -> AsyncApplicationTokens:
        """The calls for the application tokens of the workspace: create, list, update, revoke, own,
        audit and rotate."""
        return AsyncApplicationTokens(self._calls, self._client.application_tokens)

    def paginate(
        self,
        path: str,
        *,
        params: "_Params | None" = None,
        per_page: int | None = None,
        timeout: "_Duration | None" = None,
    ) -> AsyncPages:
        """Returns an asynchronous iterator over the rows of a collection, like Client.paginate().
        It is used with async for and not awaited."""
        pages = self._client.paginate(path, params=params, per_page=per_page)
        return AsyncPages(self._calls, pages, self._calls.limit(timeout))

    async def switch_workspace(self, id: int, *, timeout: "_Duration | None" = None) -> "Self":
        """Returns a client for the workspace with this id, like Client.switch_workspace()."""
        client, calls = self._client, self._calls
        other = await calls.run(lambda: client.switch_workspace(id), timeout=timeout)
        return self._of(other, calls.max_threads)

    async def aclose(self) -> None:
        """Closes the connections and erases the secrets, like Client.close(). It returns at
        once."""
        self._client.close()

    async def close(self) -> None:
        """Closes the client: the same as aclose()."""
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
        # A traceback may show a client whose __init__ failed.
        client = getattr(self, "_client", "<Client>")
        return f"{client}".replace("<", "<Async", 1)

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            "an AsyncClient cannot be pickled or copied: it contains secrets and connections; "
            "create one where it is needed"
        )


def _calls() -> "type[Calls]":
    """Return the class that makes the calls. It needs anyio."""
    with needs("AsyncClient", ("anyio",), "pip install 'emnify-auth[async]'"):
        from .calls import Calls
    return Calls


def _check(max_threads: int) -> None:
    if isinstance(max_threads, bool) or not isinstance(max_threads, int) or max_threads < 1:
        raise InvalidInputError("max_threads: must be an int, at least 1")


def _name_settings(function: Any, like: Callable[..., object]) -> None:  # noqa: ANN401
    """Make help() show the settings by name, with their defaults."""
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
