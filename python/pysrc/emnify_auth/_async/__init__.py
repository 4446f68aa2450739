"""The asynchronous client. It has the methods of Client, to be awaited.

anyio is imported when the first client is created, so that programs without it can import this.
"""

from .client import AsyncClient
from .pages import AsyncPages
from .tokens import AsyncApplicationTokens

__all__ = ["AsyncApplicationTokens", "AsyncClient", "AsyncPages"]

# Tracebacks and help() show the public module.
for _class in (AsyncApplicationTokens, AsyncClient, AsyncPages):
    _class.__module__ = "emnify_auth"
del _class
