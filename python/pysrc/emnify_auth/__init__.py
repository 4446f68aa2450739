"""Keeps a program signed in to emnify and manages its application tokens.

A program exchanges a long-lived application token for an auth token: a JWT that goes into the
header "Authorization: Bearer …" of every call. A Client returns a valid auth token, usually from
its cache. When threads need a new one at the same time, one of them signs in for all. The Client
renews the auth token in the background, and keeps working through outages, rate limits, wrong
clocks and forks.

    from emnify_auth import Client

    # Reads EMNIFY_APPLICATION_TOKEN or EMNIFY_APPLICATION_TOKEN_FILE.
    with Client() as client:
        headers = client.auth_headers()

        created = client.application_tokens.create(
            description="gateway 7", expiry_date="2027-05-29"
        )
        for token in client.application_tokens.list():
            print(token.id, token.description)

        for sim in client.paginate("/api/v1/sim"):
            print(sim["iccid"])

AsyncClient has the same methods, to be awaited. All errors are subclasses of EmnifyError. Secrets
are shown only by methods called reveal() and by auth_headers().
"""

# Only modules that import fast are imported here: command-line tools import this at each start.
from ._errors import (
    AccountLockedError,
    ApiError,
    AuthenticationError,
    ConflictError,
    EmnifyError,
    ForbiddenError,
    InternalError,
    InvalidInputError,
    MfaRequiredError,
    NetworkError,
    NotFoundError,
    ProtocolError,
    ProxyError,
    RateLimitedError,
    RequestTimeoutError,
    ResourceError,
    RotationError,
    ServerError,
    StoreError,
    TlsError,
    ValidationError,
)
from ._native import (
    ApplicationTokens,
    AuthToken,
    Client,
    CreatedApplicationToken,
    Pages,
    Response,
    TrustedDevice,
    __version__,
)

# What takes time to import, and is imported when a program asks for it.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from ._async import AsyncApplicationTokens, AsyncClient, AsyncPages
    from ._settings import ClientSettings
    from ._values import (
        ApplicationToken,
        AuditedToken,
        Check,
        Event,
        Rotation,
        SignInFailure,
        Status,
        TokenClaims,
    )
else:

    def __getattr__(name: str) -> object:
        if name in ("AsyncApplicationTokens", "AsyncClient", "AsyncPages"):
            from . import _async as module
        elif name == "ClientSettings":
            from . import _settings as module
        elif name in (
            "ApplicationToken",
            "AuditedToken",
            "Check",
            "Event",
            "Rotation",
            "SignInFailure",
            "Status",
            "TokenClaims",
        ):
            from . import _values as module
        else:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(module, name)
        globals()[name] = value
        return value

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})


__all__ = [
    "AccountLockedError",
    "ApiError",
    "ApplicationToken",
    "ApplicationTokens",
    "AsyncApplicationTokens",
    "AsyncClient",
    "AsyncPages",
    "AuditedToken",
    "AuthToken",
    "AuthenticationError",
    "Check",
    "Client",
    "ClientSettings",
    "ConflictError",
    "CreatedApplicationToken",
    "EmnifyError",
    "Event",
    "ForbiddenError",
    "InternalError",
    "InvalidInputError",
    "MfaRequiredError",
    "NetworkError",
    "NotFoundError",
    "Pages",
    "ProtocolError",
    "ProxyError",
    "RateLimitedError",
    "RequestTimeoutError",
    "ResourceError",
    "Response",
    "Rotation",
    "RotationError",
    "ServerError",
    "SignInFailure",
    "Status",
    "StoreError",
    "TlsError",
    "TokenClaims",
    "TrustedDevice",
    "ValidationError",
    "__version__",
]
