"""Secrets: shown by reveal() and auth_headers(), and by nothing else, whatever one does to an
object or an exception."""

import copy
import hashlib
import io
import logging
import pickle
import traceback

import pytest

from emnify_auth import (
    AuthToken,
    Client,
    CreatedApplicationToken,
    EmnifyError,
    Event,
    TrustedDevice,
)

from emnify_sandbox import APPLICATION_TOKEN, AUTHENTICATE, PASSWORD, Sandbox


def shown(thing: object) -> str:
    """Return all that one gets to see of an object without asking for its secret."""
    seen = [repr(thing), str(thing), f"{thing}", f"{thing!a}", "%s" % (thing,)]  # noqa: UP031
    seen.append(repr([thing]) + repr({"thing": thing}))
    log = io.StringIO()
    logger = logging.Logger("canary")
    logger.addHandler(logging.StreamHandler(log))
    logger.error("%s %r", thing, thing)
    seen.append(log.getvalue())
    for name in dir(thing):
        value = getattr(thing, name)
        if not callable(value):
            seen.append(repr(value))
    with pytest.raises(TypeError):
        vars(thing)
    return "\n".join(seen)


def test_objects_show_no_secret(client: Client, sandbox: Sandbox) -> None:
    auth_token = client.authenticate()
    created = client.application_tokens.create(description="new")
    secrets = [sandbox.application_token, auth_token.reveal(), created.reveal(), "canary-4711"]
    things = [client, auth_token, created, client.application_tokens, client.status()]
    things.append(TrustedDevice("canary-4711", "gateway 7"))
    things += [client.get(APPLICATION_TOKEN), client.paginate(APPLICATION_TOKEN)]
    things += client.application_tokens.audit()
    things += client.application_tokens.list()
    for thing in things:
        seen = shown(thing)
        for secret in secrets:
            assert secret not in seen
            # Nor the part that matters.
            assert secret.rsplit(".", maxsplit=1)[-1] not in seen


@pytest.mark.parametrize("status", [401, 422, 429, 500])
def test_events_and_the_status_show_no_secret(sandbox: Sandbox, status: int) -> None:
    events: list[Event] = []
    with sandbox.client(on_event=events.append, timeout=1.0) as client:
        auth_token = client.authenticate()
        sandbox.fault("echo_secrets", AUTHENTICATE, status=status)
        client.invalidate(auth_token)
        with pytest.raises(EmnifyError):
            client.authenticate()
        things = [*events, client.status()]
    assert len(things) >= 3
    for thing in things:
        seen = shown(thing)
        for secret in (sandbox.application_token, auth_token.reveal()):
            assert secret not in seen
            assert secret.rsplit(".", maxsplit=1)[-1] not in seen


@pytest.mark.parametrize("status", [401, 422, 429, 500])
def test_a_person_s_secrets_are_not_shown(sandbox: Sandbox, status: int) -> None:
    events: list[Event] = []
    codes: list[str] = []

    def mfa() -> str:
        codes.append(sandbox.one_time_code() or "")
        sandbox.fault("echo_secrets", AUTHENTICATE, status=status)
        return codes[-1]

    device = TrustedDevice("canary-4711", "gateway 7")
    with sandbox.user(
        mfa=mfa, trusted_device=device, timeout=2.0, on_event=events.append
    ) as client:
        with pytest.raises(EmnifyError) as caught:
            client.authenticate()
        seen = "".join(map(shown, [*events, client.status(), client, device]))
    seen += f"{caught.value} {vars(caught.value)}"
    digest = hashlib.sha1(PASSWORD.encode(), usedforsecurity=False).hexdigest()
    for secret in (*codes, digest, "canary-4711"):
        assert secret not in seen


def test_an_answer_shows_its_body_only_where_it_is_asked_for(client: Client) -> None:
    response = client.post(APPLICATION_TOKEN, json={"description": "new"})
    secret = response.json()["application_token"]
    for seen in (repr(response), str(response), repr([response]), repr(response.headers)):
        assert secret not in seen


def test_objects_with_secrets_are_not_pickled(client: Client) -> None:
    things: list[object] = [client, client.application_tokens, client.authenticate()]
    things += [client.application_tokens.create(), TrustedDevice("canary-4711", "gateway 7")]
    things += [client.get(APPLICATION_TOKEN), client.paginate(APPLICATION_TOKEN)]
    for thing in things:
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
            with pytest.raises(TypeError, match="is not pickled or copied: it"):
                pickle.dumps(thing, protocol)


def test_a_client_is_not_copied(client: Client) -> None:
    for thing in (client, client.application_tokens, client.paginate(APPLICATION_TOKEN)):
        with pytest.raises(TypeError, match="is not pickled or copied: it"):
            copy.copy(thing)
        with pytest.raises(TypeError, match="is not pickled or copied: it"):
            copy.deepcopy(thing)


def test_a_copy_of_what_does_not_change_is_itself(client: Client) -> None:
    things: list[AuthToken | CreatedApplicationToken] = [
        client.authenticate(),
        client.application_tokens.create(),
    ]
    for thing in things:
        assert copy.copy(thing) is thing
        assert copy.deepcopy(thing) is thing


@pytest.mark.parametrize("status", [400, 401, 403, 422, 429, 500])
@pytest.mark.parametrize("path", [AUTHENTICATE, APPLICATION_TOKEN])
def test_a_server_that_quotes_secrets_is_not_repeated(
    sandbox: Sandbox, path: str, status: int
) -> None:
    secrets = [sandbox.application_token]
    with sandbox.client(timeout=1.0) as client:
        if path == APPLICATION_TOKEN:
            secrets.append(client.authenticate().reveal())
        sandbox.fault("echo_secrets", path, status=status)
        with pytest.raises(EmnifyError) as caught:
            client.application_tokens.list()
    error = caught.value
    assert error.api_error is not None
    assert "[redacted]" in str(error.api_error.message)
    report = traceback.TracebackException.from_exception(error, capture_locals=True)
    seen = "".join(report.format())
    # This test's own variables hold the secrets: only the frames' other lines count.
    seen = "\n".join(line for line in seen.split("\n") if not line.lstrip().startswith("secrets ="))
    seen += f"{error} {error!r} {error.args} {vars(error)} {pickle.dumps(error)!r}"
    for secret in secrets:
        assert secret not in seen


def test_a_refusal_shows_no_secret_in_its_traceback(sandbox: Sandbox) -> None:
    def sign_in() -> None:
        with sandbox.client(application_token="canary-4711") as client:
            client.authenticate()

    with pytest.raises(EmnifyError) as caught:
        sign_in()
    frames = traceback.extract_tb(caught.value.__traceback__)
    assert frames
    assert "canary" not in f"{caught.value!r} {vars(caught.value)}"
