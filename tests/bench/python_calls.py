"""Measures the Python package beside other libraries. All do the same work on the same server, in
turns. Prints a row of JSON per comparison."""

import asyncio
import contextlib
import datetime
import importlib
import json
import os
import ssl
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

from emnify_auth import AsyncClient, Client

from server import PATH, TENANT

ROUNDS = 7
CALLS = 300
AT_ONCE = 100
CACHED_CALLS = 100_000
# nginx compresses nothing, and nobody asks for it.
PLAIN = {"accept-encoding": "identity"}

Call = Callable[[], object]
AsyncCall = Callable[[], Awaitable[object]]


def row(what: str, unit: str, peer: str, ours: list[float], theirs: list[float] | None) -> None:
    print(json.dumps([what, unit, ours, peer, theirs]), flush=True)


def in_turns(calls: int, *functions: Call) -> list[list[float]]:
    """Return the microseconds per call of each, the median call of each round."""
    rounds: list[list[float]] = [[] for _ in functions]
    for _ in range(ROUNDS):
        for function, medians in zip(functions, rounds, strict=True):
            function()
            took = []
            for _ in range(calls):
                started = time.perf_counter_ns()
                function()
                took.append((time.perf_counter_ns() - started) / 1e3)
            medians.append(statistics.median(took))
    return rounds


async def awaited_in_turns(calls: int, *functions: AsyncCall) -> list[list[float]]:
    """Do the same with awaited calls."""
    rounds: list[list[float]] = [[] for _ in functions]
    for _ in range(ROUNDS):
        for function, medians in zip(functions, rounds, strict=True):
            await function()
            took = []
            for _ in range(calls):
                started = time.perf_counter_ns()
                await function()
                took.append((time.perf_counter_ns() - started) / 1e3)
            medians.append(statistics.median(took))
    return rounds


def gets(client: Client) -> None:
    """Measure a GET in Python's main thread, where signals are handled, and in another."""

    def ours() -> object:
        return client.get(PATH, headers=PLAIN).json()

    with contextlib.ExitStack() as stack, ThreadPoolExecutor(1) as other:
        for name, theirs in other_gets(
            client.base_url + PATH, client.auth_headers() | PLAIN, stack
        ):
            row("GET", "µs", name, *in_turns(CALLS, ours, theirs))
            if name == "pycurl":
                rounds = other.submit(in_turns, CALLS, ours, theirs).result()
                row("GET in another thread", "µs", name, *rounds)


def other_gets(
    url: str, headers: dict[str, str], stack: contextlib.ExitStack
) -> Iterator[tuple[str, Call]]:
    """Make the same GET with each other library."""
    import httpx
    import requests

    certificates = os.environ["SSL_CERT_FILE"]
    session = stack.enter_context(requests.Session())
    session.verify = certificates
    yield "requests", lambda: session.get(url, headers=headers, timeout=30).json()
    trusted = ssl.create_default_context(cafile=certificates)
    http = stack.enter_context(httpx.Client(verify=trusted, timeout=30))
    yield "httpx", lambda: http.get(url, headers=headers).json()
    pyreqwest = importlib.import_module("pyreqwest.client")
    with open(certificates, "rb") as pem:
        builder = pyreqwest.SyncClientBuilder().add_root_certificate_pem(pem.read())
    reqwest = stack.enter_context(builder.build())
    yield "pyreqwest", lambda: reqwest.get(url).headers(headers).build().send().json()
    pycurl = importlib.import_module("pycurl")
    curl = pycurl.Curl()
    curl.setopt(pycurl.URL, url)
    curl.setopt(pycurl.CAINFO, certificates)
    curl.setopt(pycurl.HTTPHEADER, [f"{name}: {value}" for name, value in headers.items()])
    curl.setopt(pycurl.TIMEOUT, 30)
    curl.setopt(pycurl.NOSIGNAL, 1)
    yield "pycurl", lambda: json.loads(curl.perform_rb())


