"""The emnify API on this machine, for tests of programs that call it.

    from emnify_auth import Client
    from emnify_sandbox import Sandbox

    with Sandbox() as sandbox:
        client = Client(**sandbox.client_settings())
        sandbox.fault("status", "/api/v1/sim/*", status=503, times=1)
        sim = client.get("/api/v1/sim/500001").json()
        assert sandbox.calls("GET", "/api/v1/sim/*") == 2

With pytest, use the fixtures emnify_sandbox, emnify_client and emnify_environment.
"""

from ._program import find_program
from ._sandbox import PASSWORD, USER, USER_WITH_MFA, Clock, Sandbox
from ._types import (
    AddedApplicationToken,
    ApplicationTokenRow,
    ClientSettings,
    FaultKind,
    FaultOptions,
    LoggedRequest,
    NewApplicationToken,
    Settings,
    User,
)

__all__ = [
    "PASSWORD",
    "USER",
    "USER_WITH_MFA",
    "AddedApplicationToken",
    "ApplicationTokenRow",
    "ClientSettings",
    "Clock",
    "FaultKind",
    "FaultOptions",
    "LoggedRequest",
    "NewApplicationToken",
    "Sandbox",
    "Settings",
    "User",
    "find_program",
]
