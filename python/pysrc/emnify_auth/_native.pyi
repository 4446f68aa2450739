"""What emnify_auth is made of. Import it from there: this module's shape may change."""

import builtins
import datetime
import os
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Final, Literal, NoReturn, TypeAlias, TypeVar, final

from typing_extensions import Self, Unpack

from ._errors import EmnifyError
from ._settings import ClientSettings

__all__ = [
    "ApplicationToken",
    "ApplicationTokens",
    "AuditedToken",
    "AuthToken",
    "Client",
    "CreatedApplicationToken",
    "Event",
    "Pages",
    "Response",
    "Rotation",
    "Status",
    "TrustedDevice",
    "__version__",
]

__version__: Final[str]

_T = TypeVar("_T")

_Parameter: TypeAlias = str | int | float | None
_Value: TypeAlias = _Parameter | Sequence[_Parameter]
_Params: TypeAlias = Mapping[str, _Value] | Sequence[tuple[str, _Value]]
_Headers: TypeAlias = Mapping[str, str] | Sequence[tuple[str, str]]

@final
class Client:
    """Keeps a program signed in to emnify.

    It signs in with an application token, passed here, or as a file that holds it, or by
    the environment variables EMNIFY_APPLICATION_TOKEN or EMNIFY_APPLICATION_TOKEN_FILE; else
    as the user of EMNIFY_USERNAME and EMNIFY_PASSWORD. Nothing is sent before the first
    call.

    base_url: where the API is; default: EMNIFY_BASE_PATH, else emnify itself.
    timeout: seconds that one call may take, with everything that it waits for: up to three
    attempts to sign in, and the time between them.
    connect_timeout: the part of it that connecting may take.
    ca_bundle: a file or directory of certificates in PEM form; these authorities are
    trusted and no others. Default: SSL_CERT_FILE, SSL_CERT_DIR, REQUESTS_CA_BUNDLE, else
    the system's.
    proxy: the URL of an HTTP proxy; default: HTTPS_PROXY, ALL_PROXY, less what NO_PROXY
    names.
    store: a directory, or a URL such as redis://host:6379/0, where the session outlives the
    process, encrypted; processes that share it sign in once for all. Default: memory. One that
    cannot be used is no error: the session goes on in memory, and on_event is told. A directory
    that the group or others can write to is not used. Two copies of this library in one process
    (say, this package and the C library) need a directory each.
    on_event: a function that is called with an Event when something happens to the session.
    It runs in a thread that is making a call with this client, before that call returns or
    raises; what happens in the background waits for the next call, of status() for example.
    It may call the client. An exception in it goes to sys.unraisablehook and does not
    disturb the call; only what is no Exception, such as KeyboardInterrupt, ends the call.
    Each event also goes to the logger "emnify_auth" of Python's logging.
    pacing: whether calls that come too fast for emnify's limits are delayed, over all threads
    of this client: 500 calls at once, then 5 a second; of these 25 at once, then 50 a second;
    of lists and statistics 5 at once, then 10 a second. What would wait beyond the timeout
    raises RateLimitedError.

    It can be used from any number of threads, in a child after a fork, and in a with
    statement. What it refuses it refuses here, with an InvalidInputError that names the
    argument.

    Ctrl-C, or any other signal whose handler raises an exception, ends a call in the main
    thread at once. A request that was sent already goes on in the background, for the
    timeout at most.

        >>> with Client() as client:
        ...     sim = client.get("/api/v1/sim/500001").json()
        >>> sim["id"]
        500001
    """

    def __new__(
        cls,
        application_token: str | None = None,
        *,
        application_token_file: str | os.PathLike[str] | None = None,
        **settings: Unpack[ClientSettings],
    ) -> Self: ...
    @classmethod
    def from_user(
        cls,
        username: str,
        password: str,
        *,
        mfa: Callable[[], str | None] | None = None,
        trusted_device: TrustedDevice | None = None,
        **settings: Unpack[ClientSettings],
    ) -> Self:
        """A client that signs in as a person, for what an application token cannot do.

        mfa: a function that asks the person for the one-time code that emnify sent, and
        returns it, or None to give up. It is called where a code is due, in the thread that
        makes the call, and may take its time; it must not call this client, which waits for
        it. An exception in it is raised by the call that asked. Without it, a call that needs
        a code raises MfaRequiredError.
        trusted_device: a device that does without the code for 90 days once one was given on
        it.

        The other arguments are those of Client.

            >>> with Client.from_user("user@example.com", "password") as client:
            ...     client.authenticate().organisation_id
            1234
        """

    @property
    def base_url(self) -> str:
        """Where the API is: what was passed, or found in EMNIFY_BASE_PATH, else emnify's own URL.
        It has no slash at its end. An auth token belongs to its origin: scheme, host and port.
        """

    @property
    def application_tokens(self) -> ApplicationTokens:
        """The application tokens of the workspace: create, list, update, revoke, audit, rotate."""

    def authenticate(self) -> AuthToken:
        """An auth token that is valid now: the cached one, or a new one. Ask each time you need
        one, and keep none: this is fast, and knows when to renew.

        A valid token is renewed in the background, so that no call waits or fails while
        there is one. Without one, what may pass by itself is tried up to three times within
        the timeout.

        Raises AuthenticationError where the credentials are refused, MfaRequiredError where a
        one-time code is due and nobody supplies it, AccountLockedError where they were
        refused too often; NetworkError, TlsError, RequestTimeoutError, RateLimitedError,
        ServerError where emnify cannot be asked; ProtocolError where the answer makes no
        sense. While no attempt may be made, a call that has not the time to wait
        raises the last attempt's error; retry_after says for how long.
        """

    def _cached(self) -> AuthToken | None:
        """The cached auth token if it can be handed out at once, else None."""

    def _tell(self) -> None:
        """Tells on_event what it has yet to be told."""

    def auth_headers(self) -> dict[str, str]:
        """The header that carries a valid auth token, for a call made by other means:
        {"Authorization": "Bearer …"}. It is a new dict with the secret in plain text: pass
        it on, and do not log it. Raises what authenticate() does.

            >>> client.auth_headers().keys()
            dict_keys(['Authorization'])
        """

    def invalidate(self, token: AuthToken | str) -> None:
        """Reports that a server refused this auth token (HTTP 401): an AuthToken, or its text, with
        or without "Bearer " before it. If it is still the cached one, the next authenticate()
        signs in, and returns the old one if that fails. A late report about an earlier token
        changes nothing. Nor does one soon after the last (1 to 5 minutes): a server that refuses
        a new token too would refuse any.

            >>> auth_token = client.authenticate()
            >>> client.invalidate(auth_token)
            >>> client.status().signed_in
            False
        """

    def _replacement(self, token: AuthToken) -> _Replacement | None:
        """Returns what an adapter replays a call with whose auth token got a 401; None: the 401 is
        the call's result. It signs in if that may help; other calls go on with the cached token.
        """

    def retry_now(self) -> None:
        """Ends the waits that failed attempts to sign in have caused: call it when the network link
        comes up. After a 429 or refused credentials the wait goes on, since it does not depend on
        the link. It sends nothing and waits for nothing.

            >>> client.retry_now()
        """

    def status(self) -> Status:
        """How the session stands. It asks nobody and waits for nothing, but tells on_event what
        happened in the background.
        """

    def request(
        self,
        method: str,
        path: str,
        *,
        json: object = None,
        content: bytes | str | None = None,
        params: _Params | None = None,
        headers: _Headers | None = None,
    ) -> Response:
        """Makes any other call of the API, signed in, and returns its answer.

        method: "GET", "HEAD", "POST", "PUT", "PATCH" or "DELETE".
        path: starts with a slash and is relative to base_url, as "/api/v1/sim". The auth token
        goes nowhere else: no path leads to another host, and redirects are not followed.
        json: what is sent as JSON, whatever json.dumps takes; None is nothing.
        content: bytes, or a text as UTF-8, sent as they are instead. A header Content-Type says
        what they are; without one they are JSON.
        params: a mapping or pairs that are added to the query. A value is a str, an int, a
        float, a bool ("true" or "false") or a sequence of these, each of them a parameter of
        that name; None is left out.
        headers: a mapping or pairs of str. Authorization, Host and those of the connection are
        set here and cannot be passed.

        A 401 is answered by signing in anew and making the call once more. What may pass by
        itself is tried up to three times within the timeout where that is safe: GET, HEAD, PUT
        and DELETE always, POST and PATCH only if nothing was sent.

        Raises InvalidInputError before anything is sent; where the status is no success (2xx),
        the class that says so, such as NotFoundError or ValidationError; and what
        authenticate() does. A request that Ctrl-C interrupts may be carried out all the
        same.

            >>> client.request("GET", "/api/v1/sim", params={"per_page": 2}).status_code
            200
        """

    def get(
        self,
        path: str,
        *,
        params: _Params | None = None,
        headers: _Headers | None = None,
    ) -> Response:
        """Reads: request("GET", path, …)."""

    def post(
        self,
        path: str,
        *,
        json: object = None,
        content: bytes | str | None = None,
        params: _Params | None = None,
        headers: _Headers | None = None,
    ) -> Response:
        """Creates, or does something: request("POST", path, …)."""

    def patch(
        self,
        path: str,
        *,
        json: object = None,
        content: bytes | str | None = None,
        params: _Params | None = None,
        headers: _Headers | None = None,
    ) -> Response:
        """Changes: request("PATCH", path, …)."""

    def put(
        self,
        path: str,
        *,
        json: object = None,
        content: bytes | str | None = None,
        params: _Params | None = None,
        headers: _Headers | None = None,
    ) -> Response:
        """Replaces: request("PUT", path, …)."""

    def delete(
        self,
        path: str,
        *,
        params: _Params | None = None,
        headers: _Headers | None = None,
    ) -> Response:
        """Removes: request("DELETE", path, …)."""

    def paginate(
        self, path: str, *, params: _Params | None = None, per_page: int | None = None
    ) -> Pages:
        """The rows of a collection, page after page, each row once. A page is fetched when its
        first row is asked for, each within the timeout and tried again as with get().

        path, params: as for request(); what is wrong with the path is told at the first row.
        per_page: rows with each call; more of them are fewer calls. Default: 100.

            >>> iccids = [sim["iccid"] for sim in client.paginate("/api/v1/sim", per_page=500)]
            >>> len(iccids)
            300
        """

    def switch_workspace(self, id: int) -> Client:
        """Returns a client for the workspace with this id; this one goes on in its own. It signs
        in at once, so that an id which does not work is told here, and renews itself, also after
        this one is closed. It has the same settings: on_event is told what happens to either.

        The server decides who may switch. Today it refuses application tokens
        (AuthenticationError, HTTP 401), which emnify calls temporary; a user may switch to the
        workspaces that they belong to.

        Raises AuthenticationError, ForbiddenError, NotFoundError and the like as emnify answers.
        """

    def close(self) -> None:
        """Closes the connections and forgets the secrets. Calls under way go on to their end;
        later ones, status() among them, raise InvalidInputError. Closing twice is no error;
        nor is not closing at all.
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

        >>> auth_token = client.authenticate()
        >>> headers = {"Authorization": f"Bearer {auth_token.reveal()}"}
        >>> auth_token.organisation_id
        1234
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

        >>> [(token.id, token.description) for token in client.application_tokens.list()]
        [(4711, 'Sandbox')]
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

        emnify does not tell the id of what it created. It is looked for in the list, read
        before and after; where that fails, or leaves doubt, the id is None.

        After NetworkError, RequestTimeoutError or ServerError a token may have been created
        whose value nobody knows: it is in the list, and should be revoked. What a call
        that Ctrl-C interrupts still creates is revoked in the background, if its id is found and
        the program goes on for long enough.

            >>> created = client.application_tokens.create(description="gateway 7", ip="192.0.2.7")
            >>> secret = created.reveal()
        """

    def list(self) -> builtins.list[ApplicationToken]:
        """All application tokens of the workspace, expired and revoked ones too."""

    def update(self, id: int, *, description: str) -> None:
        """Changes the description of the application token with this id."""

    def revoke(self, id: int) -> None:
        """Revokes the application token with this id for good. Auth tokens that were obtained
        with it stay valid until they expire. Revoking a revoked one is no error.
        """

    def own(self) -> ApplicationToken | None:
        """The application token that this client signs in with: its description, when it expires.
        None where the auth token does not tell which it is, as where a person is signed in.
        """

    def audit(
        self,
        *,
        expires_within: datetime.timedelta = ...,
        older_than: datetime.timedelta = ...,
    ) -> builtins.list[AuditedToken]:
        """All application tokens of the workspace, each with what there is to say against it.
        Nothing is changed.

        expires_within: what expires within that time is found; default: 30 days.
        older_than: what was created longer ago is found; default: 365 days.

            >>> for audited in client.application_tokens.audit():
            ...     print(audited.token.id, sorted(audited.findings))
            4711 ['no_address_restriction', 'no_expiry', 'own']
        """

    def rotate(
        self,
        *,
        id: int | None = None,
        description: str | None = None,
        expiry_date: str | datetime.date | datetime.datetime | None = None,
        ip: str | None = None,
        grace: float | datetime.timedelta = 0,
        keep_old: bool = False,
        hand_over: Callable[[str], object] | None = None,
    ) -> Rotation:
        """Replaces the application token that this client signs in with by a new one, with no
        moment at which neither works: creates the new one, tries it, puts it where the next
        start finds it, and revokes the old one. The client goes on with the new one.

        Each step is noted in the client's store, which must be a directory, before it is taken.
        After an error or a crash call it again: it goes on where it stopped, with what it began
        with. A client that starts with the old token finds the new one there too. One rotation
        at a time runs in a store; who waits for another one's adopts what that came to.

        id: of the application token that this client signs in with, where its auth token does
        not tell. It is not for another one: what contradicts the auth token is refused.
        description, expiry_date, ip: as for create(); default: those of the old one, and its
        lifetime instead of its expiry date.
        grace: how long the old one goes on working beside the new one, as a timedelta or in
        seconds. This does not wait for it: call it again when it is over.
        keep_old: leaves the old one alive, for an application token that may not revoke any. The
        rotation ends in "Done" with the event "old_token_kept".
        hand_over: a function that takes the new application token, a str, and keeps it where
        the next start finds it, instead of the credential file. It runs in the thread that
        makes this call, and perhaps again with the same token after a crash. It must not call
        this client, which waits for it. Whatever it raises, KeyboardInterrupt too, stops the
        rotation and is the __cause__ of the RotationError; the next call goes on with the same
        token.

        Each of its requests may take as long as the timeout. After Ctrl-C the next call goes on
        where this one stopped.

        Raises InvalidInputError where there is neither a credential file nor hand_over, no
        directory as a store, or a person signed in, or where the list does not tell how long the
        old one lives and expiry_date is not given; ForbiddenError where the application token may
        not revoke any, without keep_old; what any call raises, before anything was begun; and from
        then on RotationError, with the state that it stopped in.

            >>> with Client(application_token_file="token", store="state") as client:
            ...     client.application_tokens.rotate()
            <Rotation state='Done' old_id=4711 new_id=4712 is_adopted=False>
        """

    def _discarder(self) -> Callable[[CreatedApplicationToken], None]:
        """Returns a function that revokes, in the background, what was created for a caller that
        has left. It also does so after the client is closed.
        """

    def __reduce__(self) -> NoReturn: ...

