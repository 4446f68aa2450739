"""The exceptions of this package. The native module raises them. They are defined in Python, so
that people and type checkers can read them."""

# Not imported from typing, because the import takes time.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal, TypeAlias

    _RotationState: TypeAlias = Literal[
        "intent", "created", "identified", "committed", "grace", "revoking", "done"
    ]

__all__ = [
    "AccountLockedError",
    "ApiError",
    "AuthenticationError",
    "ConflictError",
    "EmnifyError",
    "ForbiddenError",
    "InternalError",
    "InvalidInputError",
    "MfaRequiredError",
    "NetworkError",
    "NotFoundError",
    "ProtocolError",
    "ProxyError",
    "RateLimitedError",
    "RequestTimeoutError",
    "ResourceError",
    "RotationError",
    "ServerError",
    "StoreError",
    "TlsError",
    "ValidationError",
]

TYPE_CHECKING = False  # Importing typing takes time.
if TYPE_CHECKING:
    from typing import Literal, TypeAlias

    _Reason: TypeAlias = Literal[
        "dns",
        "connect",
        "proxy",
        "certificate_expired",
        "certificate_untrusted",
        "certificate_name",
        "clock",
        "send",
        "receive",
    ]


class ApiError:
    """The error object in emnify's response. It is data, not an exception.

    Each field but errors may be None, because servers and gateways differ. error_code need not
    match the HTTP status, which is in the exception's http_status.
    """

    __slots__ = ("error_code", "error_name", "errors", "message")

    error_code: int | None
    """emnify's number for the error, such as 1400."""
    error_name: str | None
    """emnify's name for the error, such as "InputValidationFailed"."""
    message: str | None
    """The description of the error."""
    errors: "tuple[ApiError, ...]"
    """The nested errors, one for each invalid field of the request."""

    def __init__(
        self,
        error_code: int | None = None,
        error_name: str | None = None,
        message: str | None = None,
        errors: "tuple[ApiError, ...]" = (),
    ) -> None:
        fields = (error_code, error_name, message, tuple(errors))
        for name, value in zip(
            ("error_code", "error_name", "message", "errors"), fields, strict=True
        ):
            object.__setattr__(self, name, value)

    def _fields(self) -> "tuple[int | None, str | None, str | None, tuple[ApiError, ...]]":
        return (self.error_code, self.error_name, self.message, self.errors)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"an ApiError is immutable: {name}")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"an ApiError is immutable: {name}")

    def __repr__(self) -> str:
        code, name, message, errors = self._fields()
        nested = f", errors={errors!r}" if errors else ""
        return f"ApiError(error_code={code!r}, error_name={name!r}, message={message!r}{nested})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ApiError):
            return NotImplemented
        return self._fields() == other._fields()

    def __hash__(self) -> int:
        return hash(self._fields())

    def __reduce__(self) -> "tuple[type[ApiError], tuple[object, ...]]":
        return (ApiError, self._fields())


class EmnifyError(Exception):
    """The base class of all exceptions of this package.

    The message is one line for a person. It never contains a secret, the query of a URL or the raw
    body of a response.

        >>> try:
        ...     client.get("/api/v1/sim/7")
        ... except EmnifyError as error:
        ...     print(type(error).__name__, error.http_status, error.is_retryable)
        NotFoundError 404 False
    """

    reason: "_Reason | None"
    """Which part of the exchange failed: where to look first. None if that is not known.

    "dns": the name of the host or the proxy could not be looked up. "connect": no connection to the
    host was established. "proxy": the proxy was not reached or refused, or no connection through it
    was established. "certificate_expired", "certificate_untrusted", "certificate_name": the
    server's certificate has expired, is not from a trusted authority, or is for other names.
    "clock": this machine's clock is wrong. "send": the request could not be written. "receive": no
    complete response arrived."""
    http_status: int | None
    """The HTTP status of the response, or None if there was no response."""
    api_error: ApiError | None
    """The error object of the response, or None if it contained none."""
    retry_after: float | None
    """How many seconds to wait before the next attempt, or None if that is not known."""
    is_retryable: bool
    """Whether the same call may succeed later without changes. True does not mean that the call had
    no effect: a request that timed out may have taken effect."""

    def __init__(
        self,
        message: str = "",
        *,
        reason: "_Reason | None" = None,
        http_status: int | None = None,
        api_error: ApiError | None = None,
        retry_after: float | None = None,
        is_retryable: bool = False,
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.http_status = http_status
        self.api_error = api_error
        self.retry_after = retry_after
        self.is_retryable = is_retryable


class InvalidInputError(EmnifyError, ValueError, TypeError):
    """An argument has an invalid value or type. Nothing was sent; the message names it."""


class AuthenticationError(EmnifyError):
    """emnify refused the credentials."""


class MfaRequiredError(AuthenticationError):
    """emnify asks for a one-time code, and none was supplied."""


class AccountLockedError(AuthenticationError):
    """The account is locked, for retry_after seconds."""


class ForbiddenError(EmnifyError, PermissionError):
    """Signed in, but not allowed to do this (HTTP 403)."""


class NotFoundError(EmnifyError):
    """Not found (HTTP 404)."""


class ConflictError(EmnifyError):
    """The request conflicts with the current state (HTTP 409)."""


class ValidationError(EmnifyError, ValueError):
    """The server found the request invalid (HTTP 400, 422 and similar). api_error.errors contains
    the details."""


class RateLimitedError(EmnifyError):
    """Too many requests: emnify refused this one (HTTP 429), or this package held it back. Retry
    after retry_after seconds."""


class ServerError(EmnifyError):
    """The server failed (HTTP 5xx)."""


class ProtocolError(EmnifyError):
    """The response is not one that emnify sends. It may come from a proxy or a login page."""


class NetworkError(EmnifyError, ConnectionError):
    """The connection failed or broke: DNS, refused, reset."""


class ProxyError(NetworkError):
    """The proxy refused the connection or failed. http_status is the proxy's status, or None."""


class TlsError(NetworkError):
    """The server's certificate is not trusted, or this machine's clock is wrong."""


class RequestTimeoutError(EmnifyError, TimeoutError):
    """The call did not end within its timeout."""


class StoreError(EmnifyError, OSError):
    """The store failed: disk full, not writable, or damaged."""


class ResourceError(EmnifyError, OSError):
    """No thread, file descriptor or memory was available."""


class RotationError(EmnifyError):
    """A rotation of the application token stopped. Call rotate() again to continue it."""

    state: "_RotationState"
    """The step at which the rotation stopped, and from which it continues: "intent" (create the new
    application token), "created" (find its id), "identified" (try it), "committed" (write it to the
    credential file or pass it to hand_over), "grace" (wait; both work), "revoking" (revoke the old
    one), "done" (only in the event "old_token_kept")."""

    def __init__(
        self,
        message: str = "",
        *,
        state: "_RotationState" = "intent",
        reason: "_Reason | None" = None,
        http_status: int | None = None,
        api_error: ApiError | None = None,
        retry_after: float | None = None,
        is_retryable: bool = False,
    ) -> None:
        super().__init__(
            message,
            reason=reason,
            http_status=http_status,
            api_error=api_error,
            retry_after=retry_after,
            is_retryable=is_retryable,
        )
        self.state = state


class InternalError(EmnifyError):
    """A bug in this package: a panic in the native code, which was caught."""


# Tracebacks and help() show the public module.
for _name in __all__:
    globals()[_name].__module__ = "emnify_auth"
