"""A program that uses this package correctly, and then misuses each thing once, in a line that ends
with "# misuse". It never runs: test_types.py demands that type checkers report these lines and no
others."""

import asyncio
import datetime
from collections.abc import Awaitable
from pathlib import Path

import aiohttp
import httpx
import requests

import emnify_auth.aiohttp
import emnify_auth.httpx
import emnify_auth.requests
import emnify_auth.sdk
from emnify_auth import (
    ApiError,
    ApplicationToken,
    AsyncClient,
    AuditedToken,
    AuthToken,
    Client,
    ClientSettings,
    CreatedApplicationToken,
    EmnifyError,
    Event,
    Response,
    Rotation,
    RotationError,
    Status,
    TrustedDevice,
)


def read() -> str:
    return "token"


async def read_slowly() -> str:
    return "token"


def ask() -> str | None:
    return None


async def ask_slowly() -> str | None:
    return None


def store(token: str) -> None:
    print(len(token))


async def store_slowly(token: str) -> None:
    print(len(token))


def log(event: Event) -> None:
    print(event)


async def log_slowly(event: Event) -> None:
    print(event)


def number() -> int:
    return 7


def take_number(number: int) -> None:
    print(number)


def take_nothing() -> None:
    pass


def correct(client: Client, audited: AuditedToken, event: Event, status: Status) -> None:
    settings: ClientSettings = {"store": Path("state"), "timeout": datetime.timedelta(seconds=5)}
    Client("token", on_event=log, retries=0, auto_renew=True, fleet_size=1_000)
    Client("token", **settings)
    Client(application_token_file=Path("token"), ca_bundle=b"pem", on_event=None, timeout=5)
    Client(application_token_source=read, on_event=lambda event: print(event))
    Client.from_user("u", "p", mfa=ask, trusted_device=TrustedDevice("fingerprint", "laptop"))
    with client as same, Client() as other:
        assert same.authenticate() == other.authenticate(timeout=1)
    client.get("/api/v1/sim", params={"q": "x", "page": 2, "id": [1, 2]}, headers={"A": "b"})
    client.post("/api/v1/sim", json={"a": [1, None]}, timeout=datetime.timedelta(seconds=1))
    client.put("/api/v1/sim", content=b"{}", params=[("a", 1.5), ("a", True)])
    [sim["id"] for sim in client.paginate("/api/v1/sim", per_page=100)]
    tokens = client.application_tokens
    tokens.create(description="gateway", expiry_date=datetime.date(2030, 1, 1), ip="192.0.2.7")
    tokens.create(expires_in=datetime.timedelta(days=90))
    [row.expires_at for row in tokens.list() if row.status == "activated"]
    assert tokens.rotate(hand_over=store, grace=60).state == "done" and "orphan" in audited.findings
    tokens.rotate(hand_over=Path("token").write_text)
    assert event.level == "warning" and event.kind == "refused"
    assert status.last_error is None or status.last_error.reason == "certificate_expired"
    ApplicationToken(id=7, status="revoked")
    try:
        tokens.rotate(expires_in=90 * 86_400.0)
    except RotationError as error:
        assert error.state == "committed"
    requests.get("https://example.org", auth=emnify_auth.requests.EmnifyAuth(client), timeout=5)
    httpx.Client(auth=emnify_auth.httpx.EmnifyAuth(client))


async def correct_async(client: AsyncClient) -> None:
    AsyncClient("token", on_event=log, max_threads=4, retries=3, timeout=5)
    AsyncClient(application_token_source=read_slowly)
    AsyncClient(application_token_source=read)
    AsyncClient.from_user("u", "p", mfa=ask_slowly)
    async with client:
        response = await client.get("/api/v1/sim")
        response.json()[0]["id"]
        async for sim in client.paginate("/api/v1/sim"):
            print(sim["iccid"])
        await asyncio.gather(client.authenticate(), client.application_tokens.own())
        await client.application_tokens.rotate(hand_over=store_slowly)
        client.invalidate(await client.authenticate())
        client.retry_now()
    async with aiohttp.ClientSession(middlewares=[emnify_auth.aiohttp.middleware(client)]):
        pass
    httpx.AsyncClient(auth=emnify_auth.httpx.EmnifyAuth(client))


