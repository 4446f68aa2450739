"""Compares the Python package with other libraries. All do the same work on the same server, in
turns. Libraries that are not installed are left out. `make bench` runs it, with a sandbox without
limits."""

import asyncio
import datetime
import functools
import importlib
import json
import os
import ssl
import statistics
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from emnify_auth import AsyncClient, Client

AUTHENTICATE = "/api/v1/authenticate"
SIM = "/api/v1/sim/500001"
ROUNDS = 7
THREADS = 20
TASKS = 1000
# The sandbox would compress its responses, and more of the time would be its own.
PLAIN = {"accept-encoding": "identity"}
AWAITED = "GET awaited on a warm TLS connection, microseconds"
AT_ONCE = 100

Call = Callable[[], object]


class Row(NamedTuple):
    what: str
    ours: float
    beside: str = ""
    theirs: float | None = None


def in_turns(calls: int, *functions: Call) -> list[float]:
    """Return the microseconds per call of each: the median call of the median round."""
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
    return [statistics.median(medians) for medians in rounds]


def batched(times: int, function: Call) -> Call:
    """Call it this often, if one call is too short to be measured."""

    def batch() -> None:
        for _ in range(times):
            function()

    return batch


def installed(name: str) -> bool:
    try:
        importlib.import_module(name)
    except ImportError:
        return False
    return True


def logins(work: Call) -> int:
    """Count how often it signs in."""
    before = calls_made()
    work()
    return calls_made() - before


def calls_made() -> int:
    url = f"{os.environ['EMNIFY_SANDBOX_CONTROL']}/_sandbox/calls?method=POST&path={AUTHENTICATE}"
    with urllib.request.urlopen(url, timeout=10) as answer:
        return int(answer.read())


def at_once(function: Call) -> None:
    """Call it in all threads at the same time."""
    barrier = threading.Barrier(THREADS)

    def work() -> None:
        barrier.wait()
        function()

    threads = [threading.Thread(target=work) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def warm_calls(client: Client) -> Iterator[Row]:
    """Measure a GET in Python's main thread, where signals are handled, and in another."""
    others = list(other_gets(client.base_url + SIM, client.auth_headers() | PLAIN))
    ours = lambda: client.get(SIM, headers=PLAIN).json()  # noqa: E731
    for name, theirs in others:
        measure = functools.partial(in_turns, 300, ours, theirs)
        yield Row("GET on a warm TLS connection, microseconds", *told(name, measure()))
        if name == "pycurl":
            with ThreadPoolExecutor(1) as pool:
                times = pool.submit(measure).result()
            yield Row("the same in another thread", *told(name, times))


def other_gets(url: str, headers: dict[str, str]) -> Iterator[tuple[str, Call]]:
    """Make the same GET with each other library that is installed."""
    certificates = os.environ["SSL_CERT_FILE"]
    if installed("requests"):
        import requests

        session = requests.Session()
        session.verify = certificates
        yield "requests", lambda: session.get(url, headers=headers, timeout=30).json()
    if installed("httpx"):
        import httpx

        trusted = ssl.create_default_context(cafile=certificates)
        http = httpx.Client(verify=trusted, timeout=30)
        yield "httpx", lambda: http.get(url, headers=headers).json()
    if installed("pycurl"):
        pycurl = importlib.import_module("pycurl")
        curl = pycurl.Curl()
        curl.setopt(pycurl.URL, url)
        curl.setopt(pycurl.CAINFO, certificates)
        curl.setopt(pycurl.HTTPHEADER, [f"{name}: {value}" for name, value in headers.items()])
        curl.setopt(pycurl.TIMEOUT, 30)
        curl.setopt(pycurl.NOSIGNAL, 1)
        yield "pycurl", lambda: json.loads(curl.perform_rb())


async def awaited_calls() -> list[Row]:
    """Measure the same GET from a task, beside aiohttp."""
    async with AsyncClient(pacing=False) as client:
        kept = await client.auth_headers() | PLAIN

        async def ours() -> None:
            (await client.get(SIM, headers=PLAIN)).json()

        if not installed("aiohttp"):
            [took] = await awaited_in_turns(300, ours)
            return [Row(AWAITED, took)]
        import aiohttp

        trusted = ssl.create_default_context(cafile=os.environ["SSL_CERT_FILE"])
        connections = aiohttp.TCPConnector(ssl=trusted)
        async with aiohttp.ClientSession(connector=connections, headers=kept) as session:
            url = client.base_url + SIM

            async def theirs() -> None:
                async with session.get(url) as response:
                    await response.json()

            times = await awaited_in_turns(300, ours, theirs)
            together = await awaited_in_turns(3, gathered(ours), gathered(theirs))
    each = [took / AT_ONCE for took in together]
    return [
        Row(AWAITED, *told("aiohttp", times)),
        Row(f"the same, {AT_ONCE} at once, per call", *told("aiohttp", each)),
    ]


def gathered(function: Callable[[], Awaitable[None]]) -> Callable[[], Awaitable[None]]:
    """Make the calls of many tasks at once."""

    async def gather() -> None:
        await asyncio.gather(*(function() for _ in range(AT_ONCE)))

    return gather


async def awaited_in_turns(calls: int, *functions: Callable[[], Awaitable[None]]) -> list[float]:
    """Microseconds a call of each: the median call of the median round."""
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
    return [statistics.median(medians) for medians in rounds]


def cached_tokens(client: Client) -> Iterator[Row]:
    client.authenticate()
    if not installed("google.oauth2.credentials"):
        [ours] = in_turns(50, batched(1000, client.auth_headers))
        yield Row("auth_headers(), cached, nanoseconds", ours)
        return
    tomorrow = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=1)
    google = importlib.import_module("google.oauth2.credentials")
    credentials = google.Credentials("a token", expiry=tomorrow.replace(tzinfo=None))
    sign = lambda: credentials.before_request(None, "GET", "https://example.com/", {})  # noqa: E731
    times = in_turns(50, batched(1000, client.auth_headers), batched(1000, sign))
    yield Row("auth_headers(), cached, nanoseconds", *told("google-auth", times))


