"""Adds auth tokens to requests that httpx sends.

For example:

    import httpx
    from emnify_auth import AsyncClient
    from emnify_auth.httpx import EmnifyAuth

    async with httpx.AsyncClient(auth=EmnifyAuth(AsyncClient())) as http:
        await http.get("https://cdn.emnify.net/api/v1/sim")
"""

from collections.abc import AsyncGenerator, Callable, Generator, Iterator
from contextlib import contextmanager
from typing import Any, cast

from ._async import AsyncClient
from ._extras import needs
from ._native import AuthToken, Client
from ._origin import Origin, bearer, wrong_type

with needs(__name__, ("httpx",), "pip install 'emnify-auth[httpx]'"):
    import httpx

__all__ = ["EmnifyAuth"]


class EmnifyAuth(httpx.Auth):
    """Adds a valid auth token to each request to the origin of the client's base_url. Other
    requests, including redirects to another origin, get no auth token.

    client: a Client for httpx.Client; an AsyncClient or a Client for httpx.AsyncClient. Neither
    blocks the event loop. In httpx.AsyncClient, the functions of a Client (mfa, on_event) run as
    those of an AsyncClient do.

    After a 401 it signs in and sends the request once more. Meanwhile other requests use the cached
    auth token. The 401 is returned if signing in fails, or if the last sign-in after a 401 did not
    help and was less than a minute ago (up to 5 minutes if several did not help). If the body
    cannot be sent twice (a generator, a file that cannot seek), it signs in and returns the 401. If
    signing in before a request fails, an EmnifyError is raised. If a response hook raises, for
    example with raise_for_status(), the request is not sent again; after a 401 the next one signs
    in.
    """

    def __init__(self, client: Client | AsyncClient) -> None:
        if not isinstance(client, (Client, AsyncClient)):
            raise wrong_type("a Client or an AsyncClient", client)
        self._client = client
        # The same for code that awaits, made when it is needed.
        self._awaited = client if isinstance(client, AsyncClient) else None
        self._origin = Origin(client.base_url)

    def sync_auth_flow(
        self, request: httpx.Request
    ) -> Generator[httpx.Request, httpx.Response, None]:
        """Sign a request of httpx.Client, and once more if that is refused."""
        client = self._client
        if isinstance(client, AsyncClient):
            raise wrong_type("a Client where httpx.Client makes the call", client)
        if not self._is_ours(request):
            yield request
            return
        auth_token = client.authenticate()
        request.headers["Authorization"] = bearer(auth_token)
        rewind = _rewind(request)
        with _hooks_may_raise(request, client, auth_token, is_async=False):
            response = yield request
        if self._is_refused(response, auth_token):
            replacement = client._replacement(auth_token)
            if replacement is not None and rewind():
                request.headers["Authorization"] = bearer(replacement.auth_token)
                response = yield request
                replacement.replayed(self._is_refused(response, replacement.auth_token))

    async def async_auth_flow(
        self, request: httpx.Request
    ) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """Sign a request of httpx.AsyncClient, and once more if that is refused."""
        if not self._is_ours(request):
            yield request
            return
        client = self._for_await()
        auth_token = await client.authenticate()
        request.headers["Authorization"] = bearer(auth_token)
        rewind = _rewind(request)
        with _hooks_may_raise(request, client, auth_token, is_async=True):
            response = yield request
        if self._is_refused(response, auth_token):
            replacement = await client._replacement(auth_token)
            if replacement is not None and rewind():
                request.headers["Authorization"] = bearer(replacement.auth_token)
                response = yield request
                replacement.replayed(self._is_refused(response, replacement.auth_token))

    def _for_await(self) -> AsyncClient:
        if self._awaited is None:
            self._awaited = AsyncClient._of(cast("Client", self._client))
        return self._awaited

    def _is_ours(self, request: httpx.Request) -> bool:
        url = request.url
        # Not url.host: it is decoded for display, and another host can look the same.
        return self._origin.includes(url.scheme, url.raw_host.decode("latin-1"), url.port)

    def _is_refused(self, response: httpx.Response, auth_token: AuthToken) -> bool:
        # After a redirect, the response belongs to another request.
        request = response.request
        return (
            response.status_code == 401
            and self._is_ours(request)
            and request.headers.get("Authorization") == bearer(auth_token)
        )


@contextmanager
def _hooks_may_raise(
    request: httpx.Request, client: Client | AsyncClient, auth_token: AuthToken, *, is_async: bool
) -> Iterator[None]:
    """Report the auth token after a 401 that httpx does not pass to the flow, because a response
    hook raised first. Transports of httpx itself pass the status to the extension "trace"."""
    before = request.extensions
    user: Callable[[str, Any], Any] | None = before.get("trace")
    # Further ones belong to redirects.
    statuses: list[int] = []

    def trace(name: str, info: dict[str, Any]) -> Any:  # noqa: ANN401
        if name.endswith(".receive_response_headers.complete"):
            # HTTP/1.1 has the version before the status, HTTP/2 has not.
            statuses.append(next(one for one in info["return_value"] if isinstance(one, int)))
        return None if user is None else user(name, info)

    async def trace_async(name: str, info: dict[str, Any]) -> None:
        awaitable = trace(name, info)
        if awaitable is not None:
            await awaitable

    request.extensions = {**before, "trace": trace_async if is_async else trace}
    try:
        yield
    except GeneratorExit:
        if statuses[:1] == [401]:
            client.invalidate(auth_token)
        raise
    finally:
        request.extensions = before


def _rewind(request: httpx.Request) -> Callable[[], bool]:
    """Return a function that moves the body's files back to where they are now. It returns whether
    that worked."""
    files = _files(request.stream)
    if files is None:
        return lambda: False
    try:
        places = [(file, file.tell()) for file in files]
    except (AttributeError, OSError, ValueError):
        return lambda: False

    def rewind() -> bool:
        try:
            for file, place in places:
                file.seek(place)
        except (AttributeError, OSError, ValueError):
            return False
        return True

    return rewind


def _files(stream: object) -> list[Any] | None:
    """Return the files that the body is read from, or None if the body cannot be sent twice."""
    if isinstance(stream, httpx.ByteStream):
        return []
    # httpx has no public API for this, so read the attributes of its streams.
    fields = getattr(stream, "fields", None)
    if isinstance(fields, list):
        files = [field.file for field in fields if hasattr(field, "file")]
        return [file for file in files if not isinstance(file, (str, bytes))]
    content = getattr(stream, "_stream", None)
    if isinstance(content, (list, tuple)):
        return []
    return [content] if hasattr(content, "read") else None
