"""Adds auth tokens to requests that the library requests sends.

For example:

    import requests
    from emnify_auth import Client
    from emnify_auth.requests import EmnifyAuth

    session = requests.Session()
    session.auth = EmnifyAuth(Client())
    session.get("https://cdn.emnify.net/api/v1/sim", timeout=30)
"""

from functools import partial
from typing import Any
from urllib.parse import urljoin, urlsplit

from ._extras import needs
from ._native import AuthToken, Client
from ._origin import Origin, bearer, wrong_type

with needs(__name__, ("requests",), "pip install 'emnify-auth[requests]'"):
    from requests import PreparedRequest, Response
    from requests.auth import AuthBase
    from requests.cookies import extract_cookies_to_jar
    from requests.exceptions import UnrewindableBodyError
    from requests.utils import rewind_body
    from urllib3.exceptions import LocationParseError
    from urllib3.util import parse_url

__all__ = ["EmnifyAuth"]


class EmnifyAuth(AuthBase):
    """Adds a valid auth token to each request to the origin of the client's base_url. Other
    requests, including redirects to another origin, get no auth token.

    After a 401 it signs in and sends the request once more. Meanwhile other requests use the cached
    auth token. The 401 is returned if signing in fails, or if the last sign-in after a 401 did not
    help and was less than a minute ago (up to 5 minutes if several did not help). If the body
    cannot be sent twice (a generator, a file that cannot seek), it signs in and returns the 401. If
    signing in before a request fails, an EmnifyError is raised.
    """

    def __init__(self, client: Client) -> None:
        if not isinstance(client, Client):
            raise wrong_type("a Client", client)
        self._client = client
        self._origin = Origin(client.base_url)

    def __call__(self, r: PreparedRequest) -> PreparedRequest:
        """Add an auth token to a request before it is sent."""
        if self._is_ours(r.url):
            auth_token = self._client.authenticate()
            r.headers["Authorization"] = bearer(auth_token)
            r.register_hook("response", partial(self._checked, auth_token))
        return r

    def _is_ours(self, url: str | None) -> bool:
        try:
            # Both libraries parse the URL before connecting, and they can disagree.
            by_requests, by_urllib3 = urlsplit(url or ""), parse_url(url or "")
            port = by_requests.port
        except (LocationParseError, ValueError):
            return False
        return self._origin.includes(
            by_requests.scheme, by_requests.hostname, port
        ) and self._origin.includes(by_urllib3.scheme, by_urllib3.host, by_urllib3.port)

    def _checked(self, auth_token: AuthToken, response: Response, **settings: Any) -> Response:  # noqa: ANN401 requests defines them
        request = response.request
        if request.headers.get("Authorization") != bearer(auth_token):
            return response
        if response.is_redirect:
            # requests itself keeps the header when a redirect leads from http to https.
            if not self._is_ours(urljoin(response.url, response.headers["Location"])):
                del request.headers["Authorization"]
            return response
        if response.status_code != 401 or not self._is_ours(request.url):
            return response
        replacement = self._client._replacement(auth_token)
        if replacement is None or not _rewound(request):
            return response
        # Read the body, so that the connection can be reused.
        _ = response.content
        response.close()
        # If a redirect follows, requests copies the headers of this request.
        request.headers["Authorization"] = bearer(replacement.auth_token)
        again = request.copy()
        jar = again._cookies
        if jar is not None:
            extract_cookies_to_jar(jar, request, response.raw)
            again.headers.pop("Cookie", None)
            again.prepare_cookies(jar)
        second: Response = response.connection.send(again, **settings)
        replacement.replayed(second.status_code == 401)
        second.history.append(response)
        second.request = again
        return second


def _rewound(request: PreparedRequest) -> bool:
    """Move the body back to its start. Returns whether it can be sent once more."""
    if request.body is None or isinstance(request.body, (str, bytes, bytearray)):
        return True
    if not isinstance(request._body_position, int):
        return False
    try:
        rewind_body(request)
    except (UnrewindableBodyError, ValueError):
        # The file cannot seek, or is closed.
        return False
    return True
