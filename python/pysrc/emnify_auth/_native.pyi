"""The native part of emnify_auth. Import the names from emnify_auth; this module may change."""

import builtins
import datetime
import os
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Final, NoReturn, TypeAlias, TypeVar, final

from typing_extensions import Self, Unpack

from ._settings import ClientSettings
from ._values import (
    ApplicationToken,
    AuditedToken,
    Check,
    Rotation,
    SignInFailure,
    Status,
    TokenClaims,
)

__all__ = [
    "ApplicationTokens",
    "AuthToken",
    "Client",
    "CreatedApplicationToken",
    "Pages",
    "Response",
    "TrustedDevice",
    "__version__",
]

__version__: Final[str]

_T = TypeVar("_T")

_Parameter: TypeAlias = str | int | float | None
_Value: TypeAlias = _Parameter | Sequence[_Parameter]
_Params: TypeAlias = Mapping[str, _Value] | Sequence[tuple[str, _Value]]
_Headers: TypeAlias = Mapping[str, str] | Sequence[tuple[str, str]]
_Duration: TypeAlias = float | datetime.timedelta
_Wake: TypeAlias = tuple[Callable[[Callable[[], object]], object], Callable[[], object]]

@final
class Client:
    """Keeps a program signed in to emnify.

    It sends nothing before the first call.

    application_token: the application token to sign in with. Default: the environment variable
    EMNIFY_APPLICATION_TOKEN.
    application_token_file: a file that contains the application token. It is read at each
    sign-in, so that the client notices a rotation. Default: EMNIFY_APPLICATION_TOKEN_FILE.
    application_token_source: a function that returns the application token, for example from a
    secret manager. It is called at each sign-in that a call makes, in the thread of that call, and
    must not use this client. Renewals in the background use its last result. If it raises an
    exception, its last result is used and on_event is called; if there is none, the call raises
    that exception, and calls that waited for the same sign-in raise InvalidInputError.
    Without any of these the client signs in as the user in EMNIFY_USERNAME and EMNIFY_PASSWORD.
    base_url: the URL of the API. Default: EMNIFY_BASE_PATH, else emnify's address.
    timeout: how long one call may take, including all waits and retries, in seconds or as a
    timedelta.
    connect_timeout: how much of this time connecting may take.
    ca_bundle: a file or directory of PEM certificates, or PEM certificates as bytes. Only these
    authorities are trusted.
    Default: SSL_CERT_FILE, SSL_CERT_DIR, REQUESTS_CA_BUNDLE, else the system's certificate
    authorities, else a bundled set.
    proxy: the URL of an HTTP proxy. Default: HTTPS_PROXY, ALL_PROXY, except for hosts in
    NO_PROXY.
    interface: the network interface that all connections are made from, such as "wwan0", on Linux
    and macOS. Before Linux 5.7 this needs the capability CAP_NET_RAW. Default: the system chooses.
    Applies to connections to emnify, or to the proxy; not to looking up names or to a store in
    Redis.
    local_address: the IPv4 or IPv6 address of this machine that all connections are made from, for
    an application token that is limited to it. Otherwise like interface, and on all systems.
    store: a directory, or the URL of a Redis or Valkey server, such as redis://host:6379/0, that
    keeps the session, encrypted, when the process ends; ~/ at the beginning is the directory in
    HOME. rediss:// uses TLS, redis+unix:///path a socket. A password that is not in the URL comes
    from EMNIFY_STORE_PASSWORD, or else from the file that EMNIFY_STORE_PASSWORD_FILE names.
    Processes that share a store sign in once for all. Default: EMNIFY_STORE, else memory. If the
    store cannot be used, the session continues in memory and on_event is called. A directory that
    the group or others can write to is not used. If one process contains two copies of this
    library (for example this package and the C library), give each its own directory.
    on_event: a function that is called with an Event when something happens to the session. It
    runs in a thread that is making a call with this client, before that call returns or raises.
    Events from the background are reported during the next call, for example status(). The
    function may call the client: the events of these calls are reported during the next call, and
    those that repeat what it was just told are dropped. An exception that it raises goes to
    sys.unraisablehook and does not affect the call. Exceptions that are not an Exception, such as
    KeyboardInterrupt, end the call. Each event also goes to the logger "emnify_auth" of Python's
    logging.
    auto_renew: whether a thread renews the auth token on time, also without calls, and signs in
    again after an outage. It starts at the first call that needs an auth token, and in a forked
    child at the child's first. It runs no Python code, so it never asks for a one-time code, and
    does not delay the end of the program.
    fleet_size: about how many clients sign in from the same public address. emnify limits sign-ins
    by address. After the first refusal because of that limit, a client of a fleet waits for 300 s
    and up to 4.2 s for each client, drawn at random, instead of 300 s: then a large fleet needs
    fewer calls, and gets signed in even if emnify counts refused calls. The first attempt is never
    delayed. Default: EMNIFY_FLEET_SIZE, else unknown.
    pacing: whether calls are delayed to stay within emnify's rate limits, for all threads of
    this client together: 500 calls at once, then 5 per second (2,000 in any 300 s). In
    addition, lists and statistics have 5 at once, then 10 per second; other calls have 25 at
    once, then 50 per second. A call that would have to wait longer than its timeout raises
    RateLimitedError.
    retries: how often a call is repeated after temporary failures, within its timeout: see
    request(). Signing in has limits of its own.

    A client can be used from any number of threads, in a child process after a fork, and in a
    with statement. An invalid argument raises an InvalidInputError that names it.

    In the main thread, Ctrl-C ends a call at once, and so does any other signal whose handler
    raises an exception. A request that was already sent continues in the background, at most
    until the call's timeout.

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
        application_token_source: Callable[[], str] | None = None,
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
        """Returns a client that signs in as a user, for calls that an application token is not
        allowed to make.

        mfa: a function that asks the user for the one-time code from emnify and returns it, or
        None to give up. It is called when emnify asks for a code, in the thread that makes the
        call. The time that it takes does not count towards the timeout. The call raises
        whatever the function raises. The function must not make a call that needs an auth token
        of this client: that call would wait for the function. Without a function, a call that
        needs a code raises MfaRequiredError.
        trusted_device: a device on which one code is enough for 90 days.

        The other arguments are those of Client.

            >>> with Client.from_user("user@example.com", "password") as client:
            ...     client.authenticate().organisation_id
            1234
        """

    @property
    def base_url(self) -> str:
        """The URL of the API, without a slash at its end. Send the auth token only to its origin:
        scheme, host and port.
        """

    def _timeout(self, timeout: _Duration | None = None) -> float:
        """Returns the timeout of a call in seconds: the given one, or else the client's."""

    @property
    def application_tokens(self) -> ApplicationTokens:
        """The calls for the application tokens of the workspace: create, list, update, revoke, own,
        audit and rotate.
        """

    def authenticate(self, *, timeout: _Duration | None = None) -> AuthToken:
        """Returns an auth token that is valid now: the cached one, or a new one. Call this each
        time you need an auth token, and do not keep it: the cached one is returned at once, and
        renewed in time.

        The first call after a random point between 50 and 75 % of the token's lifetime starts a
        renewal in the background; without calls nothing is renewed. In the last minute of the
        lifetime, calls wait for the renewal, and return the old token if it fails.

        Without a valid token the call signs in; temporary failures are retried, three attempts
        in all within the timeout. After that the client waits before the next attempt: calls
        whose timeout ends sooner raise the last error, and its retry_after is the rest of the
        wait in seconds.

        timeout: how long this call may take, in seconds or as a timedelta. Default: the client's
        timeout.

        Raises AuthenticationError if emnify refuses the credentials, AccountLockedError if it
        refused them too often, and MfaRequiredError if a one-time code is required and was not
        supplied; NetworkError, ProxyError, TlsError, RequestTimeoutError, RateLimitedError or
        ServerError if emnify cannot be reached or does not process the request; ProtocolError if
        the response is not one that emnify sends.
        """

    def authenticate_for(
        self, valid_for: _Duration, *, timeout: _Duration | None = None
    ) -> AuthToken:
        """Returns an auth token that stays valid for at least valid_for, in seconds or as a
        timedelta, for a program that cannot ask for another one meanwhile: the cached one, or a
        new one. Do not ask for nearly the whole lifetime of an auth token, since that signs in at
        each call.

        Raises the same exceptions as authenticate(), and InvalidInputError if valid_for is not
        less than the lifetime of emnify's auth tokens.

            >>> auth_token = client.authenticate_for(3600)
        """

    def _cached(self) -> AuthToken | None:
        """Returns the cached auth token if it is valid, else None."""

    def _report_events(self) -> None:
        """Logs the requests and reports the events that were not reported yet."""

    def auth_headers(self, *, timeout: _Duration | None = None) -> dict[str, str]:
        """Returns the header with a valid auth token, for requests that another library sends:
        {"Authorization": "Bearer …"}. The new dict contains the secret in plain text: do not log
        it. Call this for each request. Raises the same exceptions as authenticate().

            >>> client.auth_headers().keys()
            dict_keys(['Authorization'])
        """

    def invalidate(self, token: AuthToken | str) -> None:
        """Reports that a server refused an auth token (HTTP 401). If it is still the cached one,
        the next authenticate() signs in, and returns the old token if that fails.

        token: an AuthToken, or its text, with or without "Bearer " before it.

        A report about an earlier auth token is ignored. So is a report less than a minute after
        the previous one. This limit grows to 5 minutes if the new auth tokens are reported,
        too: signing in does not help then.

            >>> auth_token = client.authenticate()
            >>> client.invalidate(auth_token)
            >>> client.status().signed_in
            False
        """

    def _replacement(self, token: AuthToken) -> _Replacement | None:
        """Returns another auth token for a request that got a 401. None if there is none; then the
        401 is the result of the request. It signs in if that may help. Meanwhile other calls use
        the cached auth token.
        """

    def retry_now(self) -> None:
        """Ends the wait after failed attempts to sign in. Call this when the network link comes up.
        The wait after a 429 or refused credentials continues, since it does not depend on the
        link. This method sends nothing and returns at once.

            >>> client.retry_now()
        """

    def check(
        self, *, rights: bool = False, timeout: _Duration | None = None
    ) -> builtins.list[Check]:
        """Checks what the client needs, and returns one Check for each, in this order: the
        environment variables, the lookup of names, the proxy, the connection, the clock, the
        certificate, the credential, where it may be used from, its rights, and the store. It raises
        no exception for what does not work: that is a result.

        rights: whether to check the right to revoke application tokens, which a rotation needs.
        This writes to emnify: it sets the description of the client's application token to what it
        is.
        timeout: how long all checks together may take, in seconds or as a timedelta. Default: the
        client's timeout.

        It makes a request without credentials, signs in unless a cached auth token is valid, and
        reads the list of application tokens, and the refused sign-ins if the application token is
        limited to an address. It writes an entry to the store and removes it.

            >>> {check.subject for check in client.check() if check.verdict == "failed"}
            set()
        """

    def status(self) -> Status:
        """Returns the status of the session. It sends nothing and returns at once. It also reports
        events from the background to on_event.
        """

    def metrics(self) -> str:
        """Returns metrics in the OpenMetrics text format, for Prometheus: when the auth token and
        the application token expire, sign-ins, their failures by kind, the back-off, and when the
        session in the store was written. They contain no secret. It sends nothing, returns at
        once, and calls no function of the program. emnify_auth.prometheus has a collector for
        prometheus_client.

        If the application token itself does not show when it expires, a renewal in the background
        looks that up in the list, once a day from the first call on.

            >>> "emnify_signed_in 0" in client.metrics()
            True
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
        timeout: _Duration | None = None,
    ) -> Response:
        """Sends any request to the API, with the auth token, and returns the response.

        method: "GET", "HEAD", "POST", "PUT", "PATCH" or "DELETE".
        path: starts with a slash and is relative to base_url, such as "/api/v1/sim". The auth
        token goes nowhere else: no path leads to another host, and redirects are not followed.
        json: a value that is sent as JSON. None sends no body.
        content: a body of bytes, or a str that is sent as UTF-8. Set its type with the header
        Content-Type; the default is JSON. Pass either json or content.
        params: a mapping or pairs that are added to the query. A value is a str, int, float or
        bool ("true" or "false"), or a sequence of these, which adds a parameter for each. None is
        left out.
        headers: a mapping or pairs of str. Authorization, Host and headers about the connection
        are set by the client and cannot be passed.
        timeout: how long this call may take, including all waits and retries, in seconds or as a
        timedelta. Default: the client's timeout.

        After a 401 the client signs in and sends the request once more, if that may help.
        Temporary failures (5xx, 429, broken connections) are retried within the timeout, as often
        as the client's retries allow: GET, HEAD, PUT and DELETE always, POST and PATCH only if
        nothing was sent.

        Raises InvalidInputError before anything is sent; for any status other than 2xx the class
        that fits it, such as NotFoundError or ValidationError; and what authenticate() raises. A
        request that Ctrl-C interrupts may have taken effect.

            >>> client.request("GET", "/api/v1/sim", params={"per_page": 2}).status_code
            200
        """

    def get(
        self,
        path: str,
        *,
        params: _Params | None = None,
        headers: _Headers | None = None,
        timeout: _Duration | None = None,
    ) -> Response:
        """Sends a GET request: request("GET", path, …)."""

    def post(
        self,
        path: str,
        *,
        json: object = None,
        content: bytes | str | None = None,
        params: _Params | None = None,
        headers: _Headers | None = None,
        timeout: _Duration | None = None,
    ) -> Response:
        """Sends a POST request: request("POST", path, …)."""

    def patch(
        self,
        path: str,
        *,
        json: object = None,
        content: bytes | str | None = None,
        params: _Params | None = None,
        headers: _Headers | None = None,
        timeout: _Duration | None = None,
    ) -> Response:
        """Sends a PATCH request: request("PATCH", path, …)."""

    def put(
        self,
        path: str,
        *,
        json: object = None,
        content: bytes | str | None = None,
        params: _Params | None = None,
        headers: _Headers | None = None,
        timeout: _Duration | None = None,
    ) -> Response:
        """Sends a PUT request: request("PUT", path, …)."""

    def delete(
        self,
        path: str,
        *,
        params: _Params | None = None,
        headers: _Headers | None = None,
        timeout: _Duration | None = None,
    ) -> Response:
        """Sends a DELETE request: request("DELETE", path, …)."""

    def _start(
        self,
        wake: _Wake,
        waited: float,
        method: str,
        path: str,
        *,
        json: object = None,
        content: bytes | str | None = None,
        params: _Params | None = None,
        headers: _Headers | None = None,
        timeout: _Duration | None = None,
    ) -> _TaskRequest | None:
        """Starts request() for a task. None if that must be called in a worker thread: if it may
        call functions of the program, or the interpreter ends. Events are not reported.

        wake: [a function that any thread may call, its argument]. It is called once, when the
        response or the error is there.
        waited: how many seconds of the timeout have already passed.
        """

    def _stop_waking(self) -> None:
        """Wakes no more tasks from now on. The interpreter must not end before."""

    def paginate(
        self,
        path: str,
        *,
        params: _Params | None = None,
        per_page: int | None = None,
        timeout: _Duration | None = None,
    ) -> Pages:
        """Returns an iterator over the rows of a collection. It reads page after page and returns
        each row once. A page is fetched when its first row is needed. Each fetch takes at most the
        timeout, and is retried like get().

        path, params: as for request(). An invalid path raises at the first row.
        per_page: the number of rows per page; a larger number means fewer calls. Default: 100.
        timeout: how long each fetch may take. Default: the client's timeout.

            >>> iccids = [sim["iccid"] for sim in client.paginate("/api/v1/sim", per_page=500)]
            >>> len(iccids)
            300
        """

    def switch_workspace(self, id: int, *, timeout: _Duration | None = None) -> Client:
        """Returns a client for the workspace with this id. This client stays in its own workspace.
        The new client signs in at once, so an invalid id raises an exception here. It has the
        same settings, reports to the same on_event, and continues to work after this one is
        closed.

        timeout: how long this call may take, in seconds or as a timedelta. Default: the client's
        timeout.

        The server decides who may switch. Users may switch to the workspaces that they belong to.
        At present emnify refuses application tokens (AuthenticationError, HTTP 401) and calls
        this temporary.

        Raises what any call raises, such as AuthenticationError, ForbiddenError or NotFoundError.
        """

    def close(self) -> None:
        """Closes the connections and erases the secrets. Calls in progress are completed; later
        calls, even of status(), raise InvalidInputError. A client may be closed more than once,
        or never.
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
    """An auth token: the JWT that emnify issues in exchange for an application token.

    Client.authenticate() returns it. Only reveal() shows the token: repr() does not, and the object
    cannot be pickled. Two objects are equal if their tokens are.

        >>> auth_token = client.authenticate()
        >>> headers = {"Authorization": f"Bearer {auth_token.reveal()}"}
        >>> auth_token.organisation_id
        1234
    """

    @property
    def expires_at(self) -> datetime.datetime:
        """When the token expires, on emnify's clock, in UTC. Do not compare it with a local clock
        that may be wrong: Client.authenticate() always returns a valid token.
        """

    @property
    def organisation_id(self) -> int | None:
        """The id of the organisation (workspace) that the token is for, or None if the token does
        not contain it. The id is not verified; use it for display only.
        """

    def reveal(self) -> str:
        """Returns the text of the token, for the header "Authorization: Bearer …"."""

    def __copy__(self) -> Self: ...
    def __deepcopy__(self, _memo: object) -> Self: ...
    def __reduce__(self) -> NoReturn: ...

