"""The plain values that calls return. The native module creates them, and imports this file when it
needs the first one, because importing dataclasses takes time."""

import dataclasses
import datetime
from typing import Any, Literal

from ._errors import ApiError, EmnifyError

__all__ = [
    "ApplicationToken",
    "AuditedToken",
    "Check",
    "Event",
    "Rotation",
    "SignInFailure",
    "Status",
    "TokenClaims",
]


class _Value:
    """The base class of the values."""

    def to_dict(self) -> dict[str, Any]:
        """Returns the fields as a dict that json.dumps() accepts: times as text in ISO 8601,
        durations in seconds, errors as dicts, sets as sorted lists."""
        return {name: _plain(value) for name, value in self._items()}

    def _items(self) -> list[tuple[str, Any]]:
        return [(name, getattr(self, name)) for name in self.__dataclass_fields__]  # type: ignore[attr-defined]

    def _key(self) -> tuple[object, ...]:
        # Exceptions themselves are compared by identity.
        return tuple(
            (type(value), str(value), *_fields(value).items())
            if isinstance(value, EmnifyError)
            else value
            for _, value in self._items()
        )

    def __repr__(self) -> str:
        shown = [f"{name}={value!r}" for name, value in self._items() if value is not None]
        return f"{type(self).__name__}({', '.join(shown)})"

    def __eq__(self, other: object) -> bool:
        if type(self) is not type(other):
            return NotImplemented
        return self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())


def _fields(error: EmnifyError) -> dict[str, Any]:
    """Return the fields of an error."""
    return {name: value for name, value in vars(error).items() if not name.startswith("_")}


