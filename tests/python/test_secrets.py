"""Secrets are shown only by reveal() and auth_headers(), in any view of an object or exception."""

import copy
import dataclasses
import gc
import hashlib
import io
import json
import logging
import os
import pickle
import pprint
import pydoc
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from emnify_auth import (
    AuthToken,
    Client,
    CreatedApplicationToken,
    EmnifyError,
    Event,
    TrustedDevice,
)

from sandbox import APPLICATION_TOKEN, AUTHENTICATE, PASSWORD, Sandbox


def shown(thing: object) -> str:
    """Return all text that an object shows without being asked for its secret."""
    seen = [repr(thing), str(thing), f"{thing}", f"{thing!a}", "%s" % (thing,)]  # noqa: UP031
    seen += [f"{thing!r:>200}", format(thing), pprint.pformat(thing), pydoc.render_doc(thing)]
    seen += [repr([thing]), repr({"thing": thing}), repr(gc.get_referents(thing))]
    seen += [refused(attempt, thing) for attempt in (json.dumps, bytes)]
    if dataclasses.is_dataclass(thing) and not isinstance(thing, type):
        seen += [repr(dataclasses.asdict(thing)), repr(pickle.dumps(thing))]
    else:
        seen += [refused(dataclasses.asdict, thing), refused(vars, thing)]
    log = io.StringIO()
    logger = logging.Logger("canary")
    logger.addHandler(logging.StreamHandler(log))
    logger.error("%s %r", thing, thing)
    seen.append(log.getvalue())
    for name in dir(thing):
        seen.append(repr(getattr(thing, name)))
    return "\n".join(seen)


def refused(attempt: Callable[[Any], object], thing: object) -> str:
    """Return all text of the TypeError with which a function refuses an object."""
    with pytest.raises(TypeError) as caught:
        attempt(thing)
    return report(caught.value)


def is_ours(file: str) -> bool:
    """Return whether a file is part of the tests."""
    return Path(__file__).parent in Path(file).resolve().parents


def report(error: BaseException) -> str:
    """Return all text of an exception, with the variables of all frames except the tests' own."""
    stack = traceback.TracebackException.from_exception(error, capture_locals=True)
    chain: traceback.TracebackException | None = stack
    while chain is not None:
        chain.stack[:] = [frame for frame in chain.stack if not is_ours(frame.filename)]
        chain = chain.__cause__ or chain.__context__
    seen = f"{error} {error!r} {error.args} {vars(error)}" + "".join(stack.format())
    return seen + (repr(pickle.dumps(error)) if isinstance(error, EmnifyError) else "")


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
            # Nor the secret part of it.
            assert secret.rsplit(".", maxsplit=1)[-1] not in seen


@pytest.mark.parametrize("status", [401, 422, 429, 500])
def test_events_and_the_status_show_no_secret(sandbox: Sandbox, status: int) -> None:
    events: list[Event] = []
    with sandbox.client(on_event=events.append, timeout=1.0) as client:
        auth_token = client.authenticate()
        sandbox.fault("echo_secrets", AUTHENTICATE, status=status)
        client.invalidate(auth_token)
        assert client.authenticate().reveal() == auth_token.reveal()
        things = [*events, client.status()]
    assert len(things) >= 3
    for thing in things:
        seen = shown(thing)
        for secret in (sandbox.application_token, auth_token.reveal()):
            assert secret not in seen
            assert secret.rsplit(".", maxsplit=1)[-1] not in seen


@pytest.mark.parametrize("status", [401, 422, 429, 500])
def test_a_user_s_secrets_are_not_shown(sandbox: Sandbox, status: int) -> None:
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


def test_the_repr_of_a_response_hides_its_body(client: Client) -> None:
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
            with pytest.raises(TypeError, match="cannot be pickled or copied: it"):
                pickle.dumps(thing, protocol)


