"""The calls for application tokens, to be awaited."""

import builtins
import datetime
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, NoReturn

from .._native import ApplicationTokens, CreatedApplicationToken
from .._values import ApplicationToken, AuditedToken, Rotation, SignInFailure, TokenClaims

if TYPE_CHECKING:
    from .._native import _Duration
    from .calls import Calls

__all__ = ["AsyncApplicationTokens"]


class AsyncApplicationTokens:
    """The calls for the application tokens of the client's workspace, returned by
    AsyncClient.application_tokens. It has the methods of ApplicationTokens, to be awaited."""

    __slots__ = ("_calls", "_tokens")

    def __init__(self, calls: "Calls", tokens: ApplicationTokens) -> None:
        self._calls = calls
        self._tokens = tokens

    async def create(
        self,
        *,
        description: str | None = None,
        expiry_date: str | datetime.date | datetime.datetime | None = None,
        expires_in: float | datetime.timedelta | None = None,
        ip: str | None = None,
        timeout: "_Duration | None" = None,
    ) -> CreatedApplicationToken:
        """Creates an application token, like ApplicationTokens.create(). Its value is only in the
        returned object and cannot be read again later.

        If the task is cancelled and the token is still created, it is revoked in the background, if
        its id is found and the program runs long enough. Otherwise look for its description in the
        list."""
        tokens = self._tokens
        return await self._calls.run(
            lambda: tokens.create(
                description=description, expiry_date=expiry_date, expires_in=expires_in, ip=ip
            ),
            timeout=timeout,
            discard=tokens._discarder(),
        )

    async def list(self, *, timeout: "_Duration | None" = None) -> builtins.list[ApplicationToken]:
        """Returns all application tokens of the workspace, including expired and revoked ones."""
        return await self._calls.run(self._tokens.list, timeout=timeout)

    async def update(
        self, id: int, *, description: str, timeout: "_Duration | None" = None
    ) -> None:
        """Changes the description of the application token with this id."""
        tokens = self._tokens
        await self._calls.run(lambda: tokens.update(id, description=description), timeout=timeout)

    async def revoke(self, id: int, *, timeout: "_Duration | None" = None) -> None:
        """Revokes the application token with this id, like ApplicationTokens.revoke(). This cannot
        be undone."""
        tokens = self._tokens
        await self._calls.run(lambda: tokens.revoke(id), timeout=timeout)

    async def own(self, *, timeout: "_Duration | None" = None) -> ApplicationToken | None:
        """Returns the row of the application token that this client signs in with, like
        ApplicationTokens.own()."""
        return await self._calls.run(self._tokens.own, timeout=timeout)

    async def audit(
        self,
        *,
        expires_within: float | datetime.timedelta = ...,  # type: ignore[assignment]
        older_than: float | datetime.timedelta = ...,  # type: ignore[assignment]
        refused_within: float | datetime.timedelta = ...,  # type: ignore[assignment]
        timeout: "_Duration | None" = None,
    ) -> builtins.list[AuditedToken]:
        """Returns all application tokens of the workspace, each with the risks found for it, like
        ApplicationTokens.audit()."""
        tokens = self._tokens
        given: dict[str, Any] = {
            "expires_within": expires_within,
            "older_than": older_than,
            "refused_within": refused_within,
        }
        asked = {name: value for name, value in given.items() if value is not ...}
        return await self._calls.run(lambda: tokens.audit(**asked), timeout=timeout)

    async def failures(
        self, since: float | datetime.timedelta, *, timeout: "_Duration | None" = None
    ) -> builtins.list[SignInFailure]:
        """Returns the sign-ins with application tokens that emnify refused, of all machines in the
        workspace, the latest first, like ApplicationTokens.failures()."""
        tokens = self._tokens
        return await self._calls.run(lambda: tokens.failures(since), timeout=timeout)

    @staticmethod
    def inspect(value: str) -> TokenClaims | None:
        """Returns what the value of an application token says about itself, like
        ApplicationTokens.inspect(). It is not awaited."""
        return ApplicationTokens.inspect(value)

    async def identify(self, value: str, *, timeout: "_Duration | None" = None) -> AuditedToken:
        """Returns the row of the application token with this value, which was found in public, with
        its findings, like ApplicationTokens.identify()."""
        tokens = self._tokens
        return await self._calls.run(lambda: tokens.identify(value), timeout=timeout)

    async def rotate(
        self,
        *,
        id: int | None = None,
        description: str | None = None,
        expiry_date: str | datetime.date | datetime.datetime | None = None,
        expires_in: float | datetime.timedelta | None = None,
        ip: str | None = None,
        grace: float | datetime.timedelta = 0,
        keep_old: bool = False,
        hand_over: Callable[[str], Awaitable[object] | int | None] | None = None,
        read_back: Callable[[], str | Awaitable[str | None] | None] | None = None,
        timeout: "_Duration | None" = None,
    ) -> Rotation:
        """Replaces the application token that this client signs in with, like
        ApplicationTokens.rotate().

        hand_over: a function that stores the new application token, a str, where the program finds
        it at its next start. It replaces the credential file. It runs in the event loop of this
        task. It must be idempotent: after an error, a crash or the grace period it may be called
        again with the same token. A plain function blocks the event loop; an async one does not,
        and may use this client, but must not call rotate(). Any exception that it raises stops the
        rotation and becomes the __cause__ of the RotationError, and the old token is not revoked.
        read_back: a function that returns the token that hand_over stored. It runs like hand_over.

        If the task is cancelled, the next rotate() continues where this one stopped."""
        tokens = self._tokens
        take = self._calls.in_loop(hand_over)
        read = self._calls.in_loop(read_back)
        return await self._calls.run(
            lambda: tokens.rotate(
                id=id,
                description=description,
                expiry_date=expiry_date,
                expires_in=expires_in,
                ip=ip,
                grace=grace,
                keep_old=keep_old,
                hand_over=take,
                read_back=read,
            ),
            timeout=timeout,
            has_own_timeouts=True,
        )

    def __repr__(self) -> str:
        return "<AsyncApplicationTokens>"

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            "an AsyncApplicationTokens cannot be pickled or copied: it belongs to a client; create "
            "one where it is needed"
        )
