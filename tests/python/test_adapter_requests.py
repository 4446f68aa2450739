"""The adapter for requests: only the base URL's origin gets the auth token, and a request is
repeated after a 401."""

import io
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO

import pytest
import requests

from emnify_auth import AsyncClient, AuthenticationError, Client, Event, InvalidInputError
from emnify_auth.requests import EmnifyAuth

from elsewhere import Elsewhere
from sandbox import APPLICATION_TOKEN, AUTHENTICATE, REFUSAL, SIM, Sandbox

BODY = b'{"description": "new"}'


@pytest.fixture
def session(sandbox: Sandbox, client: Client) -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.verify = sandbox.ca_file
        session.trust_env = False
        session.auth = EmnifyAuth(client)
        yield session


def test_the_base_url_s_origin_gets_the_auth_token(
    sandbox: Sandbox, session: requests.Session
) -> None:
    for _ in range(3):
        assert session.get(f"{sandbox.url}{SIM}/500001", timeout=10).json()["id"] == 500_001
    assert sandbox.calls("POST", AUTHENTICATE) == 1


def test_another_origin_gets_no_auth_token(
    session: requests.Session, elsewhere: Elsewhere, sandbox: Sandbox
) -> None:
    assert session.get(elsewhere.url, timeout=10).status_code == 200
    # Its 401 causes no sign-in. Another scheme or a similar host name is another origin too.
    elsewhere.status = 401
    assert session.get(elsewhere.url, timeout=10).status_code == 401
    assert elsewhere.authorization == [None, None]
    assert sandbox.calls() == 0
    auth = session.auth
    for url in (
        sandbox.url.replace("https", "http"),
        "https://127.0.0.1:1",
        sandbox.url.replace("//", "//x."),
        sandbox.url.replace("//", "//user@evil.example\\@"),
    ):
        request = requests.Request("GET", f"{url}{SIM}", auth=auth).prepare()
        assert "Authorization" not in request.headers, url


def test_host_names_are_compared_ignoring_case(sandbox: Sandbox) -> None:
    with sandbox.client(base_url="https://CDN.emnify.net:443/") as client:
        client_url = client.base_url
        auth = EmnifyAuth(client)
    # The client is closed, so requests to our origin fail and others do not.
    assert client_url == "https://cdn.emnify.net"
    for url in ("https://cdn.emnify.net/x", "HTTPS://cdn.EMNIFY.net:443/x"):
        with pytest.raises(InvalidInputError, match="closed"):
            requests.Request("GET", url, auth=auth).prepare()
    requests.Request("GET", "https://cdn.emnify.net:8443/x", auth=auth).prepare()


def test_a_redirect_to_another_origin_gets_no_auth_token(
    sandbox: Sandbox, session: requests.Session, elsewhere: Elsewhere
) -> None:
    sandbox.fault("status", SIM, status=302, headers={"Location": elsewhere.url})
    elsewhere.status = 401
    answer = session.get(f"{sandbox.url}{SIM}", timeout=10)
    assert answer.status_code == 401
    assert elsewhere.authorization == [None]
    assert sandbox.calls("POST", AUTHENTICATE) == 1


def test_a_redirect_to_the_same_origin_keeps_the_auth_token(
    sandbox: Sandbox, session: requests.Session
) -> None:
    sandbox.fault("status", SIM, status=307, headers={"Location": f"{SIM}/500001"})
    assert session.get(f"{sandbox.url}{SIM}", timeout=10).json()["id"] == 500_001
    sandbox.revoke_auth_tokens()
    assert session.get(f"{sandbox.url}{SIM}", timeout=10).json()["id"] == 500_001


def test_a_refused_auth_token_is_replaced_and_the_request_repeated(
    sandbox: Sandbox, session: requests.Session
) -> None:
    session.get(f"{sandbox.url}{SIM}/500001", timeout=10)
    sandbox.revoke_auth_tokens()
    answer = session.post(
        f"{sandbox.url}{APPLICATION_TOKEN}", json={"description": "new"}, timeout=10
    )
    assert answer.status_code == 200
    assert [one.status_code for one in answer.history] == [401]
    assert sandbox.calls("POST", AUTHENTICATE) == 2
    assert sandbox.application_tokens()[-1]["description"] == "new"


def test_a_second_401_is_returned(sandbox: Sandbox, session: requests.Session) -> None:
    sandbox.fault("status", SIM, status=401)
    assert session.get(f"{sandbox.url}{SIM}", timeout=10).status_code == 401
    assert sandbox.calls("GET", SIM) == 2
    assert sandbox.calls("POST", AUTHENTICATE) == 2


def test_a_path_that_always_gets_401_costs_one_sign_in_and_delays_no_other_call(
    sandbox: Sandbox, session: requests.Session
) -> None:
    sandbox.fault("status", SIM, status=401)
    for _ in range(20):
        assert session.get(f"{sandbox.url}{SIM}", timeout=10).status_code == 401
        assert session.get(f"{sandbox.url}{APPLICATION_TOKEN}", timeout=10).status_code == 200
    assert sandbox.calls("POST", AUTHENTICATE) == 2
    # The first call is repeated with the new token; each later call is sent once.
    assert sandbox.calls("GET", SIM) == 21