def test_the_repr_of_a_client_says_how_it_signs_in_and_where(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    (tmp_path / "token").write_text(sandbox.application_token)
    rest = f"base_url='{sandbox.url}' store='memory'>"
    with sandbox.client() as client:
        assert repr(client) == f"<Client credential='application_token' {rest}"
    assert repr(client) == "<Client closed>"
    with sandbox.user() as client:
        assert repr(client) == f"<Client credential='user' {rest}"
    file, store = tmp_path / "token", tmp_path / "store"
    with sandbox.client(application_token=None, application_token_file=file, store=store) as client:
        assert f"credential='application_token_file' base_url='{sandbox.url}'" in repr(client)
        assert repr(client).endswith(f" store='{store}'>")
    with sandbox.client(store="redis://user:canary-4711@localhost:1/0") as client:
        assert repr(client).endswith(" store='localhost:1'>")


def test_two_auth_tokens_are_equal_if_their_text_is(client: Client, sandbox: Sandbox) -> None:
    first, second = client.authenticate(), client.authenticate()
    assert first is not second
    assert first == second
    assert len({first, second}) == 1
    sandbox.revoke_auth_tokens()
    client.invalidate(first)
    assert client.authenticate() != first
    text: object = first.reveal()
    assert first != text


def test_a_client_is_not_copied(client: Client) -> None:
    for thing in (client, client.application_tokens, client.paginate(APPLICATION_TOKEN)):
        with pytest.raises(TypeError, match="cannot be pickled or copied: it"):
            copy.copy(thing)
        with pytest.raises(TypeError, match="cannot be pickled or copied: it"):
            copy.deepcopy(thing)


def test_copying_an_immutable_object_returns_it(client: Client) -> None:
    things: list[AuthToken | CreatedApplicationToken] = [
        client.authenticate(),
        client.application_tokens.create(),
    ]
    for thing in things:
        assert copy.copy(thing) is thing
        assert copy.deepcopy(thing) is thing


@pytest.mark.parametrize("status", [400, 401, 403, 422, 429, 500])
@pytest.mark.parametrize("path", [AUTHENTICATE, APPLICATION_TOKEN])
def test_secrets_in_a_response_are_not_repeated(sandbox: Sandbox, path: str, status: int) -> None:
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
    seen = report(error)
    for secret in secrets:
        assert secret not in seen


CANARY = "canary-4711"


class Unserialisable:
    """An object that json.dumps refuses, and that contains a secret."""

    def __init__(self) -> None:
        self.secret = CANARY

    def __repr__(self) -> str:
        return CANARY


WITH_A_SECRET: "dict[str, Callable[[Sandbox, Client], object]]" = {
    "refused": lambda sandbox, _: sandbox.client(application_token=CANARY).authenticate(),
    "token": lambda sandbox, _: sandbox.client(application_token=f"{CANARY}\n"),
    "token-type": lambda sandbox, _: sandbox.client(application_token=CANARY.encode()),
    "base-url": lambda sandbox, _: sandbox.client(base_url=f"https://user:{CANARY}@[/"),
    "base-url-user": lambda sandbox, _: sandbox.client(base_url=f"https://user:{CANARY}@host"),
    "proxy": lambda sandbox, _: sandbox.client(proxy=f"ftp://user:{CANARY}@host"),
    "proxy-dead": lambda sandbox, _: sandbox.client(
        proxy=f"http://user:{CANARY}@127.0.0.1:9", base_url="https://cdn.example", timeout=0.5
    ).authenticate(),
    "store": lambda sandbox, _: sandbox.client(store=f"redis://user:{CANARY}@-:x/0"),
    "password": lambda _, __: Client.from_user("user", CANARY, base_url="nonsense"),
    "password-refused": lambda sandbox, _: Client.from_user(
        "user", CANARY, base_url=sandbox.url, ca_bundle=sandbox.ca_file
    ).authenticate(),
    "password-type": lambda _, __: Client.from_user("user", CANARY.encode()),  # type: ignore[arg-type]
    "device": lambda _, __: TrustedDevice(CANARY.encode(), "name"),  # type: ignore[arg-type]
    "invalidate": lambda _, client: client.invalidate(CANARY.encode()),  # type: ignore[arg-type]
    "query": lambda _, client: client.get("/api/v1/none", params={"secret": CANARY}),
    "query-type": lambda _, client: client.get("/", params={"secret": CANARY.encode()}),
    "query-in-path": lambda _, client: client.get(f"/api/v1/none?secret={CANARY}"),
    "body": lambda _, client: client.post("/api/v1/none", json={"secret": CANARY}),
    "body-type": lambda _, client: client.post("/", json=Unserialisable()),
    "body-nested": lambda _, client: client.post("/", json={"secret": [Unserialisable()]}),
    "content": lambda _, client: client.post("/", content=[CANARY]),  # type: ignore[arg-type]
    "header": lambda _, client: client.get("/", headers={"X-Secret": f"{CANARY}\n"}),
    "authorization": lambda _, client: client.get("/", headers={"Authorization": CANARY}),
    "rows": lambda _, client: next(client.paginate("/api/v1/none", params={"secret": CANARY})),
}


@pytest.mark.parametrize("call", WITH_A_SECRET.values(), ids=WITH_A_SECRET)
def test_a_failing_call_does_not_show_its_secret_arguments(
    sandbox: Sandbox, client: Client, call: Callable[[Sandbox, Client], object]
) -> None:
    with pytest.raises((EmnifyError, TypeError)) as caught:
        call(sandbox, client)
    seen = report(caught.value)
    assert type(caught.value).__name__ in seen
    assert CANARY not in seen


# Turns on all diagnostics: the log, warnings, the fault handler, and an exception that ends it.
TALKATIVE = """
import faulthandler, gc, logging, sys, warnings
logging.basicConfig(level=1)
warnings.simplefilter("always")
from emnify_auth import Client, EmnifyError

client = Client(on_event=lambda event: print(event, repr(event), event.error))
token = client.authenticate()
faulthandler.dump_traceback()
client.invalidate(token)
del token
for row in client.paginate("/api/v1/application_token"):
    print(row["id"])
other = Client(on_event=print)
other.authenticate()
del other
gc.collect()
client.application_tokens.create(description="new")
client.get("/api/v1/none?secret=canary-4711", params={"secret": "canary-4711"})
"""


def test_full_diagnostics_show_no_secret(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    talkative = {"RUST_LOG": "trace", "RUST_BACKTRACE": "full", "PYTHONDEVMODE": "1"}
    for name, value in talkative.items():
        monkeypatch.setitem(os.environ, name, value)
    process = sandbox.start(TALKATIVE)
    said, errors = process.communicate(timeout=60)
    assert "INFO:emnify_auth:signed in" in errors
    assert "Current thread" in errors
    assert "NotFoundError" in errors
    # The traceback quotes the program's own source line.
    seen = said + "".join(
        line for line in errors.splitlines(keepends=True) if "client.get" not in line
    )
    for secret in (sandbox.application_token, CANARY, "Bearer", "eyJ"):
        assert secret not in seen
    created = [row["value"] for row in sandbox.application_tokens() if row["value"]]
    assert len(created) > 1
    assert not [value for value in created if value in seen]
