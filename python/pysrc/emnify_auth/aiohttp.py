"""Signs calls that aiohttp makes:

import aiohttp
from emnify_auth import AsyncClient
from emnify_auth.aiohttp import middleware

async with aiohttp.ClientSession(middlewares=[middleware(AsyncClient())]) as http:
    await http.get("https://cdn.emnify.net/api/v1/sim")
"""

import aiohttp
from aiohttp import payload
from aiohttp.multipart import MultipartWriter

from ._async import AsyncClient
from ._native import Client
from ._origin import Origin, bearer, wrong_type

__all__ = ["middleware"]


def middleware(client: AsyncClient | Client) -> aiohttp.ClientMiddlewareType:
    """Make a client middleware that adds a valid auth token to what goes to the origin of the
    client's base_url; anything else is left alone, a redirect to another origin too.

    client: an AsyncClient, or a Client, whose functions are then called as an AsyncClient calls
    them. The event loop is never held up.

    After a 401 it signs in and makes the call once more; other calls go on with the cached token
    meanwhile. The 401 is returned where signing in fails, and where it did not help against another
    401 in the last 1 to 5 minutes. If the body cannot be sent twice (a generator, a stream, a file
    that cannot seek), it signs in and returns the 401. What the sign-in before a call raises is an
    EmnifyError.
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
        # aiohttp comes here for each redirect too.
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
            # The task was cancelled, perhaps.
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
    """Whether the body, which was sent, begins anew when it is sent again."""
    if isinstance(body, (bytes, payload.BytesPayload)):
        return True
    if isinstance(body, MultipartWriter):
        return all(_can_be_sent_again(part) for part, _, _ in body)
    if isinstance(body, payload.IOBasePayload):
        file = body._value
        return not body.consumed and not file.closed and file.seekable()
    return False