async def awaited_gets() -> None:
    """Measure the same GET from a task, beside aiohttp."""
    import aiohttp

    trusted = ssl.create_default_context(cafile=os.environ["SSL_CERT_FILE"])
    async with AsyncClient(pacing=False) as client:
        headers = await client.auth_headers() | PLAIN
        connections = aiohttp.TCPConnector(ssl=trusted)
        async with aiohttp.ClientSession(connector=connections, headers=headers) as session:
            url = client.base_url + PATH

            async def ours() -> object:
                return (await client.get(PATH, headers=PLAIN)).json()

            async def theirs() -> object:
                async with session.get(url) as response:
                    return await response.json()

            row("GET, awaited", "µs", "aiohttp", *await awaited_in_turns(CALLS, ours, theirs))
            rounds = await awaited_in_turns(3, gathered(ours), gathered(theirs))
            each = [[took / AT_ONCE for took in medians] for medians in rounds]
            row(f"GET, {AT_ONCE} awaited at once, each", "µs", "aiohttp", *each)


def gathered(function: AsyncCall) -> AsyncCall:
    """Make the calls of many tasks at once."""

    async def gather() -> None:
        await asyncio.gather(*(function() for _ in range(AT_ONCE)))

    return gather


def cached_tokens(client: Client) -> None:
    """Measure handing out a token that is there, in threads that compete for the interpreter."""
    for threads in (1, 2, 4, 8, 16):
        what = f"cached token, {threads} thread{'s' if threads > 1 else ''}"
        peers = list(credentials()) if threads in (1, 16) else []
        calls = [client.authenticate, *(call for _, call in peers)]
        rounds = [[cached(threads, call) for call in calls] for _ in range(3)]
        ours, *others = map(list, zip(*rounds, strict=True))
        if not peers:
            row(what, "ns", "", ours, None)
        for (name, _), theirs in zip(peers, others, strict=True):
            row(what, "ns", name, ours, theirs)


def cached(threads: int, call: Call) -> float:
    """Return the nanoseconds of a core that a call takes."""

    def work() -> None:
        for _ in range(CACHED_CALLS // threads):
            call()

    call()
    started = [threading.Thread(target=work) for _ in range(threads)]
    before = time.process_time_ns()
    for thread in started:
        thread.start()
    for thread in started:
        thread.join()
    return (time.process_time_ns() - before) / (CACHED_CALLS // threads * threads)


def credentials() -> Iterator[tuple[str, Call]]:
    """Yield what others hand out while it is valid."""
    tomorrow = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=1)
    google = importlib.import_module("google.oauth2.credentials")
    granted = google.Credentials("a token", expiry=tomorrow.replace(tzinfo=None))
    yield "google-auth", lambda: granted.before_request(None, "GET", "https://example.com/", {})
    botocore = importlib.import_module("botocore.credentials")
    keys = botocore.RefreshableCredentials("id", "key", "token", tomorrow, dict, "static")
    yield "boto3", keys.get_frozen_credentials
    azure = importlib.import_module("azure.identity")
    secret = azure.ClientSecretCredential(
        TENANT,
        "client",
        "secret",
        authority=os.environ["EMNIFY_BASE_PATH"],
        disable_instance_discovery=True,
        connection_verify=os.environ["SSL_CERT_FILE"],
    )
    yield "azure-identity", lambda: secret.get_token("https://example.com/.default")


def imports() -> None:
    for name in ("requests", "httpx", "boto3"):
        times: list[list[float]] = [[], []]
        for _ in range(ROUNDS):
            for module, took in zip(("emnify_auth", name), times, strict=True):
                took.append(import_time(module))
        row("import", "ms", name, *times)


def import_time(name: str) -> float:
    program = f"import time; t = time.perf_counter(); import {name}; print(time.perf_counter() - t)"
    return 1e3 * float(subprocess.check_output([sys.executable, "-I", "-c", program]))


def main() -> None:
    with Client(pacing=False) as client:
        gets(client)
        asyncio.run(awaited_gets())
        cached_tokens(client)
    imports()


if __name__ == "__main__":
    main()
