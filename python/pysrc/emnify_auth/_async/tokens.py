"""The calls that look after application tokens, awaited."""

import builtins
import datetime
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn

from .._native import (
    ApplicationToken,
    ApplicationTokens,
    AuditedToken,
    CreatedApplicationToken,
    Rotation,
)

if TYPE_CHECKING:
    from .calls import Calls

__all__ = ["AsyncApplicationTokens"]


class AsyncApplicationTokens:
    """The application tokens of the workspace that the client is signed in to:
    AsyncClient.application_tokens is one of these. It has the methods of ApplicationTokens,
    awaited."""

    __slots__ = ("_calls", "_tokens")

    def __init__(self, calls: "Calls", tokens: ApplicationTokens) -> None:
        self._calls = calls
        self._tokens = tokens

    async def create(
        self,
        *,
        description: str | None = None,
        expiry_date: str | datetime.date | datetime.datetime | None = None,
        ip: str | None = None,
    ) -> CreatedApplicationToken:
        """Creates an application token, as ApplicationTokens.create(). Its value is in what is
        returned and nowhere else.

        What a call creates whose task is cancelled is revoked, if its id is found and the program
        goes on for long enough; otherwise it is in the list, by its description."""
        tokens = self._tokens
        return await self._calls.run(
            lambda: tokens.create(description=description, expiry_date=expiry_date, ip=ip),
            discard=tokens._discarder(),
        )

    async def list(self) -> builtins.list[ApplicationToken]:
        """All application tokens of the workspace, expired and revoked ones too."""
        return await self._calls.run(self._tokens.list)

    async def update(self, id: int, *, description: str) -> None:
        """Changes the description of the application token with this id."""
        tokens = self._tokens
        await self._calls.run(lambda: tokens.update(id, description=description))

    async def revoke(self, id: int) -> None:
        """Revokes the application token with this id for good, as ApplicationTokens.revoke()."""
        tokens = self._tokens
        await self._calls.run(lambda: tokens.revoke(id))

    async def own(self) -> ApplicationToken | None:
        """The application token that this client signs in with, as ApplicationTokens.own()."""
        return await self._calls.run(self._tokens.own)

    async def audit(
        self,
        *,
        expires_within: datetime.timedelta = ...,  # type: ignore[assignment]
        older_than: datetime.timedelta = ...,  # type: ignore[assignment]
    ) -> builtins.list[AuditedToken]:
        """All application tokens of the workspace, each with what there is to say against it, as
        ApplicationTokens.audit()."""
        tokens = self._tokens
        given: dict[str, Any] = {"expires_within": expires_within, "older_than": older_than}
        asked = {name: value for name, value in given.items() if value is not ...}
        return await self._calls.run(lambda: tokens.audit(**asked))

    async def rotate(
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
        moment at which neither works, as ApplicationTokens.rotate().

        hand_over: a function, plain or async, that takes the new application token, a str, and
        keeps it where the next start finds it, instead of the credential file. It is called in this
        task, and awaited: an async one may take its time, a plain one blocks the event loop. It
        must not call this client, which waits for it. An exception in it stops the rotation and is
        the __cause__ of the RotationError; the next call goes on with the same token.

        If the task is cancelled, the next call goes on where this one stopped."""
        tokens = self._tokens
        take = self._calls.in_loop(hand_over)
        return await self._calls.run(
            lambda: tokens.rotate(
                id=id,
                description=description,
                expiry_date=expiry_date,
                ip=ip,
                grace=grace,
                keep_old=keep_old,
                hand_over=take,
            ),
            has_own_timeouts=True,
        )

    def __repr__(self) -> str:
        return "<AsyncApplicationTokens>"

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            "an AsyncApplicationTokens is not pickled or copied: it belongs to a client; make one "
            "where it is needed"
        )
