"""The adapter for httpx.Client and httpx.AsyncClient: only the base URL's origin gets the auth
token, a request is repeated after a 401, and the event loop is not blocked."""

import asyncio
import io
import ssl
import time
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
import trio

from emnify_auth import AuthenticationError, Client, InvalidInputError
from emnify_auth.httpx import EmnifyAuth

from elsewhere import Elsewhere
from sandbox import APPLICATION_TOKEN, AUTHENTICATE, LONG, REFUSAL, SIM, Sandbox

BODY = b'{"description": "new"}'


class Http:
    """Makes a call with httpx.Client or httpx.AsyncClient."""

    def __init__(self, sandbox: Sandbox, kind: str) -> None:
        self.kind = kind
        self.client = sandbox.client()
        self.auth = EmnifyAuth(sandbox.async_client() if kind == "async" else self.client)
        self._tls = ssl.create_default_context(cafile=sandbox.ca_file)

    def __call__(
        self,
        method: str,
        url: str,
        *,
        hook: Callable[[httpx.Response], object] | None = None,
        **content: Any,  # noqa: ANN401
    ) -> httpx.Response:
        settings: dict[str, Any] = {
            "auth": self.auth,
            "verify": self._tls,
            "follow_redirects": True,
        }
        if hook is not None:

            async def awaited(response: httpx.Response) -> None:
                hook(response)

            hooks = [hook if self.kind == "sync" else awaited]
            settings["event_hooks"] = {"response": hooks}
        if self.kind == "sync":
            with httpx.Client(**settings, trust_env=False) as http:
                return http.request(method, url, **content)

        async def main() -> httpx.Response:
            async with httpx.AsyncClient(**settings, trust_env=False) as http:
                return await http.request(method, url, **content)

        return trio.run(main) if self.kind == "trio" else asyncio.run(main())


@pytest.fixture(params=["sync", "async", "trio", "async with a Client"])
def http(request: pytest.FixtureRequest, sandbox: Sandbox) -> Http:
    return Http(sandbox, request.param)


def test_the_base_url_s_origin_gets_the_auth_token(sandbox: Sandbox, http: Http) -> None:
    for _ in range(3):
        assert http("GET", f"{sandbox.url}{SIM}/500001").json()["id"] == 500_001
    assert sandbox.calls("POST", AUTHENTICATE) == 1


def test_another_origin_gets_no_auth_token(
    sandbox: Sandbox, http: Http, elsewhere: Elsewhere
) -> None:
    assert http("GET", elsewhere.url).status_code == 200
    elsewhere.status = 401
    assert http("GET", elsewhere.url).status_code == 401
    assert elsewhere.authorization == [None, None]
    assert sandbox.calls() == 0


def test_a_redirect_to_another_origin_gets_no_auth_token(
    sandbox: Sandbox, http: Http, elsewhere: Elsewhere
) -> None:
    sandbox.fault("status", SIM, status=302, headers={"Location": elsewhere.url})
    elsewhere.status = 401
    assert http("GET", f"{sandbox.url}{SIM}").status_code == 401
    assert elsewhere.authorization == [None]
    assert sandbox.calls("POST", AUTHENTICATE) == 1


def test_a_refused_auth_token_is_replaced_and_the_request_repeated(
    sandbox: Sandbox, http: Http
) -> None:
    url = f"{sandbox.url}{APPLICATION_TOKEN}"
    http("GET", url)
    sandbox.revoke_auth_tokens()
    answer = http("POST", url, json={"description": "new"})
    assert answer.status_code == 200
    assert [one.status_code for one in answer.history] == [401]
    assert sandbox.calls("POST", AUTHENTICATE) == 2
    assert sandbox.application_tokens()[-1]["description"] == "new"


def test_a_refused_auth_token_is_replaced_although_a_response_hook_raises(
    sandbox: Sandbox, http: Http
) -> None:
    url, hook = f"{sandbox.url}{SIM}/500001", httpx.Response.raise_for_status
    assert http("GET", url, hook=hook).json()["id"] == 500_001
    sandbox.revoke_auth_tokens()
    traced: list[str] = []

    def trace(name: str, _: object) -> None:
        traced.append(name)

    async def trace_awaited(name: str, info: object) -> None:
        trace(name, info)

    # The hook runs before the adapter sees the response.
    own = {"trace": trace if http.kind == "sync" else trace_awaited}
    with pytest.raises(httpx.HTTPStatusError):
        http("GET", url, hook=hook, extensions=own)
    assert "http11.receive_response_headers.complete" in traced
    assert http("GET", url, hook=hook).json()["id"] == 500_001
    assert sandbox.calls("POST", AUTHENTICATE) == 2