@final
class ApplicationToken:
    """A row of the list of application tokens. It never holds the token's value, which is
    shown only once, by ApplicationTokens.create().

    It does not change; two are equal if all that is known about them is.

        >>> token = client.application_tokens.own()
        >>> token.id, token.description, token.status
        (4711, 'Sandbox', 'Activated')
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

        >>> created = client.application_tokens.create(description="gateway 7")
        >>> secret = created.reveal()
        >>> created.id
        4712
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

@final
class AuditedToken:
    """An application token and what ApplicationTokens.audit() found.

    It does not change; two are equal if token and findings are.

        >>> [audited] = client.application_tokens.audit()
        >>> "own" in audited.findings
        True
    """

    @property
    def token(self) -> ApplicationToken:
        """The row of the list."""

    @property
    def findings(
        self,
    ) -> frozenset[
        Literal[
            "own",
            "revoked",
            "expired",
            "orphan",
            "expires_soon",
            "no_expiry",
            "no_address_restriction",
            "old",
            "unreadable_expiry",
            "other",
        ]
    ]:
        """What was found; nothing is a good answer:

        "own": it is the one that this client signs in with, as far as its auth token tells.
        "revoked": it was revoked. Nothing else is said of such a one.
        "expired": it has expired. Nothing else is said of such a one.
        "orphan": a rotation made it and did not finish: that goes on with it, or revokes it,
        when it is called next. Where nobody will do so, revoke it.
        "expires_soon": it expires within the time that was asked for.
        "no_expiry": it never expires: a stolen one works until somebody notices.
        "no_address_restriction": it may be used from any address.
        "old": it was created longer ago than was asked for, and should be rotated.
        "unreadable_expiry": it has an expiry date that this library cannot read: look at it.
        "other": something that this version has no name for.
        """

    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __copy__(self) -> Self: ...
    def __deepcopy__(self, _memo: object) -> Self: ...

@final
class Rotation:
    """What ApplicationTokens.rotate() came to.

    It holds no secret, and does not change.

        >>> with Client(application_token_file="token", store="state") as client:
        ...     rotation = client.application_tokens.rotate()
        >>> rotation.state, rotation.old_id, rotation.new_id
        ('Done', 4711, 4712)
    """

    @property
    def state(self) -> Literal["Done", "Grace"]:
        """How far it came. "Done": the old application token is revoked, or was kept. "Grace": both
        work until the grace period ends, and the client goes on with the new one.
        """

    @property
    def old_id(self) -> int:
        """The id of the application token that was replaced."""

    @property
    def new_id(self) -> int:
        """The id of the one that replaces it."""

    @property
    def grace_left(self) -> datetime.timedelta | None:
        """In the grace period, how long it lasts from the moment that rotate() returned; None in
        "Done". No time passes for it while the clock is not to be trusted.
        """

    @property
    def is_adopted(self) -> bool:
        """Whether another client had rotated the application token already: nothing was changed."""

    @property
    def is_old_kept(self) -> bool:
        """Whether the old one is left alive, as keep_old said in this call or in the one that the
        rotation began with.
        """

    @property
    def ignored_options(self) -> tuple[str, ...]:
        """The options of this call that did not apply, because the rotation had begun with others,
        which did: their names, such as ('expiry_date', 'ip').
        """

    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __copy__(self) -> Self: ...
    def __deepcopy__(self, _memo: object) -> Self: ...

@final
class Response:
    """A successful answer: what Client.request() returns.

    It does not change. Its body may hold a secret, and is shown by content, text and json()
    alone.

        >>> response = client.get("/api/v1/sim/500001")
        >>> response.status_code, response.json()["id"]
        (200, 500001)
    """

    @property
    def status_code(self) -> int:
        """The HTTP status, from 200 to 299."""

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers, by their names in any case. Several of one name are one here, with commas
        between their values.
        """

    @property
    def content(self) -> bytes:
        """The body, decompressed; at most 16 MiB."""

    @property
    def text(self) -> str:
        r"""The body as text: in the character set that the header Content-Type names, else in
        UTF-8. What that cannot be is replaced by "\ufffd".
        """

    def json(self) -> Any:  # noqa: ANN401
        """What the body means as JSON. Raises ProtocolError where it is none."""

    def __copy__(self) -> Self: ...
    def __deepcopy__(self, _memo: object) -> Self: ...
    def __reduce__(self) -> NoReturn: ...

