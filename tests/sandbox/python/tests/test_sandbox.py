"""The class and the fixtures, in a project that has only the two wheels and pytest."""

import datetime
import os
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import get_args, get_type_hints

import pytest

import emnify_auth
import emnify_sandbox as package
from emnify_auth import AuthenticationError, Client, ServerError
from emnify_sandbox import PASSWORD, USER_WITH_MFA, FaultKind, FaultOptions, Sandbox, Settings

AUTHENTICATE = "/api/v1/authenticate"
SIM = "/api/v1/sim/500001"

# The fields that a kind requires.
REQUIRED: dict[str, FaultOptions] = {
    "status": {"status": 503},
    "delay": {"milliseconds": 1},
    "html": {"status": 502},
    "date_off": {"seconds": -60},
}


def test_a_sandbox_without_pytest() -> None:
    with Sandbox() as sandbox:
        assert sandbox.url.startswith("https://127.0.0.1:")
        with Client(**sandbox.client_settings()) as client:
            assert client.get(SIM).status_code == 200
        assert [request["path"] for request in sandbox.requests()] == [AUTHENTICATE, SIM]
        ca_file = Path(sandbox.ca_file)
        assert ca_file.exists()
    assert not ca_file.exists()


def test_the_package_needs_no_pytest() -> None:
    program = (
        "import sys; sys.modules['pytest'] = None; import emnify_sandbox as s; s.Sandbox().close()"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", program], check=True, timeout=60)


def test_the_program_runs_as_a_module() -> None:
    command = [sys.executable, "-m", "emnify_sandbox", "--help"]
    said = subprocess.run(command, check=True, timeout=60, capture_output=True, text=True).stdout
    assert "--exit-with-stdin" in said


def test_a_program_that_does_not_start_is_reported() -> None:
    with pytest.raises(RuntimeError, match=r"did not start: .*exit-with-stdin"):
        Sandbox(program=sys.executable)
    with pytest.raises(FileNotFoundError):
        Sandbox(program="/nowhere/emnify-sandbox")


def test_both_packages_have_one_version() -> None:
    from importlib.metadata import requires, version

    ours = version("emnify-sandbox")
    assert ours == emnify_auth.__version__
    assert f"emnify-sandbox=={ours} ; extra == 'testing'" in (requires("emnify-auth") or [])
    assert not requires("emnify-sandbox")


@pytest.mark.parametrize("kind", get_args(FaultKind))
def test_every_kind_of_fault_is_known(emnify_sandbox: Sandbox, kind: FaultKind) -> None:
    options = REQUIRED.get(kind, {})
    emnify_sandbox.fault(kind, SIM, **options)
    if options:
        with pytest.raises(ValueError, match="missing field"):
            emnify_sandbox.fault(kind)


def test_every_field_of_a_fault_belongs_to_a_kind(emnify_sandbox: Sandbox) -> None:
    known: set[str] = set()
    for kind in get_args(FaultKind):
        for field in get_type_hints(FaultOptions):
            options = {"method": "GET", **REQUIRED.get(kind, {})}
            options.setdefault(field, _example(field))
            try:
                emnify_sandbox.fault(kind, SIM, **options)  # type: ignore[arg-type]
            except ValueError:
                continue
            known.add(field)
    assert known == set(get_type_hints(FaultOptions))


def _example(field: str) -> object:
    texts = {"method": "GET", "body": "", "content_type": "text/plain", "headers": {}}
    return texts.get(field, field in ("side_effect", "fast") or 200)


def test_a_field_that_does_not_belong_to_a_fault_is_refused(emnify_sandbox: Sandbox) -> None:
    with pytest.raises(ValueError, match=r"POST /fault: unknown field `seconds`"):
        emnify_sandbox.fault("status", status=503, seconds=1)


def test_a_fault_occurs_as_often_as_asked(emnify_sandbox: Sandbox, emnify_client: Client) -> None:
    emnify_sandbox.fault("status", SIM, method="GET", status=503, times=1, skip=1)
    emnify_sandbox.fault("reset_before", AUTHENTICATE, times=1)
    emnify_client.get(SIM)
    emnify_client.get(SIM)
    assert emnify_sandbox.calls("GET", SIM) == 3
    assert emnify_sandbox.calls("GET", SIM, status=503) == 1
    assert emnify_sandbox.calls("POST", AUTHENTICATE) == 2
    emnify_sandbox.reset_counters()
    assert emnify_sandbox.calls() == 0
    assert emnify_sandbox.connections() == 0


def test_a_client_takes_no_time_between_attempts(
    emnify_sandbox: Sandbox, emnify_client: Client
) -> None:
    emnify_sandbox.fault("status", status=503)
    started = time.monotonic()
    for _ in range(5):
        with pytest.raises(ServerError) as raised:
            emnify_client.get(SIM)
        emnify_sandbox.clock.advance(raised.value.retry_after or 0)
    emnify_sandbox.clear_faults()
    emnify_client.get(SIM)
    assert time.monotonic() - started < 5


def test_the_settings_are_those_of_the_server(emnify_sandbox: Sandbox) -> None:
    assert set(emnify_sandbox.settings()) == set(get_type_hints(Settings))
    assert emnify_sandbox.settings(auth_token_lifetime=60)["auth_token_lifetime"] == 60
    emnify_sandbox.reset()
    assert emnify_sandbox.settings()["auth_token_lifetime"] == 14400
    with pytest.raises(ValueError, match="lifetime"):
        emnify_sandbox.settings(lifetime=60)  # type: ignore[call-arg]


def test_every_test_begins_with_the_initial_state(emnify_sandbox: Sandbox) -> None:
    [row] = emnify_sandbox.application_tokens()
    assert row["value"] == emnify_sandbox.application_token
    assert emnify_sandbox.calls() == 0


def test_the_clock_moves(emnify_sandbox: Sandbox, emnify_client: Client) -> None:
    clock = emnify_sandbox.clock
    now = datetime.datetime.now(datetime.timezone.utc)
    assert abs(clock.now() - now) < datetime.timedelta(seconds=5)
    emnify_client.get(SIM)
    # The auth token expires for the client, too: it signs in before it sends a request.
    clock.advance(datetime.timedelta(hours=5))
    assert not emnify_client.status().signed_in
    emnify_client.get(SIM)
    assert emnify_sandbox.calls("POST", AUTHENTICATE) == 2
    assert emnify_sandbox.calls(status=401) == 0
    clock.set(now)
    clock.advance(60)
    assert clock.now() - now < datetime.timedelta(seconds=65)
    with pytest.raises(ValueError, match="time zone"):
        clock.set(now.replace(tzinfo=None))
    with pytest.raises(ValueError, match="does not go back"):
        clock.advance(-1)


def test_application_tokens_are_added_and_revoked(emnify_sandbox: Sandbox) -> None:
    old = emnify_sandbox.add_application_token(description="old", expiry_date="2020-01-01")
    added = emnify_sandbox.add_application_token(description="gateway 7")
    settings = emnify_sandbox.client_settings()
    for value, works in ((old.value, False), (added.value, True)):
        settings["application_token"] = value
        with Client(**settings) as client:
            if works:
                client.get(SIM)
            else:
                with pytest.raises(AuthenticationError):
                    client.get(SIM)
    emnify_sandbox.revoke_application_token(added.id)
    rows = {row["description"]: row["revoked"] for row in emnify_sandbox.application_tokens()}
    assert rows == {"Sandbox": False, "old": False, "gateway 7": True}
    with pytest.raises(ValueError, match="there is no application token 1"):
        emnify_sandbox.revoke_application_token(1)


def test_revoked_auth_tokens_are_replaced(emnify_sandbox: Sandbox, emnify_client: Client) -> None:
    emnify_client.get(SIM)
    emnify_sandbox.revoke_auth_tokens()
    emnify_client.get(SIM)
    assert emnify_sandbox.calls("GET", SIM, status=401) == 1


def test_a_user_signs_in_with_the_one_time_code(emnify_sandbox: Sandbox) -> None:
    assert {"user@example.com", USER_WITH_MFA} == {u["username"] for u in emnify_sandbox.users()}
    with Client.from_user(
        USER_WITH_MFA,
        PASSWORD,
        mfa=emnify_sandbox.one_time_code,
        base_url=emnify_sandbox.url,
        ca_bundle=emnify_sandbox.ca_file,
    ) as client:
        assert client.authenticate().organisation_id == 1234


def test_the_environment_leads_to_the_sandbox(
    monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    monkeypatch.setenv("EMNIFY_BASE_PATH", "https://elsewhere.example")
    monkeypatch.setenv("EMNIFY_APPLICATION_TOKEN_FILE", "/nowhere")
    environment: dict[str, str] = request.getfixturevalue("emnify_environment")
    assert environment.items() <= os.environ.items()
    with Client() as client:
        assert client.base_url == request.getfixturevalue("emnify_sandbox").url
        client.get(SIM)


def test_the_control_path_uses_no_proxy(
    emnify_sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    assert urllib.request.getproxies()["http"]
    assert emnify_sandbox.calls() == 0


def test_everything_public_is_described() -> None:
    for name in package.__all__:
        if name not in ("FaultKind", "PASSWORD", "USER", "USER_WITH_MFA"):
            assert getattr(package, name).__doc__, name
