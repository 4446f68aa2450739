"""The rules for secret scanners in SECURITY.md find emnify's tokens."""

import re

import pytest

from emnify_auth import Client

from conftest import ROOT
from sandbox import Sandbox

RULES = [
    re.compile(rule)
    for rule in re.findall(
        r"^regex = '''(.*)'''$", (ROOT / "SECURITY.md").read_text(encoding="utf-8"), re.MULTILINE
    )
]
KEYWORDS = re.findall(
    r'"([a-z0-9]+)"',
    "".join(re.findall(r"^keywords = (.*)$", (ROOT / "SECURITY.md").read_text(), re.MULTILINE)),
)


def finds(text: str) -> bool:
    """Whether a scanner finds a token, which it looks for only near a keyword."""
    return any(word in text.lower() for word in KEYWORDS) and any(
        rule.search(text) for rule in RULES
    )


def test_each_form_of_token_is_found(client: Client, sandbox: Sandbox) -> None:
    assert len(RULES) == 2
    # The claims' names are at all three positions of Base64.
    values = [sandbox.value_of(sandbox.seed()) for _ in range(3)]
    values += [sandbox.application_token, client.authenticate().reveal()]
    for value in values:
        assert finds(f"token = '{value}'")
        assert finds(f"curl -H 'Authorization: Bearer {value}'")
    sandbox.settings(application_token_shape="opaque")
    opaque = sandbox.value_of(sandbox.seed())
    for line in (
        f"EMNIFY_APPLICATION_TOKEN={opaque}",
        f"export EMNIFY_TOKEN='{opaque}'",
        f'"emnify_app_token": "{opaque}"',
        f"emnify.token => {opaque}",
    ):
        assert finds(line), line


@pytest.mark.parametrize("position", range(3))
def test_the_claims_are_found_at_each_position_of_base64(position: int) -> None:
    import base64

    claims = b'{"' + b"a" * position + b'":1,"esc.org":1}'
    payload = base64.urlsafe_b64encode(claims).decode().rstrip("=")
    assert finds(f"eyJhbGciOiJIUzUxMiJ9.{payload}.{'c' * 43}")


def test_other_texts_are_not_found() -> None:
    for line in (
        "EMNIFY_APPLICATION_TOKEN_FILE=/var/lib/gateway/credentials/application-token-of-gateway",
        'EMNIFY_APPLICATION_TOKEN="$(cat token)"',
        "emnify tokens are long: see the documentation of the application tokens",
        # A JWT of someone else.
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0."
        "dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U",
    ):
        assert not finds(line), line