def cold_starts() -> Iterator[Row]:
    what = f"sign-ins of {THREADS} cold threads"
    with Client(pacing=False) as client:
        ours = logins(lambda: at_once(lambda: client.get(SIM)))
    if installed("emnify"):
        emnify = importlib.import_module("emnify")
        sdk = emnify.EMnify(os.environ["EMNIFY_APPLICATION_TOKEN"])
        theirs = logins(lambda: at_once(lambda: sdk.sim.retrieve_sim(500001)))
        yield Row(what, ours, "emnify-sdk", theirs)
    else:
        yield Row(what, ours)

    async def tasks() -> None:
        async with AsyncClient(pacing=False) as client:
            await asyncio.gather(*(client.authenticate() for _ in range(TASKS)))

    yield Row(f"sign-ins of {TASKS:,} cold asyncio tasks", logins(lambda: asyncio.run(tasks())))


def imports() -> Iterator[Row]:
    what = "import in a new process, milliseconds"
    ours = statistics.median(import_time("emnify_auth") for _ in range(3 * ROUNDS))
    others = [name for name in ("requests", "httpx") if installed(name)]
    if not others:
        yield Row(what, ours)
    for name in others:
        yield Row(what, ours, name, statistics.median(import_time(name) for _ in range(ROUNDS)))


def import_time(name: str) -> float:
    program = f"import time; t = time.perf_counter(); import {name}; print(time.perf_counter() - t)"
    return 1e3 * float(subprocess.check_output([sys.executable, "-I", "-c", program]))


def told(name: str, times: list[float]) -> tuple[float, str, float]:
    ours, theirs = times
    return ours, name, theirs


def table() -> Iterator[Row]:
    with Client(pacing=False) as client:
        yield from warm_calls(client)
        yield from asyncio.run(awaited_calls())
        yield from cached_tokens(client)
    yield from cold_starts()
    yield from imports()


def main() -> None:
    # emnify's SDK, if it is installed, reads these to find the sandbox.
    os.environ["EMNIFY_SDK_API_ENDPOINT_URL"] = os.environ["EMNIFY_BASE_PATH"] + "/api"
    os.environ["REQUESTS_CA_BUNDLE"] = os.environ["SSL_CERT_FILE"]
    head = ("Python", "emnify_auth", "beside", "", "ratio")
    print("{:46} {:>11}  {:11} {:>9} {:>6}".format(*head))
    for what, ours, beside, theirs in table():
        line = f"{what:46} {ours:11,.1f}"
        if theirs is not None:
            line += f"  {beside:11} {theirs:9,.1f} {ours / theirs:6.2f}"
        print(line, flush=True)


if __name__ == "__main__":
    main()
