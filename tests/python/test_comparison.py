"""What COMPARISON.md says: the same situations for this package, for emnify's own SDK, and for code
that uses requests by hand. The SDK is emnify-sdk 0.5.3, as it is, without emnify_auth.sdk."""

import datetime
import re
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from emnify_auth import AuthenticationError, Client

from conftest import ROOT
from sandbox import AUTHENTICATE, SIM, Sandbox

emnify_sdk: Any = pytest.importorskip("emnify")
requests: Any = pytest.importorskip("requests")

HOUR = datetime.timedelta(hours=1)
SIM_1 = f"{SIM}/500001"


class ByHand:
    """What a program writes that needs no library: sign in once, then send the header."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.url = sandbox.url
        body = {"application_token": sandbox.application_token}
        response = requests.post(f"{self.url}{AUTHENTICATE}", json=body, timeout=30)
        response.raise_for_status()
        self.headers = {"Authorization": f"Bearer {response.json()['auth_token']}"}

    def sim(self) -> None:
        response = requests.get(f"{self.url}{SIM_1}", headers=self.headers, timeout=30)
        response.raise_for_status()


@pytest.fixture
def ours(sandbox: Sandbox) -> Client:
    """A client whose clock moves with the sandbox's."""
    return Client(**sandbox.client_settings())


@pytest.fixture
def new_sdk(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Any]:
    monkeypatch.setattr("emnify.api_manager.MAIN_URL", f"{sandbox.url}/api")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", sandbox.ca_file)
    return lambda: emnify_sdk.EMnify(sandbox.application_token)


@pytest.fixture
def sdk(new_sdk: Callable[[], Any]) -> Any:  # noqa: ANN401
    return new_sdk()


@pytest.fixture
def by_hand(sandbox: Sandbox, new_sdk: object) -> ByHand:
    assert new_sdk  # It set the certificates for requests.
    return ByHand(sandbox)


def sign_ins(sandbox: Sandbox) -> int:
    return sandbox.calls("POST", AUTHENTICATE)


def test_requests_for_the_first_call(sandbox: Sandbox, ours: Client, sdk: Any) -> None:  # noqa: ANN401
    ours.get(SIM_1)
    assert sandbox.calls() == 2
    sandbox.reset_counters()
    sdk.sim.retrieve_sim(500_001)
    assert sandbox.calls() == 3
    sandbox.reset_counters()
    ByHand(sandbox).sim()
    assert sandbox.calls() == 2