@final
class ApplicationTokens:
    """The calls for the application tokens of the client's workspace. Client.application_tokens
    returns this. Each takes at most timeout, in seconds or as a timedelta; by default the
    client's timeout.

        >>> [(token.id, token.description) for token in client.application_tokens.list()]
        [(4711, 'Sandbox')]
    """

    def create(
        self,
        *,
        description: str | None = None,
        expiry_date: str | datetime.date | datetime.datetime | None = None,
        expires_in: _Duration | None = None,
        ip: str | None = None,
        timeout: _Duration | None = None,
    ) -> CreatedApplicationToken:
        """Creates an application token. Its value is only in the returned object and cannot be read
        again later.

        description: a label of at most 1,024 bytes.
        expiry_date: a date or an instant in the future: a text ("2027-05-29" or
        "2027-05-29T18:30:00Z"), a datetime.date, or a datetime.datetime with a time zone.
        Default: the token never expires.
        expires_in: how long the token lives, instead of expiry_date, as a timedelta or in seconds.
        The time is counted on emnify's clock.
        ip: the address or range ("192.0.2.0/24") from which the token may be used. Default: any.

        emnify does not return the new id. The client finds it by comparing the list before and
        after. The id is None if that fails or leaves doubt.

        After NetworkError, RequestTimeoutError or ServerError a token may exist whose value is
        lost: find it in the list and revoke it. If Ctrl-C interrupts this call and the token is
        still created, it is revoked in the background, if its id is found and the program runs
        long enough.

            >>> created = client.application_tokens.create(description="gateway 7", ip="192.0.2.7")
            >>> secret = created.reveal()
        """

    def list(self, *, timeout: _Duration | None = None) -> builtins.list[ApplicationToken]:
        """Returns all application tokens of the workspace, including expired and revoked ones."""

    def update(self, id: int, *, description: str, timeout: _Duration | None = None) -> None:
        """Changes the description of the application token with this id."""

    def revoke(self, id: int, *, timeout: _Duration | None = None) -> None:
        """Revokes the application token with this id. This cannot be undone. Auth tokens that were
        obtained with it stay valid until they expire. Revoking it again is not an error.
        """

    def own(self, *, timeout: _Duration | None = None) -> ApplicationToken | None:
        """Returns the row of the application token that this client signs in with. None if the auth
        token does not contain its id, for example if the client signs in as a user.
        """

    def audit(
        self,
        *,
        expires_within: _Duration = ...,
        older_than: _Duration = ...,
        refused_within: _Duration = ...,
        timeout: _Duration | None = None,
    ) -> builtins.list[AuditedToken]:
        """Returns all application tokens of the workspace, each with the risks found for it. It
        changes nothing.

        expires_within: a token that expires within this time is reported as "expires_soon".
        Default: 30 days.
        older_than: a token that is older than this is reported as "old". Default: 365 days.
        refused_within: a token with which a sign-in was refused within this time is reported as
        "refused_lately". Default: 1 day. 0: refused sign-ins are not read. All are timedeltas, or
        in seconds.

        If the refused sign-ins cannot be read, or there are too many, there is the event
        "audit_incomplete", and "refused_lately" may be missing.

            >>> for audited in client.application_tokens.audit():
            ...     print(audited.token.id, sorted(audited.findings))
            4711 ['no_address_restriction', 'no_expiry', 'own']
        """

    def failures(
        self, since: _Duration, *, timeout: _Duration | None = None
    ) -> builtins.list[SignInFailure]:
        """Returns the sign-ins with application tokens that emnify refused, of all machines in the
        workspace, the latest first. After a rotation they tell which machines still use the old
        token.

        since: how far to go back, as a timedelta or in seconds, counted on emnify's clock. emnify
        keeps them for 30 days. At most 20 pages of 100 are read: if there are more, there is the
        event "audit_incomplete", and those that are missing need not be the oldest.

            >>> client.application_tokens.failures(since=86_400)
            []
        """

    @staticmethod
    def inspect(value: str) -> TokenClaims | None:
        """Returns what the value of an application token says about itself, without a connection.
        It needs no client: ApplicationTokens.inspect(value). Returns None if the value is opaque.

        Nothing of it is verified; identify() asks emnify.

            >>> from pathlib import Path
            >>> claims = ApplicationTokens.inspect(Path("token").read_text())
            >>> claims.id, claims.organisation_id
            (4711, 1234)
        """

    def identify(self, value: str, *, timeout: _Duration | None = None) -> AuditedToken:
        """Returns the row of the application token with this value, and its findings, to revoke one
        that was found in public. It signs in with the value once, because only emnify knows whether
        the id that the value claims is right. A token that the list shows as revoked is returned
        without that.

        Check the findings before you revoke it: "own" is the token that this client signs in with.

        Raises InvalidInputError if the value cannot be an application token or is an auth token;
        AuthenticationError if emnify refuses it, because it is expired, restricted to other
        addresses or none of emnify's; NotFoundError if it belongs to another workspace or emnify
        does not tell its id; and what list() raises.

            >>> from pathlib import Path
            >>> leaked = client.application_tokens.identify(Path("token").read_text())
            >>> leaked.token.id, sorted(leaked.findings)
            (4711, ['no_address_restriction', 'no_expiry', 'own'])
        """

    def rotate(
        self,
        *,
        id: int | None = None,
        description: str | None = None,
        expiry_date: str | datetime.date | datetime.datetime | None = None,
        expires_in: _Duration | None = None,
        ip: str | None = None,
        grace: _Duration = 0,
        keep_old: bool = False,
        hand_over: Callable[[str], int | None] | None = None,
        read_back: Callable[[], str | None] | None = None,
        timeout: _Duration | None = None,
    ) -> Rotation:
        """Replaces the application token that this client signs in with: creates a new one, tries
        it, writes it to the credential file, and revokes the old one. At any time, one of the two
        works. From then on the client uses the new one.

        The progress is kept in the client's store, which must be a directory: each step is
        recorded before it is taken. After an error or a crash call this again: it continues where
        it stopped, with the options that it started with. A client that starts with the old token
        finds the new one in the store. Only one rotation runs in a store at a time; a call that
        waits for another rotation returns the result of that one.

        id: the id of the application token that this client signs in with. It is needed only if
        the auth token does not contain it. An id that contradicts the auth token is refused.
        description, expiry_date, expires_in, ip: as for create(). Default: the description, the
        lifetime and the address restriction of the old token.
        grace: how long the old token still works alongside the new one, as a timedelta or in
        seconds. rotate() does not wait for the end of this time: call it again afterwards.
        keep_old: does not revoke the old token, for an application token that is not allowed to
        revoke. The rotation ends in "done" with the event "old_token_kept".
        hand_over: a function that stores the new application token, a str, where the program
        finds it at its next start. It replaces the credential file. It runs in the thread that
        makes this call. It must be idempotent: after an error, a crash or the grace period it may
        be called again with the same token. It may use this client, but must not call rotate().
        Any exception that it raises, even KeyboardInterrupt, stops the rotation and becomes the
        __cause__ of the RotationError, and the old token is not revoked.

        read_back: a function that returns the application token that hand_over stored, a str, as
        the next start of the program will read it. White space around it is ignored. It runs before
        the old token is revoked. If it raises an exception or returns another token, the rotation
        stops and nothing is revoked; the next rotate() calls hand_over again.

        timeout: how long each request of the rotation may take. Default: the client's timeout.

        After Ctrl-C the next rotate() continues where this one stopped.

        Raises InvalidInputError if there is neither a credential file nor hand_over, if the
        store is not a directory, if the client signs in as a user, or if the lifetime of the
        old token is not known and expiry_date is not given; ForbiddenError if the application
        token is not allowed to revoke and keep_old is not set; StoreError if the store cannot
        be used; and what any call raises. Once the rotation has started, raises RotationError,
        with the state in which it stopped.

            >>> with Client(application_token_file="token", store="state") as client:
            ...     client.application_tokens.rotate().state
            'done'
        """

    def _discarder(self) -> Callable[[CreatedApplicationToken], None]:
        """Returns a function that revokes, in the background, a token that a cancelled task
        created. It also works after the client is closed.
        """

    def __reduce__(self) -> NoReturn: ...

