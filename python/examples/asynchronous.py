"""Counts the SIMs and the endpoints of the workspace, at the same time.

Install what it needs with: pip install 'emnify-auth[async]'. Set EMNIFY_APPLICATION_TOKEN to the
application token, or EMNIFY_APPLICATION_TOKEN_FILE to the path of a file that contains it, and run
this file.
"""

import asyncio
import sys

from emnify_auth import AsyncClient, EmnifyError


async def count(client: AsyncClient, path: str) -> int:
    """Count the rows of a collection."""
    rows = 0
    async for _ in client.paginate(path):
        rows += 1
    return rows


async def main() -> int:
    """Run the example and return the exit code."""
    try:
        async with AsyncClient() as client:
            # Both need an auth token; one of them signs in for both.
            sims, endpoints = await asyncio.gather(
                count(client, "/api/v1/sim"), count(client, "/api/v1/endpoint")
            )
    except EmnifyError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1
    print(f"There are {sims} SIMs and {endpoints} endpoints.")
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
