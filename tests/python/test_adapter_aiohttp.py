"""The adapter for aiohttp: only the base URL's origin gets the auth token, a request is repeated
after a 401, and the event loop is not blocked."""

import asyncio
import io
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import IO, Any

import aiohttp
import pytest

from emnify_auth import AuthenticationError, InvalidInputError
from emnify_auth.aiohttp import middleware

from elsewhere import Elsewhere
from sandbox import APPLICATION_TOKEN, AUTHENTICATE, LONG, REFUSAL, SIM, Sandbox

BODY = b'{"description": "new"}'
Main = Callable[[aiohttp.ClientSession], Awaitable[None]]


@pytest.fixture(params=["AsyncClient", "Client"])
def run(request: pytest.FixtureRequest, sandbox: Sandbox) -> Callable[[Main], None]:
    client = sandbox.client() if request.param == "Client" else sandbox.async_client()

    async def main(test: Main) -> None:
        async with session(sandbox, middleware(client)) as http:
            await test(http)

    return lambda test: asyncio.run(main(test))


def session(sandbox: Sandbox, emnify_auth: aiohttp.ClientMiddlewareType) -> aiohttp.ClientSession:
    tls = ssl.create_default_context(cafile=sandbox.ca_file)
    connector = aiohttp.TCPConnector(ssl=tls)
    return aiohttp.ClientSession(connector=connector, middlewares=[emnify_auth])


Run = Callable[[Main], None]


def test_the_base_url_s_origin_gets_the_auth_token(sandbox: Sandbox, run: Run) -> None:
    async def main(http: aiohttp.ClientSession) -> None:
        async def get() -> int:
            async with http.get(f"{sandbox.url}{SIM}/500001") as answer:
                row: dict[str, int] = await answer.json()
                return row["id"]

        assert set(await asyncio.gather(*(get() for _ in range(20)))) == {500_001}

    run(main)
    assert sandbox.calls("POST", AUTHENTICATE) == 1


def test_another_origin_gets_no_auth_token(
    sandbox: Sandbox, run: Run, elsewhere: Elsewhere
) -> None:
    async def main(http: aiohttp.ClientSession) -> None:
        for status in (200, 401):
            elsewhere.status = status
            async with http.get(elsewhere.url) as answer:
                assert answer.status == status

    run(main)
    assert elsewhere.authorization == [None, None]
    assert sandbox.calls() == 0


def test_a_redirect_to_another_origin_gets_no_auth_token(
    sandbox: Sandbox, run: Run, elsewhere: Elsewhere
) -> None:
    sandbox.fault("status", SIM, status=302, headers={"Location": elsewhere.url})
    elsewhere.status = 401

    async def main(http: aiohttp.ClientSession) -> None:
        async with http.get(f"{sandbox.url}{SIM}") as answer:
            assert answer.status == 401

    run(main)
    assert elsewhere.authorization == [None]
    assert sandbox.calls("POST", AUTHENTICATE) == 1


def test_a_refused_auth_token_is_replaced_and_the_request_repeated(
    sandbox: Sandbox, run: Run
) -> None:
    async def main(http: aiohttp.ClientSession) -> None:
        url = f"{sandbox.url}{APPLICATION_TOKEN}"
        async with http.get(url):
            pass
        sandbox.revoke_auth_tokens()
        async with http.post(url, json={"description": "new"}) as answer:
            assert answer.status == 200

    run(main)
    assert sandbox.calls("POST", AUTHENTICATE) == 2
    assert sandbox.application_tokens()[-1]["description"] == "new"


def test_a_second_401_is_returned(sandbox: Sandbox, run: Run) -> None:
    sandbox.fault("status", SIM, status=401)

    async def main(http: aiohttp.ClientSession) -> None:
        async with http.get(f"{sandbox.url}{SIM}") as answer:
            assert answer.status == 401
            assert await answer.read() is not None

    run(main)
    assert sandbox.calls("GET", SIM) == 2
    assert sandbox.calls("POST", AUTHENTICATE) == 2


def test_a_path_that_always_gets_401_costs_one_sign_in_and_delays_no_other_call(
    sandbox: Sandbox, run: Run
) -> None:
    sandbox.fault("status", SIM, status=401, body=REFUSAL)

    async def main(http: aiohttp.ClientSession) -> None:
        for _ in range(20):
            async with http.get(f"{sandbox.url}{SIM}") as answer:
                assert answer.status == 401
                assert (await answer.content.read()).decode() == REFUSAL
            async with http.get(f"{sandbox.url}{APPLICATION_TOKEN}") as answer:
                assert answer.status == 200

    run(main)
    assert sandbox.calls("POST", AUTHENTICATE) == 2
    # The first call is repeated with the new token; each later call is sent once.
    assert sandbox.calls("GET", SIM) == 21