@final
class Pages:
    """The rows of a list: what Client.paginate() returns. Each is what Response.json() would make
    of it: a dict, its keys in the server's order.

    One thread at a time can ask for a row; another that does so meanwhile gets an
    InvalidInputError. After an error the iteration ends; so it does when the client is closed.
    A row that Ctrl-C interrupts is not lost: the next one asked for is that.

        >>> for sim in client.paginate("/api/v1/sim"):
        ...     if sim["id"] == 500123:
        ...         break
    """

    def __iter__(self) -> Self: ...
    def __next__(self) -> dict[str, Any]: ...
    def _buffered(self) -> tuple[()] | tuple[dict[str, Any]] | None:
        """The next row if it is there without a call, alone in a tuple, which is empty at the end;
        else None.
        """

    def __reduce__(self) -> NoReturn: ...

@final
class Event:
    """Something that happened to a client's session: what Client(on_event=…) is called with.

    Its text is one line for a log. It holds no secret, and does not change.

        >>> with Client(on_event=lambda event: print(event.kind)) as client:
        ...     headers = client.auth_headers()
        authenticated
    """

    @property
    def kind(
        self,
    ) -> Literal[
        "authenticated",
        "adopted",
        "refresh_failed",
        "refused",
        "backing_off",
        "application_token_expires",
        "successor_found",
        "old_token_kept",
        "store_error",
        "credential_error",
        "other",
    ]:
        """What happened:

        "authenticated": signed in.
        "adopted": another process signed in, and its auth token was taken from the store.
        "refresh_failed": an attempt to sign in failed; a valid auth token goes on being
        handed out.
        "refused": the credentials were refused, and are not sent again for a while unless
        they change.
        "backing_off": too many calls, or a locked account; no attempt is made for a while.
        "application_token_expires": the application token expires within 30 days; told at
        most once a day.
        "successor_found": the application token was rotated, by an earlier or another process,
        and its successor is used.
        "old_token_kept": the application token was rotated and the old one goes on working, as
        keep_old said; error names its id.
        "store_error": the store could not be read or written; the session goes on without.
        "credential_error": the credential file could not be read; its last good content is
        used, if there is one.
        "other": something that this version has no name for.
        """

    @property
    def error(self) -> EmnifyError | None:
        """Why, where something went wrong: an exception that was not raised, made anew each time
        it is asked for.
        """

    @property
    def next_attempt(self) -> float | None:
        """Seconds until the next attempt may be made, where one failed, counted from then."""

    @property
    def expires_at(self) -> datetime.datetime | None:
        """When the auth token expires that was got, or the application token that is about to, on
        emnify's clock, in UTC.
        """

    def __copy__(self) -> Self: ...
    def __deepcopy__(self, _memo: object) -> Self: ...

