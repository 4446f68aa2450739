"""The audit of the application tokens."""

import copy
import datetime
import pickle
from datetime import timedelta

import pytest

from emnify_auth import AuditedToken, Client

from sandbox import Sandbox


def day(days: int) -> str:
    at = datetime.datetime.now(datetime.timezone.utc) + timedelta(days=days)
    return at.strftime("%Y-%m-%dT%H:%M:%S.000+0000")


def found(audited: list[AuditedToken], id: int) -> set[str]:
    [token] = [token for token in audited if token.token.id == id]
    return set(token.findings)


def test_the_thresholds_of_an_audit_can_be_set(client: Client, sandbox: Sandbox) -> None:
    id = sandbox.seed(expiry_date=day(10), ip="192.0.2.7", created=day(-100))
    tokens = client.application_tokens
    assert found(tokens.audit(), id) == {"expires_soon"}
    assert found(tokens.audit(expires_within=timedelta(days=9)), id) == set()
    assert found(tokens.audit(expires_within=9 * 86_400), id) == set()
    assert found(tokens.audit(older_than=timedelta(days=99, hours=1)), id) == {
        "expires_soon",
        "old",
    }
    everything = tokens.audit(expires_within=timedelta.max, older_than=timedelta())
    assert found(everything, id) == {"expires_soon", "old"}


def test_an_audited_token_is_a_value(client: Client) -> None:
    [first] = client.application_tokens.audit()
    [second] = client.application_tokens.audit()
    assert isinstance(first.findings, frozenset)
    assert first.findings & {"own", "old"} == {"own"}
    assert first == second
    assert hash(first) == hash(second)
    assert first != first.token
    for same in (copy.copy(first), copy.deepcopy(first), pickle.loads(pickle.dumps(first))):
        assert same == first
    assert AuditedToken(token=first.token, findings=first.findings) == first
    findings = ["no_address_restriction", "no_expiry", "own"]
    assert first.to_dict() == {"token": first.token.to_dict(), "findings": findings}
    assert repr(first).startswith(f"AuditedToken(token={first.token!r}, findings=frozenset(")
    for name in ("token", "anything"):
        with pytest.raises(AttributeError):
            setattr(first, name, "x")
