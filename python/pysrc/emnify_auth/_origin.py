"""Checks that an auth token goes only to the origin of base_url when another library sends it."""

from urllib.parse import urlsplit

from ._errors import InvalidInputError
from ._native import AuthToken

__all__ = ["Origin", "bearer", "wrong_type"]

_PORTS = {"http": 80, "https": 443}


class Origin:
    """The scheme, host and port of a client's base_url."""

    __slots__ = ("_host", "_port", "_scheme")

    def __init__(self, base_url: str) -> None:
        parts = urlsplit(base_url)
        self._scheme = parts.scheme.lower()
        self._host = _plain(parts.hostname or "")
        self._port = parts.port or _PORTS.get(self._scheme)

    def includes(self, scheme: str | None, host: str | None, port: int | None) -> bool:
        """Return whether a URL with these parts belongs to this origin. Pass the host as it is sent
        on the wire, not a decoded form, in which two different hosts can look the same.
        """
        scheme, host = scheme or "", host or ""
        # Check this before lower(), which turns the Kelvin sign (U+212A) into the letter k.
        if not (scheme.isascii() and host.isascii()):
            return False
        scheme = scheme.lower()
        return (scheme, _plain(host), port or _PORTS.get(scheme)) == (
            self._scheme,
            self._host,
            self._port,
        )


def _plain(host: str) -> str:
    host = host.lower()
    # Some libraries put an IPv6 address in brackets, some do not.
    return host[1:-1] if host.startswith("[") and host.endswith("]") else host


def bearer(auth_token: AuthToken) -> str:
    """Return the value of the Authorization header."""
    return f"Bearer {auth_token.reveal()}"


def wrong_type(expected: str, client: object) -> InvalidInputError:
    """Return the error for an argument that is not a client of the expected class."""
    return InvalidInputError(f"client: must be {expected}, not {type(client).__name__}")
