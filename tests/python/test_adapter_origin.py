"""The adapters compare origins as they are sent on the wire, so lookalikes get no auth token."""

import asyncio
from collections.abc import Callable
from urllib.parse import urlsplit

import aiohttp
import httpx
import pytest
import requests

from emnify_auth import Client, InvalidInputError
from emnify_auth.aiohttp import middleware
from emnify_auth.httpx import EmnifyAuth as HttpxAuth
from emnify_auth.requests import EmnifyAuth as RequestsAuth

# Scheme, host and port on the wire, and whether the call got an auth token, or None if nothing is
# sent. The client is closed, so that asking it for an auth token raises an InvalidInputError.
Sent = tuple[str, str, int | None, bool] | None


def by_requests(client: Client, url: str) -> Sent:
    auth = RequestsAuth(client)
    client.close()
    try:
        prepared = requests.Request("GET", url).prepare()
    except requests.exceptions.InvalidURL:
        return None
    parts = urlsplit(prepared.url or "")
    wire = (parts.scheme, parts.hostname or "", parts.port)
    try:
        auth(prepared)
    except InvalidInputError:
        return (*wire, True)
    return (*wire, False)


def by_httpx(client: Client, url: str) -> Sent:
    sent: list[httpx.URL] = []

    def handler(request: httpx.Request) -> httpx.Response:
        assert "Authorization" not in request.headers
        sent.append(request.url)
        return httpx.Response(200)

    auth = HttpxAuth(client)
    client.close()
    try:
        wire = httpx.Request("GET", url).url
        with httpx.Client(auth=auth, transport=httpx.MockTransport(handler)) as http:
            http.get(url)
    except (httpx.InvalidURL, httpx.UnsupportedProtocol):
        return None
    except InvalidInputError:
        return (wire.scheme, wire.raw_host.decode(), wire.port, True)
    assert sent == [wire]
    return (wire.scheme, wire.raw_host.decode(), wire.port, False)


class _EnoughError(Exception):
    pass


def by_aiohttp(client: Client, url: str) -> Sent:
    sent: list[aiohttp.ClientRequest] = []

    async def before(
        request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        sent.append(request)
        return await handler(request)

    async def instead(
        request: aiohttp.ClientRequest, _: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        assert "Bearer" not in request.headers.get("Authorization", "")
        raise _EnoughError

    ours = middleware(client)
    client.close()

    async def main() -> bool:
        middlewares = [before, ours, instead]
        async with aiohttp.ClientSession(middlewares=middlewares) as http:
            try:
                await http.get(url)
            except InvalidInputError:
                return True
            except _EnoughError:
                return False
        raise AssertionError

    try:
        signed = asyncio.run(main())
    except (aiohttp.InvalidURL, ValueError):
        return None
    wire = sent[0].url
    return (wire.scheme, wire.raw_host or "", wire.port, signed)


LIBRARIES = pytest.mark.parametrize("send", [by_requests, by_httpx, by_aiohttp])


@LIBRARIES
@pytest.mark.parametrize(
    ("base_url", "url"),
    [
        ("https://cdn.emnify.net", "https://cdn.emnify.net/x"),
        ("https://CDN.emnify.net:443/", "HTTPS://cdn.EMNIFY.net:443/x"),
        ("https://cdn.emnify.net", "https://somebody@cdn.emnify.net/x"),
        ("https://cdn.emnify.net:8443", "https://cdn.emnify.net:8443/x"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080/x"),
        ("http://[::1]:8080", "http://[::1]:8080/x"),
        # Two spellings of one name.
        ("https://xn--bcher-kva.example", "https://xn--bcher-kva.example/x"),
        ("https://xn--bcher-kva.example", "https://b\u00fccher.example/x"),
    ],
)
def test_the_base_url_s_origin_gets_an_auth_token(
    send: Callable[[Client, str], Sent], base_url: str, url: str
) -> None:
    sent = send(Client("token", base_url=base_url), url)
    assert sent is not None
    assert sent[3]


@LIBRARIES
@pytest.mark.parametrize(
    ("base_url", "url"),
    [
        ("https://cdn.emnify.net", "http://cdn.emnify.net/x"),
        ("https://cdn.emnify.net", "http://cdn.emnify.net:443/x"),
        ("https://cdn.emnify.net", "https://cdn.emnify.net:8443/x"),
        ("https://cdn.emnify.net", "https://cdn.emnify.net./x"),
        ("https://cdn.emnify.net", "https://cdn.emnify.net.evil.example/x"),
        ("https://cdn.emnify.net", "https://emnify.net/x"),
        ("https://cdn.emnify.net", "https://cdn.emnify.net@evil.example/x"),
        ("https://cdn.emnify.net", "https://cdn.emnify.net:443@evil.example/x"),
        ("https://cdn.emnify.net", "https://evil.example\\@cdn.emnify.net/x"),
        ("https://cdn.emnify.net", "https://cdn.emnify.net\\@evil.example/x"),
        ("https://cdn.emnify.net", "https://cdn.emnify.net\\.evil.example/x"),
        ("https://cdn.emnify.net", "https://evil.example/#@cdn.emnify.net/x"),
        ("https://cdn.emnify.net", "https://evil.example?@cdn.emnify.net/x"),
        ("https://cdn.emnify.net", "https://cdn.\uff45mnify.net/x"),  # fullwidth e
        ("https://cdn.emnify.net", "https://cdn\u3002emnify.net/x"),  # ideographic full stop
        ("https://cdn.emnify.net", "https://cdn.emn\u0456fy.net/x"),  # Cyrillic i
        ("https://cdn.emnify.net", "https://cdn.emnify\u200d.net/x"),  # zero-width joiner
        ("https://cdn.emnify.net", "https://cdn.emnify.net%2eevil.example/x"),
        ("https://cdn.emnify.net", "https://%63dn.emnify.net/x"),
        ("https://strasse.example", "https://stra\u00dfe.example/x"),
        ("https://xn--strae-oqa.example", "https://strasse.example/x"),
        ("https://kdn.example", "https://\u212adn.example/x"),  # Kelvin sign
        ("http://127.0.0.1:8080", "http://127.0.0.2:8080/x"),
        ("http://127.0.0.1:8080", "http://127.1:8080/x"),
        ("http://127.0.0.1:8080", "http://0x7f000001:8080/x"),
        ("http://127.0.0.1:8080", "http://localhost:8080/x"),
        ("http://[::1]:8080", "http://[::ffff:127.0.0.1]:8080/x"),
    ],
)
def test_a_lookalike_origin_gets_no_auth_token(
    send: Callable[[Client, str], Sent], base_url: str, url: str
) -> None:
    client = Client("token", base_url=base_url)
    ours = urlsplit(client.base_url)
    sent = send(client, url)
    if sent is None:
        return  # The library itself refuses the URL.
    scheme, host, port, signed = sent
    # If the library normalises the lookalike to our name, the request does go to us.
    ports = {"http": 80, "https": 443}
    wire = (scheme, host.strip("[]"), port or ports[scheme])
    is_ours = wire == (ours.scheme, ours.hostname, ours.port or ports[ours.scheme])
    assert signed == is_ours, wire