def test_other_threads_get_the_cached_token_while_one_signs_in_after_a_401(
    sandbox: Sandbox, session: requests.Session, client: Client
) -> None:
    cached = client.authenticate().reveal()
    sandbox.fault("status", SIM, status=401)
    sandbox.fault("delay", AUTHENTICATE, milliseconds=5_000)
    with ThreadPoolExecutor(21) as pool:
        call = pool.submit(session.get, f"{sandbox.url}{SIM}", timeout=30)
        sandbox.wait_for_call("POST", AUTHENTICATE, 2)
        others = [pool.submit(client.authenticate) for _ in range(20)]
        assert {other.result(timeout=30).reveal() for other in others} == {cached}
        assert not call.done()
        assert call.result(timeout=30).status_code == 401
    assert client.authenticate().reveal() != cached


def test_the_401_is_returned_if_the_new_sign_in_fails(
    sandbox: Sandbox, session: requests.Session, client: Client
) -> None:
    cached = client.authenticate().reveal()
    sandbox.fault("status", SIM, status=401)
    sandbox.fault("status", AUTHENTICATE, status=503)
    assert session.get(f"{sandbox.url}{SIM}", timeout=10).status_code == 401
    assert sandbox.calls("GET", SIM) == 1
    assert client.authenticate().reveal() == cached


def test_a_streamed_401_can_be_read(sandbox: Sandbox, session: requests.Session) -> None:
    sandbox.fault("status", SIM, status=401, body=REFUSAL)
    for _ in range(2):
        with session.get(f"{sandbox.url}{SIM}", stream=True, timeout=10) as answer:
            assert answer.status_code == 401
            assert answer.raw.read(100_000).decode() == REFUSAL


def test_calls_with_a_revoked_auth_token_share_one_sign_in(
    sandbox: Sandbox, session: requests.Session
) -> None:
    url = f"{sandbox.url}{SIM}/500001"
    session.get(url, timeout=10)
    sandbox.revoke_auth_tokens()
    sandbox.fault("delay", AUTHENTICATE, milliseconds=500)

    def get(_: int) -> requests.Response:
        # A requests.Session must not be shared by threads.
        return requests.get(url, auth=session.auth, verify=sandbox.ca_file, timeout=30)

    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(get, range(10)))
    assert {answer.status_code for answer in answers} == {200}
    assert sandbox.calls("POST", AUTHENTICATE) == 2
    # Each call is repeated at most once.
    assert sandbox.calls("GET", f"{SIM}/500001") <= 21


class Unseekable(io.RawIOBase):
    """Yields a body that can be read only once."""

    def __init__(self) -> None:
        self._rest = BODY

    def readable(self) -> bool:
        return True

    def read(self, _: int = -1) -> bytes:
        rest, self._rest = self._rest, b""
        return rest

    def tell(self) -> int:
        raise OSError

    def __iter__(self) -> Iterator[bytes]:
        return iter([self.read()])


def once() -> Iterator[bytes]:
    yield BODY


@pytest.mark.parametrize("body", [once, Unseekable])
def test_a_body_that_cannot_be_sent_twice_is_not_repeated(
    sandbox: Sandbox, session: requests.Session, body: type
) -> None:
    url = f"{sandbox.url}{APPLICATION_TOKEN}"
    session.get(url, timeout=10)
    sandbox.revoke_auth_tokens()
    headers = {"Content-Type": "application/json"}
    assert session.post(url, data=body(), headers=headers, timeout=10).status_code == 401
    assert sandbox.calls("POST", APPLICATION_TOKEN) == 1
    # The next call uses a new auth token.
    assert session.post(url, data=body(), headers=headers, timeout=10).status_code == 200


@pytest.mark.parametrize("kind", ["file", "bytes"])
def test_a_file_is_rewound_to_where_it_was(
    sandbox: Sandbox, session: requests.Session, tmp_path: Path, kind: str
) -> None:
    url = f"{sandbox.url}{APPLICATION_TOKEN}"
    session.get(url, timeout=10)
    sandbox.revoke_auth_tokens()
    path = tmp_path / "body"
    path.write_bytes(b"not this" + BODY)
    file: BinaryIO
    with path.open("rb") if kind == "file" else io.BytesIO(path.read_bytes()) as file:
        file.seek(len(b"not this"), os.SEEK_SET)
        answer = session.post(url, data=file, timeout=10)
    assert answer.status_code == 200
    assert sandbox.application_tokens()[-1]["description"] == "new"
    assert sandbox.calls("POST", APPLICATION_TOKEN) == 2


def test_refused_credentials_raise_our_exception(sandbox: Sandbox) -> None:
    with sandbox.client(application_token="refused") as client, requests.Session() as session:
        session.verify, session.trust_env = sandbox.ca_file, False
        with pytest.raises(AuthenticationError):
            session.get(f"{sandbox.url}{SIM}", auth=EmnifyAuth(client), timeout=10)


def test_only_a_client_is_accepted(sandbox: Sandbox) -> None:
    clients: list[object] = [None, "token", sandbox.async_client()]
    for client in clients:
        with pytest.raises(InvalidInputError, match=r"^client: must be a Client, not "):
            EmnifyAuth(client)  # type: ignore[arg-type]
    assert isinstance(clients[-1], AsyncClient)


def test_the_client_s_functions_are_called_as_usual(sandbox: Sandbox) -> None:
    events: list[Event] = []
    with sandbox.client(on_event=events.append) as client, requests.Session() as session:
        session.verify, session.trust_env = sandbox.ca_file, False
        session.get(f"{sandbox.url}{SIM}", auth=EmnifyAuth(client), timeout=10)
    assert [event.kind for event in events] == ["authenticated"]
