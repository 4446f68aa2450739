"""Refused sign-ins, and values of application tokens that were found in public."""

import datetime

import pytest

from emnify_auth import (
    ApplicationTokens,
    AuthenticationError,
    Client,
    InvalidInputError,
    TokenClaims,
)

from loops import Loop
from sandbox import Sandbox

EVENTS = "/api/v1/event"
A_DAY = datetime.timedelta(days=1)


def test_a_refused_sign_in_names_the_token_and_its_successor(
    client: Client, sandbox: Sandbox
) -> None:
    sandbox.settings(peer_address="203.0.113.7")
    old = sandbox.seed(description="gateway 7", status=1)
    new = sandbox.seed(description="gateway 7")
    sandbox.refuse(old)
    [failure] = client.application_tokens.failures(A_DAY)
    assert (failure.token_name, failure.token_ids) == ("gateway 7", (old,))
    assert failure.successor_id == new
    assert (failure.reason, failure.address) == ("TokenStatus Revoked", "203.0.113.7")
    assert failure.at is not None
    assert failure.to_dict()["at"] == failure.at.isoformat()

    [audited] = [row for row in client.application_tokens.audit() if row.token.id == old]
    assert audited.findings == {"revoked", "refused_lately"}
    [audited] = [
        row for row in client.application_tokens.audit(refused_within=0) if row.token.id == old
    ]
    assert audited.findings == {"revoked"}


def test_a_text_that_cannot_be_parsed_is_kept_without_control_characters(
    client: Client, sandbox: Sandbox
) -> None:
    sandbox.fault("status", EVENTS, status=200, body='[{"id":1,"description":"no\\u001b[2J idea"}]')
    [failure] = client.application_tokens.failures(since=3_600)
    assert failure.description == "no [2J idea"
    assert (failure.at, failure.token_name, failure.token_ids) == (None, None, ())


def test_a_value_that_was_found_is_identified(client: Client, sandbox: Sandbox) -> None:
    id = sandbox.seed(expiry_date="2099-01-01T00:00:00.000Z", ip="127.0.0.0/8")
    value = sandbox.value_of(id)
    claims = ApplicationTokens.inspect(value)
    assert claims is not None
    assert (claims.id, claims.organisation_id, claims.is_auth_token) == (id, 1234, False)
    assert claims.expires_at == datetime.datetime(2099, 1, 1, tzinfo=datetime.timezone.utc)
    leaked = client.application_tokens.identify(value)
    assert (leaked.token.id, set(leaked.findings)) == (id, set())

    with pytest.raises(AuthenticationError):
        client.application_tokens.identify("forged")
    auth_token = client.authenticate().reveal()
    assert TokenClaims(is_auth_token=True).is_auth_token
    with pytest.raises(InvalidInputError, match="is an auth token"):
        client.application_tokens.identify(auth_token)
    assert ApplicationTokens.inspect("opaque") is None


def test_awaited_calls_do_the_same(sandbox: Sandbox, loop: Loop) -> None:
    id = sandbox.seed(description="gateway 7", status=1)
    sandbox.refuse(id)

    async def main() -> None:
        async with sandbox.async_client() as client:
            tokens = client.application_tokens
            [failure] = await tokens.failures(A_DAY)
            assert failure.token_ids == (id,)
            assert tokens.inspect(sandbox.value_of(id)) is not None
            assert (await tokens.identify(sandbox.value_of(id))).findings == {"revoked"}
            audited = await tokens.audit(refused_within=A_DAY)
            assert "refused_lately" in audited[1].findings

    loop.run(main)
