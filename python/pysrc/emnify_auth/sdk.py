"""Signs emnify's own SDK in with a Client:

    from emnify_auth import Client
    from emnify_auth.sdk import connect

    emnify = connect(Client())  # instead of EMnify(application_token)
    for sim in emnify.sim.get_sim_list():
        print(sim.iccid)

The rest of the program stays unchanged.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ._errors import InvalidInputError
from ._native import Client
from ._origin import wrong_type

if TYPE_CHECKING:
    import requests

__all__ = ["connect"]

# Seconds for connecting, and between two reads of a response. The SDK itself has no time limit.
_TIMEOUT = (10.0, 30.0)

# The SDK's methods that are replaced. They change only for objects from connect().
_REPLACED = ("make_request", "unauthorised")


def connect(client: Client, *, session: "requests.Session | None" = None) -> Any:  # noqa: ANN401 the SDK has no types
    """Return an EMnify object of emnify's SDK (emnify-sdk 0.5) that signs in with the client.

    It signs in before the first call, once for all threads; reuses connections; has time limits;
    and calls the client's base_url. After a 401 it signs in and makes the call once more; after a
    second 401 it raises the SDK's UnauthorisedException. If signing in fails, an EmnifyError is
    raised.

    session: a requests.Session to use, for settings such as proxies or verify. Its auth is
    replaced.
    """
    if not isinstance(client, Client):
        raise wrong_type("a Client", client)
    import requests
    from emnify import EMnify, api_manager, errors  # type: ignore[import-not-found,unused-ignore]

    from .requests import EmnifyAuth

    manager = api_manager.BaseApiManager
    if not all(hasattr(manager, name) for name in _REPLACED):
        raise InvalidInputError(
            "emnify-sdk: the installed version is not supported; install emnify-sdk 0.5"
        )
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
    # The SDK requires an application token, but this object never uses it.
    kind: Any = type("EMnify", (_SignedIn, EMnify), {})
    signed_in = kind(app_token="that of the client")  # noqa: S106 not a secret
    signed_in._client, signed_in._emnify_auth = client, (send, refuse)
    return signed_in


class _SignedIn:
    """The base class of the EMnify objects from connect()."""

    _client: Client
    _emnify_auth: tuple[Callable[..., Any], Callable[..., Any]]

    @property
    def token(self) -> str:
        """The auth token, for programs that read it."""
        return self._client.authenticate().reveal()

    @token.setter
    def token(self, _: None) -> None:
        """Ignore the None that the SDK assigns at first."""


def _replace(manager: Any) -> None:  # noqa: ANN401
    """Replace the SDK's methods. Objects that are not from connect() keep the original
    behaviour."""
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
