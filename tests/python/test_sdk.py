"""emnify's own SDK with our session: its code works unchanged, and the Client signs in."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from emnify_auth import (
    AuthenticationError,
    Client,
    InvalidInputError,
    NetworkError,
    NotFoundError,
)

from conftest import ROOT
from sandbox import AUTHENTICATE, ENDPOINT, SIM, Sandbox

emnify_sdk: Any = pytest.importorskip("emnify")

from emnify_auth.sdk import connect  # noqa: E402


@pytest.fixture
def emnify(client: Client) -> Any:  # noqa: ANN401
    return connect(client)


def test_the_sdk_s_code_works_unchanged(sandbox: Sandbox, emnify: Any) -> None:  # noqa: ANN401
    assert isinstance(emnify, emnify_sdk.EMnify)
    assert emnify.sim.retrieve_sim(500_001).id == 500_001
    sims = list(emnify.sim.get_sim_list())
    assert len({sim.id for sim in sims}) == 300
    devices = list(emnify.devices.get_devices_list())
    assert len(devices) == 250
    device = emnify.devices.retrieve_device(devices[0].id)
    assert device.name == devices[0].name
    assert sandbox.calls("POST", AUTHENTICATE) == 1
    # No call was sent without an auth token.
    assert sandbox.calls() == 2 + sandbox.calls("GET", SIM) + sandbox.calls("GET", ENDPOINT) + 1
    assert sandbox.connections() <= 2


def test_twenty_cold_threads_sign_in_once(sandbox: Sandbox, emnify: Any) -> None:  # noqa: ANN401
    with ThreadPoolExecutor(20) as pool:
        rows = pool.map(emnify.sim.retrieve_sim, range(500_001, 500_021))
        assert [row.id for row in rows] == list(range(500_001, 500_021))
    assert sandbox.calls("POST", AUTHENTICATE) == 1


def test_a_refused_auth_token_is_replaced(sandbox: Sandbox, emnify: Any) -> None:  # noqa: ANN401
    before = emnify.token
    sandbox.revoke_auth_tokens()
    assert emnify.sim.retrieve_sim(500_001).id == 500_001
    assert emnify.token != before
    assert sandbox.calls("POST", AUTHENTICATE) == 2


def test_a_second_401_ends_the_call(sandbox: Sandbox, emnify: Any) -> None:  # noqa: ANN401
    sandbox.fault("status", f"{SIM}/*", status=401)
    with pytest.raises(emnify_sdk.errors.UnauthorisedException):
        emnify.sim.retrieve_sim(500_001)
    assert sandbox.calls("GET", f"{SIM}/500001") == 2
    assert sandbox.calls("POST", AUTHENTICATE) == 2


def test_an_error_is_one_of_ours_and_one_of_the_sdk_s(emnify: Any) -> None:  # noqa: ANN401
    theirs = emnify_sdk.errors.ValidationErrorException
    with pytest.raises(theirs, match="SIM with Id '1' not found") as told:
        emnify.sim.retrieve_sim(1)
    assert isinstance(told.value, NotFoundError)
    assert told.value.http_status == 404


def test_refused_credentials_raise_an_exception_that_is_both(sandbox: Sandbox) -> None:
    with sandbox.client(application_token="refused") as client:
        for expected in (AuthenticationError, emnify_sdk.errors.UnauthorisedException):
            with pytest.raises(expected):
                connect(client).sim.retrieve_sim(500_001)


def test_a_failed_connection_raises_an_exception_that_is_both(sandbox: Sandbox) -> None:
    with sandbox.client(base_url="https://127.0.0.1:1") as client:
        for expected in (NetworkError, emnify_sdk.errors.EMnifyBaseException):
            with pytest.raises(expected):
                connect(client).sim.retrieve_sim(500_001)


@pytest.mark.parametrize("status", [429, 503])
def test_temporary_failures_are_retried(sandbox: Sandbox, emnify: Any, status: int) -> None:  # noqa: ANN401
    sandbox.fault("status", f"{SIM}/*", status=status, headers={"Retry-After": "0"}, times=1)
    assert emnify.sim.retrieve_sim(500_001).id == 500_001
    assert sandbox.calls("GET", f"{SIM}/500001") == 2


def test_other_objects_of_the_sdk_are_unchanged(
    sandbox: Sandbox,
    emnify: Any,  # noqa: ANN401
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("emnify.api_manager.MAIN_URL", f"{sandbox.url}/api")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", sandbox.ca_file)
    own = emnify_sdk.EMnify(sandbox.application_token)
    assert own.sim.retrieve_sim(500_001).id == 500_001
    assert own.token
    assert emnify.sim.retrieve_sim(500_001).id == 500_001


def test_the_example_works(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", sandbox.ca_file)
    said = sandbox.run(ROOT / "python/examples/emnify_sdk.py")
    assert said.splitlines()[0] == "500001 8988303000000000000 Activated"


def test_only_a_client_is_accepted() -> None:
    with pytest.raises(InvalidInputError, match=r"^client: must be a Client, not str"):
        connect("token")  # type: ignore[arg-type]