def settings() -> None:
    Client(tmeout=5)  # misuse
    Client("token", "file")  # misuse
    Client(timeout="5")  # misuse
    Client(timeout=None)  # misuse
    Client(connect_timeout="1s")  # misuse
    Client(b"token")  # misuse
    Client(application_token_file=7)  # misuse
    Client(base_url=Path("https://example.org"))  # misuse
    Client(ca_bundle=True)  # misuse
    Client(proxy=8080)  # misuse
    Client(local_address=1)  # misuse
    Client(interface=0)  # misuse
    Client(store={"directory": "state"})  # misuse
    Client(auto_renew="yes")  # misuse
    Client(fleet_size="1000")  # misuse
    Client(pacing=None)  # misuse
    Client(retries="3")  # misuse
    Client(retries=None)  # misuse
    Client(max_threads=4)  # misuse
    Client(mfa=ask)  # misuse
    Client.from_user("user")  # misuse
    Client.from_user("user", b"password")  # misuse
    Client.from_user("user", "password", application_token="token")  # misuse
    Client.from_user("user", "password", trusted_device="laptop")  # misuse
    TrustedDevice("fingerprint")  # misuse
    AsyncClient(max_threads="4")  # misuse
    AsyncClient(retries=1.5)  # misuse
    _: ClientSettings = {"time_out": 5}  # misuse
    __: ClientSettings = {"retries": "3"}  # misuse


def functions(client: Client, async_client: AsyncClient) -> None:
    Client(on_event=log_slowly)  # misuse
    Client(on_event=take_number)  # misuse
    Client(on_event=take_nothing)  # misuse
    Client(application_token_source=read_slowly)  # misuse
    Client(application_token_source=number)  # misuse
    Client(application_token_source=ask)  # misuse
    Client(application_token_source="token")  # misuse
    Client.from_user("user", "password", mfa=ask_slowly)  # misuse
    Client.from_user("user", "password", mfa=number)  # misuse
    Client.from_user("user", "password", mfa="123456")  # misuse
    client.application_tokens.rotate(hand_over=store_slowly)  # misuse
    client.application_tokens.rotate(hand_over=take_nothing)  # misuse
    client.application_tokens.rotate(hand_over=Path("token"))  # misuse
    AsyncClient(on_event=log_slowly)  # misuse
    AsyncClient(application_token_source=number)  # misuse
    AsyncClient(application_token_source=store)  # misuse
    AsyncClient.from_user("user", "password", mfa=take_number)  # misuse
    async_client.application_tokens.rotate(hand_over=take_number)  # misuse


def requests_and_responses(client: Client, response: Response) -> None:
    client.request("GET")  # misuse
    client.get("/api/v1/sim", {"page": 2})  # misuse
    client.get("/api/v1/sim", json={})  # misuse
    client.get("/api/v1/sim", params={"q": {"nested": 1}})  # misuse
    client.get("/api/v1/sim", headers={"X-Number": 7})  # misuse
    client.get("/api/v1/sim", timeout="5")  # misuse
    client.post("/api/v1/sim", content={"a": 1})  # misuse
    client.post("/api/v1/sim", data={"a": 1})  # misuse
    client.get(7)  # misuse
    client.options("/api/v1/sim")  # misuse
    client.paginate("/api/v1/sim", per_page="100")  # misuse
    print(client.paginate("/api/v1/sim")[0])  # misuse
    len(client.paginate("/api/v1/sim"))  # misuse
    client.authenticate(5)  # misuse
    client.authenticate_for()  # misuse
    client.authenticate_for("1h")  # misuse
    client.invalidate(response)  # misuse
    client.switch_workspace("4321")  # misuse
    client.base_url = "https://example.org"  # misuse
    print(response.status)  # misuse
    print(response.json["id"])  # misuse
    response.text()  # misuse
    response.headers["X-New"] = "value"  # misuse
    response.content = b""  # misuse


def secrets(client: Client, token: AuthToken, created: CreatedApplicationToken) -> None:
    print(token == "eyJhbGciOi")  # misuse
    print(created == "eyJhbGciOi")  # misuse
    requests.get("https://example.org", headers={"Authorization": token}, timeout=5)  # misuse
    print("Bearer " + token)  # misuse
    print(token.token)  # misuse
    print("Bearer " + token.reveal)  # misuse
    print(token.reveal()["sub"])  # misuse
    print(created.value)  # misuse
    print(created.id + 1)  # misuse
    print(token.organisation_id + 1)  # misuse
    print(token.expires_at > 1_700_000_000)  # misuse
    AuthToken("eyJhbGciOi")  # misuse
    client.application_tokens.revoke(created.id)  # misuse
    CreatedApplicationToken("value")  # misuse