@final
class CreatedApplicationToken:
    """An application token that was just created. Its value cannot be read again later: store it
    before this object is deleted.

        >>> created = client.application_tokens.create(description="gateway 7")
        >>> secret = created.reveal()
        >>> created.id
        4712
    """

    @property
    def id(self) -> int | None:
        """The id, which update() and revoke() need. None if the client could not find it for
        certain; then look for the description in the list.
        """

    def reveal(self) -> str:
        """Returns the value of the application token."""

    def __copy__(self) -> Self: ...
    def __deepcopy__(self, _memo: object) -> Self: ...
    def __reduce__(self) -> NoReturn: ...

@final
class Response:
    """A response with a 2xx status, returned by Client.request().

    It is immutable. Its body may contain a secret; only content, text and json() show it.

        >>> response = client.get("/api/v1/sim/500001")
        >>> response.status_code, response.json()["id"]
        (200, 500001)
    """

    @property
    def status_code(self) -> int:
        """The HTTP status, from 200 to 299."""

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers: a mapping that ignores upper and lower case. Headers with the same name are
        joined, with commas between their values.
        """

    @property
    def content(self) -> bytes:
        """The body, decompressed. It has at most 16 MiB."""

    @property
    def text(self) -> str:
        r"""The body as text, decoded with the character set in the header Content-Type, else with
        UTF-8. Invalid bytes are replaced by "\ufffd".
        """

    def json(self) -> Any:  # noqa: ANN401
        """Returns the body, decoded from JSON. Raises ProtocolError if it is empty or not valid
        JSON.
        """

    def __copy__(self) -> Self: ...
    def __deepcopy__(self, _memo: object) -> Self: ...
    def __reduce__(self) -> NoReturn: ...

@final
class Pages:
    """An iterator over the rows of a collection, returned by Client.paginate(). Each row is a dict,
    with its keys in the server's order, as Response.json() would return it.

    Only one thread at a time may read; meanwhile reading raises InvalidInputError in other
    threads. The iteration ends after an error, or when the client is closed. If Ctrl-C interrupts
    reading, no row is lost: the next read returns it.

        >>> for sim in client.paginate("/api/v1/sim"):
        ...     if sim["id"] == 500123:
        ...         break
    """

    def __iter__(self) -> Self: ...
    def __next__(self) -> dict[str, Any]: ...
    def _buffered(self) -> tuple[()] | tuple[dict[str, Any]] | None:
        """Returns the next row if that needs no call: a tuple with the row, or an empty tuple at
        the end. None if it needs a call.
        """

    def __reduce__(self) -> NoReturn: ...

@final
class TrustedDevice:
    """A device that needs no one-time code for 90 days after a code was entered on it.

    fingerprint: the text by which emnify recognises the device. Choose one that is hard to guess,
    with 8 to 256 visible ASCII characters; store it, and use it for every sign-in on this device.
    name: the name that the user sees in emnify's portal.

        >>> TrustedDevice("a-secret-of-your-choice", "my laptop").name
        'my laptop'
    """

    def __new__(cls, fingerprint: str, name: str) -> Self: ...
    @property
    def name(self) -> str:
        """The name that the user sees in emnify's portal."""

    def __copy__(self) -> Self: ...
    def __deepcopy__(self, _memo: object) -> Self: ...
    def __reduce__(self) -> NoReturn: ...