def test_a_401_of_another_origin_is_not_ours_although_a_response_hook_raises(
    sandbox: Sandbox, http: Http, elsewhere: Elsewhere
) -> None:
    def hook(response: httpx.Response) -> None:
        if response.status_code == 401:
            response.raise_for_status()

    elsewhere.status = 401
    url = f"{sandbox.url}{SIM}/500001"
    sandbox.fault("status", f"{SIM}/*", status=307, headers={"Location": elsewhere.url}, times=1)
    with pytest.raises(httpx.HTTPStatusError):
        http("GET", url, hook=hook)
    assert http("GET", url, hook=hook).json()["id"] == 500_001
    assert sandbox.calls("POST", AUTHENTICATE) == 1


def test_a_second_401_is_returned(sandbox: Sandbox, http: Http) -> None:
    sandbox.fault("status", SIM, status=401)
    assert http("GET", f"{sandbox.url}{SIM}").status_code == 401
    assert sandbox.calls("GET", SIM) == 2
    assert sandbox.calls("POST", AUTHENTICATE) == 2


def test_a_path_that_always_gets_401_costs_one_sign_in_and_delays_no_other_call(
    sandbox: Sandbox, http: Http
) -> None:
    sandbox.fault("status", SIM, status=401, body=REFUSAL)
    for _ in range(20):
        answer = http("GET", f"{sandbox.url}{SIM}")
        assert (answer.status_code, answer.text) == (401, REFUSAL)
        assert http("GET", f"{sandbox.url}{APPLICATION_TOKEN}").status_code == 200
    assert sandbox.calls("POST", AUTHENTICATE) == 2
    # The first call is repeated with the new token; each later call is sent once.
    assert sandbox.calls("GET", SIM) == 21


def test_the_401_is_returned_if_the_new_sign_in_fails(sandbox: Sandbox, http: Http) -> None:
    http("GET", f"{sandbox.url}{APPLICATION_TOKEN}")
    sandbox.fault("status", SIM, status=401)
    sandbox.fault("status", AUTHENTICATE, status=503)
    assert http("GET", f"{sandbox.url}{SIM}").status_code == 401
    assert sandbox.calls("GET", SIM) == 1
    assert http("GET", f"{sandbox.url}{APPLICATION_TOKEN}").status_code == 200


def test_a_streamed_401_can_be_read(sandbox: Sandbox, client: Client) -> None:
    sandbox.fault("status", SIM, status=401, body=REFUSAL)
    tls = ssl.create_default_context(cafile=sandbox.ca_file)
    with httpx.Client(auth=EmnifyAuth(client), verify=tls, trust_env=False) as http:
        for _ in range(2):
            with http.stream("GET", f"{sandbox.url}{SIM}") as answer:
                assert answer.status_code == 401
                assert b"".join(answer.iter_raw()).decode() == REFUSAL


def test_other_threads_get_the_cached_token_while_one_signs_in_after_a_401(
    sandbox: Sandbox,
) -> None:
    http = Http(sandbox, "sync")
    cached = http.client.authenticate().reveal()
    sandbox.fault("status", SIM, status=401)
    sandbox.fault("delay", AUTHENTICATE, milliseconds=5_000)
    with ThreadPoolExecutor(21) as pool:
        call = pool.submit(http, "GET", f"{sandbox.url}{SIM}", timeout=30)
        sandbox.wait_for_call("POST", AUTHENTICATE, 2)
        others = [pool.submit(http.client.authenticate) for _ in range(20)]
        assert {other.result(timeout=30).reveal() for other in others} == {cached}
        assert not call.done()
        assert call.result(timeout=30).status_code == 401
    assert http.client.authenticate().reveal() != cached


def test_other_tasks_get_the_cached_token_while_one_signs_in_after_a_401(
    sandbox: Sandbox,
) -> None:
    sandbox.fault("status", SIM, status=401)
    tls = ssl.create_default_context(cafile=sandbox.ca_file)

    async def main() -> None:
        ours = sandbox.async_client(timeout=60)
        auth = EmnifyAuth(ours)
        cached = (await ours.authenticate()).reveal()
        sandbox.fault("delay", AUTHENTICATE, milliseconds=LONG)
        async with httpx.AsyncClient(auth=auth, verify=tls, trust_env=False) as http:
            call = asyncio.create_task(http.get(f"{sandbox.url}{SIM}", timeout=60))
            await asyncio.to_thread(sandbox.wait_for_call, "POST", AUTHENTICATE, 2)
            tokens = [await asyncio.wait_for(ours.authenticate(), 30) for _ in range(20)]
            assert {token.reveal() for token in tokens} == {cached}
            answer = await http.get(f"{sandbox.url}{APPLICATION_TOKEN}", timeout=30)
            assert answer.status_code == 200
            # The call can be cancelled; its sign-in continues.
            assert not call.done()
            call.cancel()
            await asyncio.wait([call], timeout=30)
            assert call.cancelled()

    asyncio.run(main())


