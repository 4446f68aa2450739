"""Makes the calls of emnify's own SDK with a Client:

    from emnify_auth import Client
    from emnify_auth.sdk import connect

    emnify = connect(Client())  # instead of EMnify(application_token)
    for sim in emnify.sim.get_sim_list():
        print(sim.iccid)

The rest of the program stays unchanged.
"""

from typing import Any

from ._errors import AuthenticationError, EmnifyError, InvalidInputError, ProtocolError
from ._extras import needs
from ._native import Client
from ._origin import wrong_type

_INSTALL = "pip install 'emnify-auth[sdk]' && pip install --no-deps 'emnify-sdk<0.6'"

with needs(__name__, ("emnify", "pydantic", "requests"), _INSTALL):
    import requests
    from emnify import EMnify, api_manager, errors  # type: ignore[import-not-found,import-untyped,unused-ignore]

__all__ = ["connect"]

# The SDK sends each of its requests with this method.
_METHOD = "make_request"


def connect(client: Client) -> Any:  # noqa: ANN401 the SDK has no types
    """Return an EMnify object of emnify's SDK (emnify-sdk 0.5) that makes its calls with the
    client.

    All settings of the client apply: base_url, ca_bundle, proxy, timeout, pacing, store. It signs
    in once for all threads, and repeats calls as Client.request() does: after a 401 once, and after
    temporary failures (5xx, 429, broken connections) within the timeout.

    A failed call raises the exception of the Client, which is also one of the SDK: an
    AuthenticationError is an UnauthorisedException, an error of the statuses 400, 404, 409 or 422 a
    ValidationErrorException, a ProtocolError a JsonDecodeException, one of any other status an
    UnknownStatusCodeException, and all are an EMnifyBaseException.
    """
    if not isinstance(client, Client):
        raise wrong_type("a Client", client)
    manager = api_manager.BaseApiManager
    if not hasattr(manager, _METHOD):
        raise InvalidInputError(
            "emnify-sdk: the installed version is not supported; install emnify-sdk 0.5"
        )
    _replace(manager)
    # The SDK requires an application token, but this object never uses it.
    connected = _Connected(app_token="that of the client")  # noqa: S106 not a secret
    connected._emnify_auth = client
    return connected


class _Connected(EMnify):  # type: ignore[misc,unused-ignore]
    """The class of the EMnify objects from connect()."""

    _emnify_auth: Client

    @property
    def token(self) -> str:
        """The auth token, for programs that read it."""
        return self._emnify_auth.authenticate().reveal()

    @token.setter
    def token(self, _: None) -> None:
        """Ignore the None that the SDK assigns at first."""


def _replace(manager: Any) -> None:  # noqa: ANN401
    """Replace the SDK's method that sends a request, only for EMnify objects from connect()."""
    original = getattr(manager, _METHOD)
    if hasattr(original, "emnify_auth"):
        return

    def make_request(
        self: Any,  # noqa: ANN401
        client: Any,  # noqa: ANN401
        method_url: str,
        data: Any = None,  # noqa: ANN401
        files: Any = None,  # noqa: ANN401
        query_params: Any = None,  # noqa: ANN401
    ) -> requests.Response:
        if isinstance(client, _Connected):
            return _send(client._emnify_auth, self, method_url, data, query_params)
        sent: requests.Response = original(
            self, client, method_url, data, files, query_params=query_params
        )
        return sent

    make_request.emnify_auth = True  # type: ignore[attr-defined]
    setattr(manager, _METHOD, make_request)


def _send(client: Client, call: Any, url: str, data: Any, query: Any) -> requests.Response:  # noqa: ANN401
    """Make the SDK's call with the client, and return the response in the SDK's form."""
    headers = call._build_headers()
    del headers["authorization"]
    try:
        response = client.request(
            call.request_method_name, f"/api{url}", json=data, params=query, headers=headers
        )
    except EmnifyError as error:
        # Of both classes, and still the same exception, with its traceback and fields.
        kind = type(error)
        error.__class__ = type(kind.__name__, (kind, _class_of(error)), {"__module__": __name__})
        raise
    sdk = requests.Response()
    sdk.status_code, sdk._content = response.status_code, response.content
    sdk.headers.update(response.headers)
    return sdk


def _class_of(error: EmnifyError) -> type[Exception]:
    """Return the SDK's class for an error."""
    if isinstance(error, AuthenticationError):
        kind = errors.UnauthorisedException
    elif isinstance(error, ProtocolError):
        kind = errors.JsonDecodeException
    elif error.http_status in (400, 404, 409, 422):
        kind = errors.ValidationErrorException
    elif error.http_status is not None:
        kind = errors.UnknownStatusCodeException
    else:
        kind = errors.EMnifyBaseException
    found: type[Exception] = kind
    return found
