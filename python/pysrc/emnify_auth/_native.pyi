"""What emnify_auth is made of. Import it from there: this module's shape may change."""

import builtins
import datetime
import os
from types import TracebackType
from typing import Final, Literal, NoReturn, final

from typing_extensions import Self

__all__ = [
    "ApplicationToken",
    "ApplicationTokens",
    "AuthToken",
    "Client",
    "CreatedApplicationToken",
    "__version__",
]

__version__: Final[str]

@final
class Client:
    """Keeps a program signed in to emnify.

    It signs in with an application token, passed here, or as a file that holds it, or by
    the environment variables EMNIFY_APPLICATION_TOKEN or EMNIFY_APPLICATION_TOKEN_FILE.
    Nothing is sent before the first call.

    base_url: where the API is; default: EMNIFY_BASE_PATH, else emnify itself.
    timeout: seconds that one call may take, with everything that it waits for.
    connect_timeout: the part of it that connecting may take.
    ca_bundle: a file or directory of certificates in PEM form; these authorities are
    trusted and no others. Default: SSL_CERT_FILE, SSL_CERT_DIR, REQUESTS_CA_BUNDLE, else
    the system's.
    proxy: the URL of an HTTP proxy; default: HTTPS_PROXY, ALL_PROXY, less what NO_PROXY
    names.

    It can be used from any number of threads, in a child after a fork, and in a with
    statement. What it refuses it refuses here, with an InvalidInputError that names the
    argument.
    """

    def __new__(
        cls,
        application_token: str | None = None,
        *,
        application_token_file: str | os.PathLike[str] | None = None,
        base_url: str | None = None,
        timeout: float = 30.0,
        connect_timeout: float = 10.0,
        ca_bundle: str | os.PathLike[str] | None = None,
        proxy: str | None = None,
    ) -> Self: ...
    @property
    def application_tokens(self) -> ApplicationTokens:
        """The application tokens of the workspace: create, list, update, revoke."""

    def authenticate(self) -> AuthToken:
        """An auth token that is valid now: the cached one, or a new one. Ask each time you need
        one, and keep none: this is fast, and knows when to renew.

        Raises AuthenticationError where the application token is refused, AccountLockedError
        where it was refused too often; NetworkError, TlsError, RequestTimeoutError,
        RateLimitedError, ServerError where emnify cannot be asked; ProtocolError where the
        answer makes no sense.
        """

    def auth_headers(self) -> dict[str, str]:
        """The header that carries a valid auth token, for a call made by other means:
        {"Authorization": "Bearer …"}. It is a new dict with the secret in plain text: pass
        it on, and do not log it. Raises what authenticate() does.
        """

    def invalidate(self, token: AuthToken) -> None:
        """Tells that a server refused this AuthToken (HTTP 401). If it is still the cached one
        it is dropped, so that the next authenticate() fetches another; a late report about
        an earlier token changes nothing.
        """

    def close(self) -> None:
        """Closes the connections and forgets the secrets. Calls under way go on to their end;
        later ones raise InvalidInputError. Closing twice is no error, and so is not closing
        at all.
        """

    def __enter__(self) -> Self: ...
    def __exit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None: ...
    def __reduce__(self) -> NoReturn: ...

@final
class AuthToken:
    """An auth token: the JWT that an application token is exchanged for.

    Client.authenticate() makes it. It shows its value nowhere but in reveal(): not in
    repr(), not in a log, not in a pickle.
    """

    @property
    def expires_at(self) -> datetime.datetime:
        """When it expires, on emnify's clock, in UTC. A machine whose clock is wrong should not
        compare it with that clock: Client.authenticate() hands out what is valid.
        """

    @property
    def organisation_id(self) -> int | None:
        """The id of the organisation (workspace) that it is for, if the token tells. It is not
        verified: for display only.
        """

    def reveal(self) -> str:
        """The token itself, for the header "Authorization: Bearer …"."""

    def __copy__(self) -> Self: ...
    def __deepcopy__(self, _memo: object) -> Self: ...
    def __reduce__(self) -> NoReturn: ...

@final
class ApplicationTokens:
    """The application tokens of the workspace that the client is signed in to:
    Client.application_tokens is one of these.
    """

    def create(
        self,
        *,
        description: str | None = None,
        expiry_date: str | datetime.date | datetime.datetime | None = None,
        ip: str | None = None,
    ) -> CreatedApplicationToken:
        """Creates an application token. Its value is in what is returned and nowhere else.

        description is a label of at most 1,024 bytes; expiry_date a date or an instant in
        the future, as text ("2027-05-29", "2027-05-29T18:30:00Z"), as a datetime.date, or as
        a datetime.datetime with a time zone; ip the one address or range ("192.0.2.0/24")
        that it may be used from.

        emnify does not tell the id of what it created. It is looked for with two more calls
        at most; where they fail, or leave doubt, the id is None.

        After NetworkError, RequestTimeoutError or ServerError a token may have been created
        whose value nobody knows: it is in the list, and should be revoked.
        """

    def list(self) -> builtins.list[ApplicationToken]:
        """All application tokens of the workspace, expired and revoked ones too."""

    def update(self, id: int, *, description: str) -> None:
        """Changes the description of the application token with this id."""

    def revoke(self, id: int) -> None:
        """Revokes the application token with this id for good. Auth tokens that were obtained
        with it stay valid until they expire. Revoking a revoked one is no error.
        """

    def __reduce__(self) -> NoReturn: ...

@final
class ApplicationToken:
    """A row of the list of application tokens. It never holds the token's value, which is
    shown only once, by ApplicationTokens.create().

    It does not change; two are equal if all that is known about them is.
    """

    @property
    def id(self) -> int:
        """The id by which it is updated and revoked."""

    @property
    def description(self) -> str | None:
        """Its label."""

    @property
    def status(self) -> Literal["Activated", "Revoked", "Other"] | None:
        """What it is: "Activated", "Revoked", "Other" for a status that this version does not
        know, or None where the server does not tell it. One that expired may still be
        "Activated".
        """

    @property
    def created_at(self) -> datetime.datetime | None:
        """When it was created, in UTC; None too where that could not be read."""

    @property
    def expiry_date(self) -> str | None:
        """When it expires, as the server wrote it; None if it does not."""

    @property
    def expires_at(self) -> datetime.datetime | None:
        """When it expires, in UTC; None too where that could not be read. A date without a time
        of day counts from its first moment.
        """

    @property
    def ip(self) -> str | None:
        """The address or range that it may be used from; None means any."""

    @property
    def creator(self) -> str | None:
        """The name of the user who created it."""

    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __copy__(self) -> Self: ...
    def __deepcopy__(self, _memo: object) -> Self: ...

@final
class CreatedApplicationToken:
    """An application token that was just created. Its value is shown this once: store it
    before this object is gone.
    """

    @property
    def id(self) -> int | None:
        """Its id, by which it can be revoked. The server does not tell it; None where it could
        not be found out for certain, in which case the list shows it by its description.
        """

    def reveal(self) -> str:
        """The application token itself."""

    def __copy__(self) -> Self: ...
    def __deepcopy__(self, _memo: object) -> Self: ...
    def __reduce__(self) -> NoReturn: ...
