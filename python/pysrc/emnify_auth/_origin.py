"""Where an auth token may go when another library makes the call: to the origin of base_url."""

from urllib.parse import urlsplit

from ._errors import InvalidInputError
from ._native import AuthToken

__all__ = ["Origin", "bearer", "wrong_type"]

_PORTS = {"http": 80, "https": 443}


class Origin:
    """Scheme, host and port of a client's base_url."""

    __slots__ = ("_host", "_port", "_scheme")

    def __init__(self, base_url: str) -> None:
        parts = urlsplit(base_url)
        self._scheme = parts.scheme.lower()
        self._host = _plain(parts.hostname or "")
        self._port = parts.port or _PORTS.get(self._scheme)

    def includes(self, scheme: str | None, host: str | None, port: int | None) -> bool:
        """Whether a URL with these parts leads there. They must be as they are sent on the wire: a
        host that only looks like ours differs there.
        """
        scheme, host = scheme or "", host or ""
        # Lower case comes after: that of the Kelvin sign is the letter k.
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
    # Some libraries give an IPv6 address in brackets, some without.
    return host[1:-1] if host.startswith("[") and host.endswith("]") else host


def bearer(auth_token: AuthToken) -> str:
    """Return the value of the header Authorization."""
    return f"Bearer {auth_token.reveal()}"


def wrong_type(expected: str, client: object) -> InvalidInputError:
    """Return what is raised where something else is passed for a client."""
    return InvalidInputError(f"client: must be {expected}, not {type(client).__name__}")
