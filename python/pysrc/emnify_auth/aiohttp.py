"""Adds auth tokens to requests that aiohttp sends.

For example:

    import aiohttp
    from emnify_auth import AsyncClient
    from emnify_auth.aiohttp import middleware

    async with aiohttp.ClientSession(middlewares=[middleware(AsyncClient())]) as http:
        await http.get("https://cdn.emnify.net/api/v1/sim")
"""

from ._async import AsyncClient
from ._extras import needs
from ._native import Client
from ._origin import Origin, bearer, wrong_type

with needs(__name__, ("aiohttp",), "pip install 'emnify-auth[aiohttp]'"):
    import aiohttp
    from aiohttp import payload
    from aiohttp.multipart import MultipartWriter

__all__ = ["middleware"]


def middleware(client: AsyncClient | Client) -> aiohttp.ClientMiddlewareType:
    """Return a client middleware that adds a valid auth token to each request to the origin of the
    client's base_url. Other requests, including redirects to another origin, get no auth token.

    client: an AsyncClient or a Client. Neither blocks the event loop. The functions of a Client
    (mfa, on_event) run here as those of an AsyncClient do.

    After a 401 it signs in and sends the request once more. Meanwhile other requests use the cached
    auth token. The 401 is returned if signing in fails, or if the last sign-in after a 401 did not
    help and was less than a minute ago (up to 5 minutes if several did not help). If the body
    cannot be sent twice (a generator, a stream, a file that cannot seek), it signs in and returns
    the 401. If signing in before a request fails, an EmnifyError is raised.
    """
    if isinstance(client, AsyncClient):
        awaited = client
    elif isinstance(client, Client):
        awaited = AsyncClient._of(client)
    else:
        raise wrong_type("an AsyncClient or a Client", client)
    origin = Origin(client.base_url)

    async def emnify_auth(
        request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        # aiohttp also calls this for each redirect.
        url = request.url
        if not origin.includes(url.scheme, url.raw_host, url.port):
            return await handler(request)
        auth_token = await awaited.authenticate()
        request.headers["Authorization"] = bearer(auth_token)
        response = await handler(request)
        if response.status != 401:
            return response
        try:
            replacement = await awaited._replacement(auth_token)
        except BaseException:
            # For example, the task was cancelled.
            response.close()
            raise
        if replacement is None or not _can_be_sent_again(request.body):
            return response
        response.release()
        request.headers["Authorization"] = bearer(replacement.auth_token)
        response = await handler(request)
        replacement.replayed(response.status == 401)
        return response

    return emnify_auth


def _can_be_sent_again(body: object) -> bool:
    """Return whether a body that has been sent can be sent again from its start."""
    if isinstance(body, (bytes, payload.BytesPayload)):
        return True
    if isinstance(body, MultipartWriter):
        return all(_can_be_sent_again(part) for part, _, _ in body)
    if isinstance(body, payload.IOBasePayload):
        file = body._value
        return not body.consumed and not file.closed and file.seekable()
    return False
