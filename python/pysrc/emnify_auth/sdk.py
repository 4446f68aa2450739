"""emnify's own SDK, signed in by a Client:

    from emnify_auth import Client
    from emnify_auth.sdk import connect

    emnify = connect(Client())  # instead of EMnify(application_token)
    for sim in emnify.sim.get_sim_list():
        print(sim.iccid)

All the rest of the program stays as it is.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ._errors import InvalidInputError
from ._native import Client
from ._origin import wrong_type

if TYPE_CHECKING:
    import requests

__all__ = ["connect"]

# Seconds: to connect, and between two bytes of an answer. The SDK itself waits for ever.
_TIMEOUT = (10.0, 30.0)

# What of the SDK is replaced, for those objects alone that come from here.
_REPLACED = ("make_request", "unauthorised")


def connect(client: Client, *, session: "requests.Session | None" = None) -> Any:  # noqa: ANN401 the SDK has no types
    """Make an EMnify object of emnify's SDK (emnify-sdk 0.5) whose calls the client signs.

    It signs in once for all threads, before the first call and not after a refused one; keeps its
    connections; has time limits; and calls the client's base_url. A 401 is answered by signing in
    anew and making the call once more; then the SDK's UnauthorisedException is raised. What signing
    in raises is an EmnifyError.

    session: with settings of your own, such as proxies or verify. Its auth is set here.
    """
    if not isinstance(client, Client):
        raise wrong_type("a Client", client)
    import requests
    from emnify import EMnify, api_manager, errors  # type: ignore[import-not-found,unused-ignore]

    from .requests import EmnifyAuth

    manager = api_manager.BaseApiManager
    if not all(hasattr(manager, name) for name in _REPLACED):
        raise InvalidInputError("emnify-sdk: this version of it is not known here: 0.5 is")
    session = session or requests.Session()
    session.auth = EmnifyAuth(client)
    api = client.base_url.rstrip("/") + "/api"

    def send(call: Any, url: str, data: Any, query: Any) -> "requests.Response":  # noqa: ANN401
        headers = call._build_headers()
        del headers["authorization"]
        method = call.request_method_name
        return session.request(
            method, api + url, headers=headers, json=data, params=query, timeout=_TIMEOUT
        )

    def refuse() -> None:
        raise errors.UnauthorisedException("emnify refuses a new auth token")

    _replace(manager)
    # It has no application token of its own, which the SDK insists on.
    kind: Any = type("EMnify", (_SignedIn, EMnify), {})
    signed_in = kind(app_token="that of the client")  # noqa: S106 it is none
    signed_in._client, signed_in._emnify_auth = client, (send, refuse)
    return signed_in


class _SignedIn:
    """What an EMnify object is that comes from here."""

    _client: Client
    _emnify_auth: tuple[Callable[..., Any], Callable[..., Any]]

    @property
    def token(self) -> str:
        """The auth token, for programs that look at it."""
        return self._client.authenticate().reveal()

    @token.setter
    def token(self, _: None) -> None:
        """Nothing, since the SDK begins with none."""


def _replace(manager: Any) -> None:  # noqa: ANN401
    """Have the SDK's calls made here for objects that come from here; others are left alone."""
    if hasattr(manager, "_emnify_auth"):
        return
    make_request, unauthorised = (getattr(manager, name) for name in _REPLACED)

    def make_request_here(
        self: Any,  # noqa: ANN401
        client: Any,  # noqa: ANN401
        method_url: str,
        data: Any = None,  # noqa: ANN401
        files: Any = None,  # noqa: ANN401
        query_params: Any = None,  # noqa: ANN401
    ) -> Any:  # noqa: ANN401
        ours = getattr(client, "_emnify_auth", None)
        if ours is None:
            return make_request(self, client, method_url, data, files, query_params=query_params)
        return ours[0](self, method_url, data, query_params)

    def unauthorised_here(self: Any, response: Any, client: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
        ours = getattr(client, "_emnify_auth", None)
        return unauthorised(self, response, client, *args, **kwargs) if ours is None else ours[1]()

    manager._emnify_auth = True
    manager.make_request, manager.unauthorised = make_request_here, unauthorised_here
