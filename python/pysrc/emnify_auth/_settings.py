"""The settings that all clients share."""

import datetime
import os
from collections.abc import Callable
from typing import TypedDict

from ._values import Event

__all__ = ["ClientSettings"]


class ClientSettings(TypedDict, total=False):
    """The keyword arguments that all clients share. help(Client) describes them.

    For example:

        settings: ClientSettings = {"store": "/var/lib/gateway/emnify", "timeout": 10.0}
        client = Client(**settings)
    """

    base_url: str | None
    timeout: float | datetime.timedelta
    connect_timeout: float | datetime.timedelta
    ca_bundle: str | os.PathLike[str] | bytes | None
    proxy: str | None
    interface: str | None
    local_address: str | None
    store: str | os.PathLike[str] | None
    on_event: Callable[[Event], None] | None
    auto_renew: bool
    fleet_size: int | None
    pacing: bool
    retries: int


# Tracebacks and help() show the public module.
ClientSettings.__module__ = "emnify_auth"