@final
class Status:
    """How a client's session stands: what Client.status() returns, for people and health checks.

    It holds no secret, and does not change.

        >>> headers = [client.auth_headers() for _ in range(3)]
        >>> status = client.status()
        >>> status.signed_in, status.calls_made, status.calls_saved
        (True, 1, 2)
    """

    @property
    def signed_in(self) -> bool:
        """Whether there is an auth token that is valid now."""

    @property
    def valid_until(self) -> datetime.datetime | None:
        """Until when it is valid, on this machine's clock, in UTC."""

    @property
    def next_attempt(self) -> float | None:
        """Seconds until another attempt to sign in may be made, where that is held back."""

    @property
    def last_error(self) -> EmnifyError | None:
        """Why the last attempt failed, until one succeeds: an exception that was not raised, made
        anew each time it is asked for.
        """

    @property
    def calls_made(self) -> int:
        """Requests that this client has sent in order to sign in."""

    @property
    def calls_saved(self) -> int:
        """Auth tokens that it handed out without a request."""

    @property
    def last_change(self) -> datetime.datetime | None:
        """When an attempt to sign in last succeeded or failed, on this machine's clock, in UTC."""

    def __copy__(self) -> Self: ...
    def __deepcopy__(self, _memo: object) -> Self: ...

@final
class TrustedDevice:
    """A device that, once a one-time code was given on it, does without the code for 90 days.

    fingerprint: what it is recognised by. Choose a text that is hard to guess, of 8 to 256
    visible ASCII characters; keep it, and use it again.
    name: shown to the person in emnify's portal.

        >>> TrustedDevice("a-secret-of-your-choice", "my laptop").name
        'my laptop'
    """

    def __new__(cls, fingerprint: str, name: str) -> Self: ...
    @property
    def name(self) -> str:
        """The name that is shown in emnify's portal."""

    def __copy__(self) -> Self: ...
    def __deepcopy__(self, _memo: object) -> Self: ...
    def __reduce__(self) -> NoReturn: ...

def _process() -> int:
    """Returns a number that differs from those of all ancestors, as a pid may not."""

@final
class _Replacement:
    """The auth token to replay a call with whose own token got a 401."""

    @property
    def auth_token(self) -> AuthToken:
        """The token for the replay."""

    def replayed(self, is_401: bool) -> None:
        """Reports whether the replay got a 401, too."""

@final
class _Interrupt:
    """Ends the calls that another thread makes, when the one who waits for them leaves. They raise
    GeneratorExit then; what was sent goes on in the background. No on_event is called in that
    thread: that is for the one who waits.

    waited: seconds that are part of the timeout of each call.
    """

    def __new__(cls, waited: float = 0.0) -> Self: ...
    def run(self, function: Callable[[], _T]) -> _T:
        """Calls the function in this thread, and returns what it returns. trigger() ends the calls
        of clients that it makes.
        """

    def trigger(self) -> None:
        """Ends the calls at once and for good, those to come too. Any thread may do so."""
