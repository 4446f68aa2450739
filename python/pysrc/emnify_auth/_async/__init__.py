"""The asynchronous client. It has the names of Client, awaited.

anyio is imported when the first client is made, so that programs without it can import this.
"""

from .client import AsyncClient
from .pages import AsyncPages
from .tokens import AsyncApplicationTokens

__all__ = ["AsyncApplicationTokens", "AsyncClient", "AsyncPages"]

# Tracebacks and help() show where to import them from.
for _class in (AsyncApplicationTokens, AsyncClient, AsyncPages):
    _class.__module__ = "emnify_auth"
del _class