def _process() -> int:
    """Returns a number for this process that none of its ancestors has. A pid may be reused."""

@final
class _Replacement:
    """The auth token with which an adapter repeats a request after a 401."""

    @property
    def auth_token(self) -> AuthToken:
        """The auth token for the repeated request."""

    def replayed(self, is_401: bool) -> None:
        """Reports whether the repeated request also got a 401."""

@final
class _Interrupt:
    """Ends the calls that a worker thread makes for a task when the task is cancelled. The calls
    then raise GeneratorExit; requests that were sent continue in the background. Events are not
    reported in the worker thread, but by the task.

    waited: how many seconds of the timeout of each call have already passed.
    timeout: the timeout of each call. Default: the client's.
    """

    def __new__(cls, waited: float = 0.0, timeout: _Duration | None = None) -> Self: ...
    def run(self, function: Callable[[], _T]) -> _T:
        """Calls the function in this thread and returns its result. trigger() ends the calls that
        the function makes with clients.
        """

    def trigger(self) -> None:
        """Ends the current call and all later ones at once. Can be called in any thread."""

@final
class _ManualClock:
    """A clock for tests. It stands still until it is moved; a client that waits moves it."""

    def __new__(cls) -> Self: ...
    def advance(self, seconds: int) -> None:
        """Lets seconds pass."""

    def set_wall(self, unix_seconds: int) -> None:
        """Sets the time of day, in seconds of Unix time. No time passes."""

@final
class _TaskRequest:
    """A request of a task."""

    def result(self) -> Response:
        """Returns the response or raises the error, once, after the task was woken."""

    def cancel(self) -> None:
        """Cancels the request, because its task does not wait any more. If it was already sent, it
        continues in the background.
        """