def application_tokens(client: Client, audited: AuditedToken, rotation: Rotation) -> None:
    tokens = client.application_tokens
    tokens.create("gateway 7")  # misuse
    tokens.create(expires_in="90d")  # misuse
    tokens.create(expiry_date=1_900_000_000)  # misuse
    tokens.create(ip=["192.0.2.7"])  # misuse
    tokens.update(7)  # misuse
    tokens.update(7, "new description")  # misuse
    tokens.update("7", description="new description")  # misuse
    tokens.revoke()  # misuse
    tokens.revoke(audited.token)  # misuse
    print(tokens.own().id)  # misuse
    print(tokens.list()["id"])  # misuse
    tokens.audit(older_than="1y")  # misuse
    tokens.rotate(grace="1h")  # misuse
    tokens.rotate(keep_old="yes")  # misuse
    client.application_tokens()  # misuse
    print(audited.token.status == "Activated")  # misuse
    print("Orphan" in audited.findings)  # misuse that only pyright sees
    print(rotation.state == "Done")  # misuse
    print(rotation.state == "committed")  # misuse
    print("lifetime" in rotation.ignored_options)  # misuse that only pyright sees
    audited.findings.add("own")  # misuse
    rotation.new_id = 7  # misuse
    print(rotation.grace_left.seconds)  # misuse


def events_and_errors(event: Event, status: Status, error: EmnifyError) -> None:
    print(event.kind == "Authenticated")  # misuse
    print(event.level == "critical")  # misuse
    event.kind = "refused"  # misuse
    print(event.error.http_status)  # misuse
    print(event["kind"])  # misuse
    status.signed_in = True  # misuse
    status.valid_until.isoformat()  # misuse
    print(status.is_signed_in)  # misuse
    print(error.reason == "DNS")  # misuse
    print(error.http_status == "404")  # misuse
    print(error.retry_after + 1)  # misuse
    print(error.api_error.message)  # misuse
    print(error.state)  # misuse
    try:
        Client().application_tokens.rotate()
    except RotationError as stopped:
        print(stopped.state == "Committed")  # misuse
    except emnify_auth.Error:  # misuse
        pass


def values() -> None:
    ApplicationToken(7)  # misuse
    ApplicationToken(id=7, status="Revoked")  # misuse
    AuditedToken(token=7, findings=frozenset())  # misuse
    AuditedToken(token=ApplicationToken(id=7), findings=["own"])  # misuse
    Rotation(state="grace")  # misuse
    Rotation(state="intent", old_id=1, new_id=2)  # misuse
    Event(kind="signed_in")  # misuse
    Event(kind="refused", level="fatal")  # misuse
    Status()  # misuse
    EmnifyError("message", 404)  # misuse
    EmnifyError("message", reason="dns failure")  # misuse
    RotationError("message", state="Intent")  # misuse
    ApiError(errors=["message"])  # misuse


async def awaited(client: AsyncClient, plain: Client) -> None:
    client.get("/api/v1/sim")  # misuse
    client.close()  # misuse
    client.application_tokens.revoke(7)  # misuse
    client.get("/api/v1/sim").json()  # misuse
    _: Response = client.get("/api/v1/sim")  # misuse
    __: AuthToken = client.authenticate()  # misuse
    print(client.auth_headers()["Authorization"])  # misuse
    print([row.id for row in client.application_tokens.list()])  # misuse
    print([sim["id"] for sim in client.paginate("/api/v1/sim")])  # misuse
    print([sim["id"] async for sim in plain.paginate("/api/v1/sim")])  # misuse
    await client.paginate("/api/v1/sim")  # misuse
    await plain.get("/api/v1/sim")  # misuse
    await client.status()  # misuse
    ___: Awaitable[Response] = plain.get("/api/v1/sim")  # misuse
    async with plain:  # misuse
        pass
    with client:  # misuse
        pass


def adapters(client: Client, async_client: AsyncClient) -> None:
    emnify_auth.requests.EmnifyAuth("token")  # misuse
    emnify_auth.requests.EmnifyAuth(async_client)  # misuse
    emnify_auth.requests.EmnifyAuth()  # misuse
    emnify_auth.httpx.EmnifyAuth("token")  # misuse
    emnify_auth.aiohttp.middleware("token")  # misuse
    emnify_auth.sdk.connect(async_client)  # misuse
    requests.get("https://example.org", auth=client, timeout=5)  # misuse
    httpx.get("https://example.org", auth=client)  # misuse


class MyClient(Client):  # misuse
    """Clients are used, not extended."""


class MyToken(AuthToken):  # misuse
    """A token comes from emnify."""
