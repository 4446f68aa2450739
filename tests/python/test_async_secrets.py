"""Only reveal() and auth_headers() show the secrets of an AsyncClient."""

import asyncio
import copy
import pickle
import traceback
from pathlib import Path

import pytest

from emnify_auth import AuthenticationError, EmnifyError, InvalidInputError
from emnify_auth.httpx import EmnifyAuth as HttpxAuth
from emnify_auth.requests import EmnifyAuth as RequestsAuth

from sandbox import APPLICATION_TOKEN, AUTHENTICATE, PASSWORD, Sandbox
from test_secrets import shown


def test_objects_show_no_secret(sandbox: Sandbox) -> None:
    async def main() -> list[object]:
        auth_token = await client.authenticate()
        secrets.append(auth_token.reveal())
        return [client, client.application_tokens, client.paginate(APPLICATION_TOKEN)]

    client = sandbox.async_client()
    secrets = [sandbox.application_token]
    things = asyncio.run(main())
    seen = "".join(map(shown, things))
    for auth in (HttpxAuth(client), RequestsAuth(sandbox.client())):
        seen += f"{auth} {auth!r} {vars(auth)}"
    for secret in secrets:
        assert secret not in seen
        assert secret.rsplit(".", maxsplit=1)[-1] not in seen
    for thing in things:
        for attempt in (pickle.dumps, copy.copy, copy.deepcopy):
            with pytest.raises(TypeError, match="cannot be pickled or copied: it"):
                attempt(thing)


def report(error: EmnifyError) -> str:
    """Return a traceback with the variables of all frames but those of the tests."""
    stack = traceback.TracebackException.from_exception(error, capture_locals=True)
    assert any("emnify_auth" in frame.filename for frame in stack.stack)
    for frame in stack.stack:
        if Path(__file__).parent in Path(frame.filename).resolve().parents:
            frame.locals = None
    return "".join(stack.format())


@pytest.mark.parametrize("argument", ["application_token", "proxy", "store"])
def test_no_frame_shows_a_secret_argument(sandbox: Sandbox, argument: str) -> None:
    canary = {
        "application_token": "canary-4711\n-",
        "proxy": "ftp://user:canary-4711@proxy.example",
        "store": "redis://user:canary-4711@-:x/0",
    }
    with pytest.raises(InvalidInputError) as caught:
        sandbox.async_client(**{argument: canary[argument]})
    assert "canary-4711" not in report(caught.value)


def test_no_frame_shows_a_user_s_password(sandbox: Sandbox) -> None:
    with pytest.raises(InvalidInputError) as caught:
        sandbox.async_user(base_url="nonsense")
    seen = report(caught.value)
    assert f"{PASSWORD!r}" not in seen


def test_the_traceback_of_a_refusal_shows_no_secret(sandbox: Sandbox) -> None:
    async def main() -> None:
        async with sandbox.async_client() as client:
            sandbox.fault("echo_secrets", AUTHENTICATE, status=401)
            await client.auth_headers()

    secrets = [sandbox.application_token]
    with pytest.raises(AuthenticationError) as caught:
        asyncio.run(main())
    seen = report(caught.value)
    for secret in secrets:
        assert secret not in seen