def test_calls_with_a_revoked_auth_token_share_one_sign_in(sandbox: Sandbox, http: Http) -> None:
    url = f"{sandbox.url}{SIM}/500001"
    http("GET", url)
    sandbox.revoke_auth_tokens()
    sandbox.fault("delay", AUTHENTICATE, milliseconds=500)
    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda _: http("GET", url), range(10)))
    assert {answer.status_code for answer in answers} == {200}
    assert sandbox.calls("POST", AUTHENTICATE) == 2
    # Each call is repeated at most once.
    assert sandbox.calls("GET", url.removeprefix(sandbox.url)) <= 21


def once() -> Iterator[bytes]:
    yield BODY


async def once_awaited() -> AsyncIterator[bytes]:
    yield BODY


def test_a_body_that_cannot_be_sent_twice_is_not_repeated(sandbox: Sandbox, http: Http) -> None:
    url = f"{sandbox.url}{APPLICATION_TOKEN}"
    http("GET", url)
    sandbox.revoke_auth_tokens()
    body = once if http.kind == "sync" else once_awaited
    assert http("POST", url, content=body()).status_code == 401
    assert sandbox.calls("POST", APPLICATION_TOKEN) == 1
    # The next call uses a new auth token.
    assert http("POST", url, content=body()).status_code == 200


def test_a_file_is_rewound_to_where_it_was(sandbox: Sandbox, tmp_path: Path) -> None:
    url = f"{sandbox.url}{APPLICATION_TOKEN}"
    path = tmp_path / "body"
    path.write_bytes(b"not this" + BODY)
    for file in (path.open("rb"), io.BytesIO(path.read_bytes())):
        # A new client each time: one client signs in after a 401 only once in ten seconds.
        http = Http(sandbox, "sync")
        http("GET", url)
        sandbox.revoke_auth_tokens()
        with file:
            file.seek(len(b"not this"))
            # Without Content-Length, for which httpx takes the size of the whole file.
            answer = http("POST", url, content=file, headers={"Content-Length": str(len(BODY))})
        assert answer.status_code == 200
        assert sandbox.application_tokens()[-1]["description"] == "new"


def test_a_form_with_a_file_is_repeated(sandbox: Sandbox, http: Http) -> None:
    url = f"{sandbox.url}{APPLICATION_TOKEN}"
    http("GET", url)
    sandbox.revoke_auth_tokens()
    answer = http("POST", url, data={"a": "b"}, files={"file": io.BytesIO(b"x" * 100_000)})
    # The sandbox does not accept forms, but it has read this one twice.
    assert answer.status_code == 400
    assert [one.status_code for one in answer.history] == [401]


def test_signing_in_does_not_block_the_event_loop(sandbox: Sandbox) -> None:
    sandbox.fault("delay", AUTHENTICATE, milliseconds=800)
    http = Http(sandbox, "async with a Client")
    tls = ssl.create_default_context(cafile=sandbox.ca_file)
    waits: list[float] = []

    async def look() -> None:
        for _ in range(50):
            started = time.monotonic()
            await asyncio.sleep(0.01)
            waits.append(time.monotonic() - started)

    async def main() -> None:
        async with httpx.AsyncClient(auth=http.auth, verify=tls, trust_env=False) as client:
            calls = [client.get(f"{sandbox.url}{SIM}/500001") for _ in range(10)]
            answers, _ = await asyncio.gather(asyncio.gather(*calls), look())
            assert {answer.status_code for answer in answers} == {200}

    asyncio.run(main())
    # A call that blocked it would take 0.8 s.
    assert max(waits) < 0.7
    assert sandbox.calls("POST", AUTHENTICATE) == 1


def test_refused_credentials_raise_our_exception(sandbox: Sandbox) -> None:
    tls = ssl.create_default_context(cafile=sandbox.ca_file)
    with sandbox.client(application_token="refused") as client:
        auth = EmnifyAuth(client)
        with httpx.Client(auth=auth, verify=tls) as http, pytest.raises(AuthenticationError):
            http.get(f"{sandbox.url}{SIM}")


def test_the_wrong_kind_of_client_is_refused(sandbox: Sandbox) -> None:
    with pytest.raises(InvalidInputError, match=r"^client: must be a Client or an AsyncClient"):
        EmnifyAuth("token")  # type: ignore[arg-type]
    auth = EmnifyAuth(sandbox.async_client())
    with httpx.Client(auth=auth) as http, pytest.raises(InvalidInputError, match=r"^client: must"):
        http.get(f"{sandbox.url}{SIM}")
    assert isinstance(sandbox.client(), Client)