def _plain(value: object) -> object:
    """Return a value in a form that json.dumps() accepts."""
    if isinstance(value, _Value):
        return value.to_dict()
    if isinstance(value, datetime.datetime):
        return value.isoformat()
    if isinstance(value, datetime.timedelta):
        return value.total_seconds()
    if isinstance(value, frozenset):
        return sorted(value)
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    if isinstance(value, EmnifyError):
        fields = {name: _plain(field) for name, field in _fields(value).items()}
        return {"type": type(value).__name__, "message": str(value), **fields}
    if isinstance(value, ApiError):
        return {name: _plain(getattr(value, name)) for name in value.__slots__}
    return value


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class ApplicationToken(_Value):
    """A row of the list of application tokens. It never contains the token's value, which only
    ApplicationTokens.create() returns.

        >>> token = client.application_tokens.own()
        >>> token.id, token.description, token.status
        (4711, 'Sandbox', 'activated')
    """

    id: int
    """The id, which update() and revoke() need."""
    description: str | None = None
    """The description, or None."""
    status: Literal["activated", "revoked", "other"] | None = None
    """The status, in lower case, unlike in emnify's responses: "activated", "revoked", "other" for
    a status that this version does not know, or None if the server did not send one. An expired
    token may still be "activated"."""
    created_at: datetime.datetime | None = None
    """When the token was created, in UTC. None if that is unknown or cannot be read."""
    expiry_date: str | None = None
    """When the token expires, as the server wrote it. None if it does not expire."""
    expires_at: datetime.datetime | None = None
    """When the token expires, in UTC. None if it does not expire or the date cannot be read. A date
    without a time of day means 00:00 UTC on that day."""
    ip: str | None = None
    """The address or range from which the token may be used. None means any address."""
    creator: str | None = None
    """The name of the user who created the token, or None."""


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class AuditedToken(_Value):
    """An application token with the findings of ApplicationTokens.audit().

    >>> [audited] = client.application_tokens.audit()
    >>> "own" in audited.findings
    True
    """

    token: ApplicationToken
    """The application token, as in the list."""
    findings: frozenset[
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
            "refused_lately",
            "other",
        ]
    ] = frozenset()
    """The findings. If there are none, no risks are known.

    "own": this client signs in with the token, according to its auth token. It is not a risk.
    "revoked": the token was revoked. It is checked only for "refused_lately".
    "expired": the token has expired. It is checked only for "refused_lately".
    "orphan": a rotation created the token and did not finish. The next rotation uses the token or
    revokes it. If there will be no other rotation, revoke it.
    "expires_soon": the token expires within expires_within.
    "no_expiry": the token never expires: if it is stolen, it works until it is revoked.
    "no_address_restriction": the token may be used from any address.
    "old": the token is older than older_than and should be rotated.
    "unreadable_expiry": the expiry date has an unknown format. Check it by hand.
    "refused_lately": emnify refused a sign-in with the token, or with one of the same description,
    within refused_within. If the token is revoked or expired, a machine still uses it: failures()
    says from which address.
    "other": a finding that this version has no name for.
    """


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Check(_Value):
    """One check of Client.check(): what was tried, what was found, and what to do. It contains no
    secret. str(check) is one line.

        >>> [check.subject for check in client.check() if check.verdict != "skipped"]
        ['environment', 'connection', 'clock', 'tls', 'credential', 'address', 'store']
    """

    subject: Literal[
        "environment",
        "dns",
        "proxy",
        "connection",
        "clock",
        "tls",
        "credential",
        "address",
        "rights",
        "store",
    ]
    """What was checked."""
    verdict: Literal["ok", "warning", "failed", "skipped"]
    """The result: "ok", "warning" if it works but needs attention, "failed" if it does not work, or
    "skipped" if it was not asked for, does not apply, or needs a check that failed."""
    tried: str
    """What was tried."""
    found: str
    """What was found."""
    advice: str | None = None
    """What to do, or None if there is nothing to do."""

    def __str__(self) -> str:
        advice = f"; {self.advice}" if self.advice else ""
        return f"{self.verdict}: {self.subject}: {self.tried}: {self.found}{advice}"


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class SignInFailure(_Value):
    """A sign-in with an application token that emnify refused, returned by
    ApplicationTokens.failures().

    emnify describes it in a sentence. If this library cannot parse the sentence, all fields but
    description and at are empty.

        >>> for failure in client.application_tokens.failures(since=86_400):
        ...     print(failure.at, failure.token_name, failure.reason, failure.address)
    """

    at: datetime.datetime | None = None
    """When the sign-in was refused, on emnify's clock, in UTC. None if that is unknown."""
    description: str
    """What emnify wrote about it, at most 500 characters, without control characters."""
    token_name: str | None = None
    """The name of the application token: its description."""
    token_ids: tuple[int, ...] = ()
    """The ids of the application tokens that it can have been, according to the list. Several if
    they have the same description, none if no token has this name or the list cannot be read."""
    successor_id: int | None = None
    """The id of the application token that probably replaced the refused one: that one is revoked,
    and this is the only active token with its description. The machine at address should use it."""
    reason: str | None = None
    """Why emnify refused it, in its words: "TokenStatus Revoked"."""
    address: str | None = None
    """The address from which the sign-in came."""


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class TokenClaims(_Value):
    """What a token says about itself, returned by ApplicationTokens.inspect(). Nothing of it is
    verified: anyone can write such a text."""

    id: int | None = None
    """The id of the application token, or of the one that an auth token was obtained with."""
    organisation_id: int | None = None
    """The id of the workspace."""
    issued_at: datetime.datetime | None = None
    """When it was created, in UTC."""
    expires_at: datetime.datetime | None = None
    """When it expires, in UTC. None if it does not expire."""
    is_auth_token: bool = False
    """Whether it is an auth token, which cannot be revoked and expires by itself."""


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Rotation(_Value):
    """The result of ApplicationTokens.rotate(). It contains no secret.

    >>> with Client(application_token_file="token", store="state") as client:
    ...     rotation = client.application_tokens.rotate()
    >>> rotation.state, rotation.old_id, rotation.new_id
    ('done', 4711, 4712)
    """

    state: Literal["done", "grace"]
    """The state: "done" if the old application token is revoked, or was kept because of keep_old;
    "grace" if both work until the grace period ends, and the client uses the new one."""
    old_id: int
    """The id of the application token that was replaced."""
    new_id: int
    """The id of the new application token."""
    grace_left: datetime.timedelta | None = None
    """How long the grace period still lasted when rotate() returned; None in the state "done".
    While the clock cannot be trusted, this time does not decrease."""
    is_adopted: bool = False
    """Whether another client had already rotated the application token. This call then changed
    nothing."""
    is_old_kept: bool = False
    """Whether the old application token still works, because keep_old was set in this call or in
    the one that began the rotation."""
    ignored_options: tuple[
        Literal["id", "description", "expiry_date", "expires_in", "ip", "grace"], ...
    ] = ()
    """The names of the arguments of this call that were ignored, such as ("expiry_date", "ip"),
    because an earlier call had begun the rotation with other options."""


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Event(_Value):
    """An event of a client's session. Client(on_event=…) gets it.

    str(event) is one line for a log. An event contains no secret.

        >>> with Client(on_event=lambda event: print(event.kind)) as client:
        ...     headers = client.auth_headers()
        authenticated
    """

    kind: Literal[
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
        "created_without_expiry",
        "created_without_address_restriction",
        "audit_incomplete",
        "other",
    ]
    """What happened:

    "authenticated": the client signed in.
    "adopted": another process signed in; this one uses its auth token from the store.
    "refresh_failed": an attempt to sign in failed. The cached auth token is used while it is valid.
    "refused": emnify refused the credentials, which are not sent again for a while unless they
    change; or it requires a one-time code and mfa is not set.
    "backing_off": too many requests, or a locked account. No attempt is made for a while.
    "application_token_expires": the application token expires within 30 days. Reported at most once
    a day.
    "successor_found": an earlier run or another process rotated the application token. The new one
    is used.
    "old_token_kept": a rotation with keep_old ended. The old application token still works; error
    names its id.
    "store_error": the store could not be read or written. The session continues without it.
    "credential_error": the credential file could not be read. Its last valid content is used, if
    there is any.
    "created_without_expiry": ApplicationTokens.create() created a token that never expires: if it
    is stolen, it works until it is revoked.
    "created_without_address_restriction": ApplicationTokens.create() created a token that may be
    used from any address.
    "audit_incomplete": the refused sign-ins could not be read, or there are too many, so
    ApplicationTokens.audit() or failures() returned what could be read.
    "other": an event that this version has no name for.
    """
    level: Literal["info", "warning", "error"] = "info"
    """The severity: "error" if a person must act, "warning" if the session works around a problem,
    or "info"."""
    message: str = ""
    """The event as one line for a log."""
    error: EmnifyError | None = None
    """The error, if something failed: an exception that was not raised."""
    next_attempt: float | None = None
    """How many seconds after the event the next attempt to sign in may be made, if an attempt
    failed."""
    expires_at: datetime.datetime | None = None
    """When the token expires, on emnify's clock, in UTC: the new auth token, or the application
    token that expires soon."""

    def __str__(self) -> str:
        return self.message or self.kind


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Status(_Value):
    """The status of a client's session, returned by Client.status(), for people and health checks.
    It contains no secret.

        >>> headers = [client.auth_headers() for _ in range(3)]
        >>> status = client.status()
        >>> status.signed_in, status.calls_made
        (True, 1)
    """

    signed_in: bool
    """Whether the client has an auth token that is valid now and was not reported by
    invalidate()."""
    valid_until: datetime.datetime | None = None
    """When that auth token expires, on this machine's clock, in UTC."""
    next_attempt: float | None = None
    """How many seconds until the next attempt to sign in may be made. None if it may be made
    now."""
    last_error: EmnifyError | None = None
    """The error of the last attempt to sign in, until an attempt succeeds: an exception that was
    not raised."""
    calls_made: int = 0
    """How many requests this client has sent to sign in."""
    last_change: datetime.datetime | None = None
    """When an attempt to sign in last succeeded or failed, on this machine's clock, in UTC."""


# Tracebacks, help() and pickles show the public module.
for _name in __all__:
    globals()[_name].__module__ = "emnify_auth"
