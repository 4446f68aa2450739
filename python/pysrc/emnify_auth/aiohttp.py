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

    A 401 is answered by signing in anew and making the call once more. A body that cannot be sent
    twice (a generator, a stream, a file that cannot seek) is not: the 401 is returned, and the next
    call has a new auth token. What signing in raises is an EmnifyError.
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
        awaited.invalidate(auth_token)
        if not _can_be_sent_again(request.body):
            return response
        new_token = await awaited.authenticate()
        response.release()
        request.headers["Authorization"] = bearer(new_token)
        return await handler(request)

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