def test_sign_ins_of_twenty_cold_threads(
    sandbox: Sandbox,
    ours: Client,
    sdk: Any,  # noqa: ANN401
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with ThreadPoolExecutor(20) as pool:
        list(pool.map(lambda _: ours.get(SIM_1), range(20)))
        assert sign_ins(sandbox) == 1
        sandbox.reset_counters()

        # No thread of the SDK is late: all send their first request at the same time.
        start = threading.Barrier(20)
        get = requests.get

        def get_together(*arguments: Any, headers: dict[str, str], **options: Any) -> Any:  # noqa: ANN401
            if headers["authorization"] == "Bearer None":
                start.wait(30)
            return get(*arguments, headers=headers, **options)

        monkeypatch.setattr("requests.get", get_together)
        list(pool.map(lambda _: sdk.sim.retrieve_sim(500_001), range(20)))
        assert sign_ins(sandbox) == 20


def test_sign_ins_of_the_second_run(
    sandbox: Sandbox, new_sdk: Callable[[], Any], tmp_path: Path
) -> None:
    def run() -> None:
        with sandbox.client(store=tmp_path) as client:
            client.get(SIM_1)

    for call, expected in (
        (run, 0),
        (lambda: new_sdk().sim.retrieve_sim(500_001), 1),
        (lambda: ByHand(sandbox).sim(), 1),
    ):
        call()
        sandbox.reset_counters()
        call()
        assert sign_ins(sandbox) == expected


def test_an_auth_token_that_expires(
    sandbox: Sandbox,
    ours: Client,
    sdk: Any,  # noqa: ANN401
    by_hand: ByHand,
) -> None:
    ours.get(SIM_1)
    sdk.sim.retrieve_sim(500_001)
    sandbox.clock.advance(5 * HOUR)
    sandbox.reset_counters()
    ours.get(SIM_1)
    assert sandbox.calls(status=401) == 0
    sdk.sim.retrieve_sim(500_001)
    assert sandbox.calls(status=401) == 1
    with pytest.raises(requests.HTTPError, match="401"):
        by_hand.sim()


def test_an_auth_token_that_expires_while_sign_ins_fail(
    sandbox: Sandbox,
    ours: Client,
    sdk: Any,  # noqa: ANN401
    by_hand: ByHand,
) -> None:
    ours.get(SIM_1)
    sdk.sim.retrieve_sim(500_001)
    sandbox.clock.advance(3 * HOUR)
    # This call starts the renewal, an hour before the auth token expires.
    ours.get(SIM_1)
    sandbox.wait_for_call("POST", AUTHENTICATE, 4)
    sandbox.fault("status", AUTHENTICATE, status=503)
    sandbox.clock.advance(HOUR)
    ours.get(SIM_1)
    with pytest.raises(emnify_sdk.errors.UnknownStatusCodeException, match="503"):
        sdk.sim.retrieve_sim(500_001)
    with pytest.raises(requests.HTTPError, match="401"):
        by_hand.sim()


def test_a_path_that_always_returns_401(
    sandbox: Sandbox,
    ours: Client,
    sdk: Any,  # noqa: ANN401
    by_hand: ByHand,
) -> None:
    sandbox.settings(authenticate_limit=20)
    sandbox.fault("status", SIM_1, status=401)
    with pytest.raises(requests.HTTPError, match="401"):
        by_hand.sim()
    sandbox.reset_counters()
    for _ in range(5):
        with pytest.raises(AuthenticationError):
            ours.get(SIM_1)
    assert sign_ins(sandbox) == 2
    # The SDK repeats its call until emnify's limit of sign-ins ends that.
    with pytest.raises(emnify_sdk.errors.UnknownStatusCodeException, match="429"):
        sdk.sim.retrieve_sim(500_001)
    assert sign_ins(sandbox) >= 20
    assert sandbox.calls("POST", AUTHENTICATE, status=429) == 1


def test_ten_calls_with_a_revoked_application_token(
    sandbox: Sandbox,
    ours: Client,
    sdk: Any,  # noqa: ANN401
) -> None:
    sandbox.revoke_application_token()
    for _ in range(10):
        with pytest.raises(AuthenticationError):
            ours.get(SIM_1)
    assert sign_ins(sandbox) == 1
    sandbox.reset_counters()
    for _ in range(10):
        with pytest.raises(emnify_sdk.errors.UnauthorisedException):
            sdk.sim.retrieve_sim(500_001)
    assert sign_ins(sandbox) == 10


@pytest.mark.parametrize("status", [429, 503])
def test_one_temporary_failure(
    sandbox: Sandbox,
    ours: Client,
    sdk: Any,  # noqa: ANN401
    by_hand: ByHand,
    status: int,
) -> None:
    def fail_once() -> None:
        sandbox.fault("status", SIM_1, status=status, headers={"Retry-After": "0"}, times=1)

    fail_once()
    ours.get(SIM_1)
    sdk.sim.retrieve_sim(500_001)
    fail_once()
    with pytest.raises(emnify_sdk.errors.UnknownStatusCodeException, match=str(status)):
        sdk.sim.retrieve_sim(500_001)
    fail_once()
    with pytest.raises(requests.HTTPError, match=str(status)):
        by_hand.sim()


def test_a_server_that_does_not_respond(
    sandbox: Sandbox,
    sdk: Any,  # noqa: ANN401
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sandbox.fault("delay", SIM_1, milliseconds=60_000, times=1)
    with sandbox.client(timeout=0.5) as client, pytest.raises(TimeoutError):
        client.get(SIM_1)
    # The SDK sets no timeout, so that it waits as long as the server does.
    timeouts = []
    send = requests.Session.send

    def noting(*arguments: Any, **options: Any) -> Any:  # noqa: ANN401
        timeouts.append(options["timeout"])
        return send(*arguments, **options)

    monkeypatch.setattr("requests.Session.send", noting)
    sdk.sim.retrieve_sim(500_001)
    assert set(timeouts) == {None}


def test_connections_for_ten_calls(sandbox: Sandbox, ours: Client, sdk: Any) -> None:  # noqa: ANN401
    for _ in range(10):
        ours.get(SIM_1)
    assert sandbox.connections() == 1
    sandbox.reset_counters()
    for _ in range(10):
        sdk.sim.retrieve_sim(500_001)
    assert sandbox.connections() == 12


def test_secrets_in_what_a_debugger_or_a_crash_report_shows(
    sandbox: Sandbox,
    ours: Client,
    sdk: Any,  # noqa: ANN401
) -> None:
    assert sandbox.application_token not in repr(ours)
    with pytest.raises(TypeError):
        vars(ours)
    assert sandbox.application_token in repr(vars(sdk))


def test_application_tokens(ours: Client, sdk: Any) -> None:  # noqa: ANN401
    created = ours.application_tokens.create(description="gateway 7")
    assert created.id is not None
    ours.application_tokens.revoke(created.id)
    folder = Path(emnify_sdk.__file__).parent
    calls = "".join(file.read_text() for file in folder.rglob("api_call_manager.py"))
    assert re.search("/v1/sim|SIM", calls)
    assert "application_token" not in calls.lower()
    assert not hasattr(sdk, "application_tokens")


def test_typed_calls(ours: Client, sdk: Any) -> None:  # noqa: ANN401
    """What the SDK has and this package has not."""
    assert sdk.devices.create_device
    assert sdk.sim.retrieve_sim(500_001).iccid
    assert not hasattr(ours, "devices")


def test_the_document_names_the_tests() -> None:
    text = (ROOT / "COMPARISON.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`(test_\w+)`", text))
    here = {name for name in globals() if name.startswith("test_")}
    assert named == here - {"test_the_document_names_the_tests"}
