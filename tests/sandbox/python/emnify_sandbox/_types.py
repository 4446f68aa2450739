"""The values that a sandbox accepts and returns."""

from collections.abc import Mapping
from typing import Literal, NamedTuple, TypedDict

__all__ = [
    "AddedApplicationToken",
    "ApplicationTokenRow",
    "ClientSettings",
    "FaultKind",
    "FaultOptions",
    "LoggedRequest",
    "NewApplicationToken",
    "Settings",
    "User",
]

FaultKind = Literal[
    "status",
    "delay",
    "refuse",
    "reset_before",
    "reset_after",
    "cut_body",
    "endless_body",
    "invalid_json",
    "html",
    "wrong_content_type",
    "no_auth_token",
    "token_not_jwt",
    "date_off",
    "echo_secrets",
]


class FaultOptions(TypedDict, total=False):
    """Which requests a fault affects, and the fields of single kinds."""

    method: str
    times: int
    skip: int
    side_effect: bool
    # status, html, echo_secrets
    status: int
    # status
    body: str
    content_type: str
    headers: Mapping[str, str]
    # delay, refuse
    milliseconds: int
    # date_off
    seconds: int
    # endless_body
    fast: bool


class Settings(TypedDict, total=False):
    """How the sandbox behaves. Lifetimes and windows are in seconds."""

    auth_token_lifetime: int
    refresh_token_lifetime: int
    refresh_token_renewed: bool
    application_token_with_refresh_token: bool
    esc_app_is_token_id: bool
    revocation_reaches_auth_tokens: bool
    application_token_shape: Literal["jwt", "opaque"]
    create_status: int
    create_with_id: bool
    update_forbidden: bool
    omit_nulls: bool
    application_tokens_paged: bool
    default_per_page: int
    maximum_per_page: int
    gzip: bool
    peer_address: str | None
    lockout_after: int
    lockout_seconds: int
    limits: bool
    limit_window: int
    authenticate_limit: int
    general_limit: int
    count_refused: bool
    count_limited: bool
    retry_after: Literal["seconds", "http_date", "none"]


class ClientSettings(TypedDict):
    """The arguments with which a client uses the sandbox."""

    application_token: str
    base_url: str
    ca_bundle: str


class NewApplicationToken(TypedDict, total=False):
    """An application token to add. Dates and addresses are not checked."""

    value: str
    description: str
    expiry_date: str
    ip: str
    # 0 is Activated, 1 is Revoked.
    status: int
    created: str
    without_creator: bool
    without_created: bool


class AddedApplicationToken(NamedTuple):
    """The id and the value of an application token that was added."""

    id: int
    value: str


class ApplicationTokenRow(TypedDict):
    """An application token in the sandbox, with its value."""

    id: int
    value: str
    organisation: int
    description: str | None
    created: str | None
    expiry_date: str | None
    ip: str | None
    revoked: bool
    creator: int | None


class LoggedRequest(TypedDict):
    """A request that the sandbox received. Its secrets are replaced by ***."""

    number: int
    connection: int
    # In seconds of Unix time, on the sandbox's clock.
    at: int
    method: str
    path: str
    query: str
    # With names in lower case.
    headers: dict[str, str]
    # Empty if there was none, or if it was not read.
    body: str
    # None if there was no response, or not yet.
    status: int | None


class User(TypedDict):
    """A user who can sign in with a password."""

    id: int
    username: str
    password: str
    mfa: bool
    one_time_code: str | None