def test_the_401_is_returned_if_the_new_sign_in_fails(sandbox: Sandbox, run: Run) -> None:
    async def main(http: aiohttp.ClientSession) -> None:
        async with http.get(f"{sandbox.url}{APPLICATION_TOKEN}"):
            pass
        sandbox.fault("status", SIM, status=401)
        sandbox.fault("status", AUTHENTICATE, status=503)
        async with http.get(f"{sandbox.url}{SIM}") as answer:
            assert answer.status == 401
        async with http.get(f"{sandbox.url}{APPLICATION_TOKEN}") as answer:
            assert answer.status == 200

    run(main)
    assert sandbox.calls("GET", SIM) == 1


def test_other_tasks_get_the_cached_token_while_one_signs_in_after_a_401(
    sandbox: Sandbox,
) -> None:
    sandbox.fault("status", SIM, status=401)

    async def main() -> None:
        ours = sandbox.async_client(timeout=60)
        cached = (await ours.authenticate()).reveal()
        sandbox.fault("delay", AUTHENTICATE, milliseconds=LONG)
        async with session(sandbox, middleware(ours)) as http:

            async def get(path: str) -> int:
                async with http.get(f"{sandbox.url}{path}") as answer:
                    return answer.status

            call = asyncio.create_task(get(SIM))
            await asyncio.to_thread(sandbox.wait_for_call, "POST", AUTHENTICATE, 2)
            tokens = [await asyncio.wait_for(ours.authenticate(), 30) for _ in range(20)]
            assert {token.reveal() for token in tokens} == {cached}
            assert await asyncio.wait_for(get(APPLICATION_TOKEN), 30) == 200
            # The call can be cancelled; its sign-in continues.
            assert not call.done()
            call.cancel()
            await asyncio.wait([call], timeout=30)
            assert call.cancelled()

    asyncio.run(main())


def test_calls_with_a_revoked_auth_token_share_one_sign_in(sandbox: Sandbox, run: Run) -> None:
    path = f"{SIM}/500001"

    async def main(http: aiohttp.ClientSession) -> None:
        async def get() -> int:
            async with http.get(f"{sandbox.url}{path}") as answer:
                return answer.status

        assert await get() == 200
        sandbox.revoke_auth_tokens()
        assert set(await asyncio.gather(*(get() for _ in range(20)))) == {200}

    run(main)
    assert sandbox.calls("POST", AUTHENTICATE) == 2
    # Each call is repeated at most once.
    assert sandbox.calls("GET", path) <= 41


async def once() -> AsyncIterator[bytes]:
    yield BODY


def test_a_body_that_cannot_be_sent_twice_is_not_repeated(sandbox: Sandbox, run: Run) -> None:
    async def main(http: aiohttp.ClientSession) -> None:
        url = f"{sandbox.url}{APPLICATION_TOKEN}"
        async with http.get(url):
            pass
        sandbox.revoke_auth_tokens()
        async with http.post(url, data=once()) as answer:
            assert answer.status == 401
        assert sandbox.calls("POST", APPLICATION_TOKEN) == 1
        # The next call uses a new auth token.
        async with http.post(url, data=once()) as answer:
            assert answer.status == 200

    run(main)


@pytest.mark.parametrize("kind", ["file", "bytes", "text"])
def test_a_file_is_rewound_to_where_it_was(
    sandbox: Sandbox, run: Run, tmp_path: Path, kind: str
) -> None:
    path = tmp_path / "body"
    path.write_bytes(b"not this" + BODY)

    async def main(http: aiohttp.ClientSession) -> None:
        url = f"{sandbox.url}{APPLICATION_TOKEN}"
        async with http.get(url):
            pass
        sandbox.revoke_auth_tokens()
        file: IO[Any] = io.BytesIO(path.read_bytes())
        if kind != "bytes":
            file = path.open("rb" if kind == "file" else "r")
        with file:
            file.seek(len(b"not this"))
            async with http.post(url, data=file) as answer:
                assert answer.status == 200

    run(main)
    assert sandbox.application_tokens()[-1]["description"] == "new"
    assert sandbox.calls("POST", APPLICATION_TOKEN) == 2


def test_a_form_with_a_file_is_repeated(sandbox: Sandbox, run: Run) -> None:
    async def main(http: aiohttp.ClientSession) -> None:
        url = f"{sandbox.url}{APPLICATION_TOKEN}"
        async with http.get(url):
            pass
        sandbox.revoke_auth_tokens()
        form = aiohttp.FormData({"a": "b"})
        form.add_field("file", io.BytesIO(b"x" * 100_000))
        async with http.post(url, data=form) as answer:
            # The sandbox does not accept forms, but it has read this one twice.
            assert answer.status == 400

    run(main)
    assert sandbox.calls("POST", APPLICATION_TOKEN) == 2


def test_refused_credentials_raise_our_exception(sandbox: Sandbox) -> None:
    async def main() -> None:
        client = sandbox.async_client(application_token="refused")
        async with session(sandbox, middleware(client)) as http:
            with pytest.raises(AuthenticationError):
                await http.get(f"{sandbox.url}{SIM}")

    asyncio.run(main())


def test_only_a_client_is_accepted() -> None:
    with pytest.raises(InvalidInputError, match=r"^client: must be an AsyncClient or a Client"):
        middleware("token")  # type: ignore[arg-type]
