"""The exceptions of this package. They are written in Python, so that people and type checkers can
read them, and raised by the native module, which fills in what is known about the failure."""

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


class ApiError:
    """emnify's own error object, as the server wrote it. It is data, not an exception.

    Every field may be None, as servers and gateways differ. The HTTP status and the code do not
    always agree; the exception's http_status keeps the former.
    """

    __slots__ = ("error_code", "error_token", "errors", "message")

    error_code: int | None
    """emnify's number, such as 1400."""
    error_token: str | None
    """emnify's word, such as "InputValidationFailed"."""
    message: str | None
    """The sentence."""
    errors: "tuple[ApiError, ...]"
    """What was wrong in detail, one for each field."""

    def __init__(
        self,
        error_code: int | None = None,
        error_token: str | None = None,
        message: str | None = None,
        errors: "tuple[ApiError, ...]" = (),
    ) -> None:
        fields = (error_code, error_token, message, tuple(errors))
        for name, value in zip(
            ("error_code", "error_token", "message", "errors"), fields, strict=True
        ):
            object.__setattr__(self, name, value)

    def _fields(self) -> "tuple[int | None, str | None, str | None, tuple[ApiError, ...]]":
        return (self.error_code, self.error_token, self.message, self.errors)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"an ApiError does not change: {name}")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"an ApiError does not change: {name}")

    def __repr__(self) -> str:
        code, token, message, errors = self._fields()
        nested = f", errors={errors!r}" if errors else ""
        return f"ApiError(error_code={code!r}, error_token={token!r}, message={message!r}{nested})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ApiError):
            return NotImplemented
        return self._fields() == other._fields()

    def __hash__(self) -> int:
        return hash(self._fields())

    def __reduce__(self) -> "tuple[type[ApiError], tuple[object, ...]]":
        return (ApiError, self._fields())


class EmnifyError(Exception):
    """What all exceptions of this package have in common.

    The text is one line for a person. It never holds a secret, the query of a URL or the raw body
    of an answer.

        >>> try:
        ...     client.get("/api/v1/sim/7")
        ... except EmnifyError as error:
        ...     print(type(error).__name__, error.http_status, error.is_retryable)
        NotFoundError 404 False
    """

    http_status: int | None
    """The HTTP status of the answer, where there was one."""
    api_error: ApiError | None
    """What emnify wrote about it, where the answer had an error object."""
    retry_after: float | None
    """Seconds to wait before another attempt, where the server or this package says so."""
    is_retryable: bool
    """Whether the same call may succeed later with nothing changed. It does not say that the call
    had no effect: a request that timed out may have been carried out."""

    def __init__(
        self,
        message: str = "",
        *,
        http_status: int | None = None,
        api_error: ApiError | None = None,
        retry_after: float | None = None,
        is_retryable: bool = False,
    ) -> None:
        super().__init__(message)
        self.http_status = http_status
        self.api_error = api_error
        self.retry_after = retry_after
        self.is_retryable = is_retryable


class InvalidInputError(EmnifyError, ValueError):
    """An argument was refused before anything was sent; the message names it."""


class AuthenticationError(EmnifyError):
    """The credentials were refused."""


class MfaRequiredError(AuthenticationError):
    """A one-time code is due and nobody supplies it."""


class AccountLockedError(AuthenticationError):
    """The account is locked; retry_after says for how long."""


class ForbiddenError(EmnifyError, PermissionError):
    """Signed in, but not allowed to do this (HTTP 403)."""


class NotFoundError(EmnifyError):
    """There is no such thing (HTTP 404)."""


class ConflictError(EmnifyError):
    """It clashes with what is there (HTTP 409)."""


class ValidationError(EmnifyError, ValueError):
    """The server found fault with the request (HTTP 400, 422 and the like); api_error has each
    nested message."""


class RateLimitedError(EmnifyError):
    """Too many calls (HTTP 429), or delayed locally; retry_after says for how long."""


class ServerError(EmnifyError):
    """The server failed (HTTP 5xx)."""


class ProtocolError(EmnifyError):
    """The answer makes no sense: a proxy or a login page in between, perhaps."""


class NetworkError(EmnifyError, ConnectionError):
    """No connection, or it broke: refused, reset, DNS."""


class ProxyError(NetworkError):
    """The proxy refused or failed; http_status is its status, where it sent one."""


class TlsError(NetworkError):
    """The server's certificate was not accepted, or the clock that judges it is wrong."""


class RequestTimeoutError(EmnifyError, TimeoutError):
    """Our own time limit ran out."""


class StoreError(EmnifyError, OSError):
    """The store failed: disk full, not writable, damaged beyond use."""


class ResourceError(EmnifyError, OSError):
    """Out of threads, file descriptors or memory."""


class RotationError(EmnifyError):
    """A rotation of the application token stopped, and goes on when rotate() is called again."""

    state: str
    """How far it came, which is the step that is taken next: "Intent" (the new application token is
    being created), "Created" (its id is being found), "Identified" (it is being tried), "Committed"
    (it is being handed over), "Grace" (both work), "Revoking" (the old one is being revoked)."""

    def __init__(
        self,
        message: str = "",
        *,
        state: str = "",
        http_status: int | None = None,
        api_error: ApiError | None = None,
        retry_after: float | None = None,
        is_retryable: bool = False,
    ) -> None:
        super().__init__(
            message,
            http_status=http_status,
            api_error=api_error,
            retry_after=retry_after,
            is_retryable=is_retryable,
        )
        self.state = state


class InternalError(EmnifyError):
    """A fault of this package: a panic that was caught."""


# Tracebacks and help() show where to import them from.
for _name in __all__:
    globals()[_name].__module__ = "emnify_auth"
