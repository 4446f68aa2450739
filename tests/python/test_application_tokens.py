"""Application tokens: create, list, update, revoke."""

import copy
import datetime
import json
import pickle

import pytest

from emnify_auth import ApiError, ApplicationToken, Client, ValidationError

from sandbox import APPLICATION_TOKEN, Sandbox

UTC = datetime.timezone.utc


def row(client: Client, id: int | None) -> ApplicationToken:
    [found] = [token for token in client.application_tokens.list() if token.id == id]
    return found


def sent(sandbox: Sandbox, method: str) -> dict[str, object]:
    """Return the body of the only request that changed something."""
    [request] = [
        request
        for request in sandbox.requests()
        if request["method"] == method and request["path"].startswith(APPLICATION_TOKEN)
    ]
    body: dict[str, object] = json.loads(request["body"])
    return body


def test_from_creation_to_revocation(client: Client) -> None:
    tokens = client.application_tokens
    created = tokens.create(description="gateway 7", expiry_date="2099-05-29", ip="192.0.2.0/24")
    assert isinstance(created.id, int)
    assert repr(created) == f"<CreatedApplicationToken id={created.id}>"
    token = row(client, created.id)
    assert token.description == "gateway 7"
    assert token.status == "activated"
    # A date without a time ends with that day in Central Europe.
    assert token.expires_at == datetime.datetime(2099, 5, 29, 21, 59, 59, tzinfo=UTC)
    assert token.expiry_date is not None
    assert token.expiry_date.startswith("2099-05-29")
    assert token.ip == "192.0.2.0/24"
    assert token.created_at is not None
    assert token.created_at.tzinfo is UTC

    tokens.update(created.id, description="gateway 7, spare")
    assert row(client, created.id).description == "gateway 7, spare"

    tokens.revoke(created.id)
    tokens.revoke(created.id)
    assert row(client, created.id).status == "revoked"


def test_a_new_token_signs_in(client: Client, sandbox: Sandbox) -> None:
    created = client.application_tokens.create()
    with sandbox.client(application_token=created.reveal()) as other:
        assert other.authenticate().organisation_id == client.authenticate().organisation_id


@pytest.mark.parametrize(
    ("given", "wire"),
    [
        ("2099-05-29", "2099-05-29"),
        (datetime.date(2099, 5, 29), "2099-05-29"),
        ("2099-05-29T18:30:00Z", "2099-05-29T18:30:00.000Z"),
        (datetime.datetime(2099, 5, 29, 18, 30, tzinfo=UTC), "2099-05-29T18:30:00.000Z"),
        (
            datetime.datetime(
                2099, 5, 29, 18, 30, 0, 250_000, datetime.timezone(datetime.timedelta(hours=2))
            ),
            "2099-05-29T16:30:00.250Z",
        ),
    ],
)
def test_an_expiry_date_in_each_form(
    client: Client, sandbox: Sandbox, given: str | datetime.date, wire: str
) -> None:
    client.application_tokens.create(expiry_date=given)
    assert sent(sandbox, "POST") == {"expiry_date": wire}


@pytest.mark.parametrize("given", [datetime.timedelta(days=90), 90 * 86_400])
def test_a_lifetime_is_counted_from_now(client: Client, given: float | datetime.timedelta) -> None:
    id = client.application_tokens.create(expires_in=given).id
    assert id is not None
    expires_at = row(client, id).expires_at
    assert expires_at is not None
    left = expires_at - datetime.datetime.now(UTC)
    assert abs(left - datetime.timedelta(days=90)) < datetime.timedelta(minutes=1)


def test_arguments_that_are_not_given_are_not_sent(client: Client, sandbox: Sandbox) -> None:
    client.application_tokens.create()
    assert sent(sandbox, "POST") == {}


def test_an_update_sends_only_the_description(client: Client, sandbox: Sandbox) -> None:
    client.application_tokens.update(sandbox.seed(), description="hall ä")
    assert sent(sandbox, "PATCH") == {"description": "hall ä"}


def test_a_date_that_python_cannot_express_is_kept_as_text(
    client: Client, sandbox: Sandbox
) -> None:
    token = row(client, sandbox.seed(expiry_date="soon", created="-009999-01-02T00:00:00Z"))
    assert token.expiry_date == "soon"
    assert token.expires_at is None
    assert token.created_at is None


def test_a_row_is_a_value(client: Client, sandbox: Sandbox) -> None:
    id = sandbox.seed(description="it's 7", expiry_date="2099-05-29")
    first, second = row(client, id), row(client, id)
    assert first == second
    assert hash(first) == hash(second)
    assert len({first, second}) == 1
    assert first != "it's 7"
    for same in (copy.copy(first), copy.deepcopy(first), pickle.loads(pickle.dumps(first))):
        assert same == first
    assert first.to_dict() == {
        "id": id,
        "description": "it's 7",
        "status": "activated",
        "created_at": first.created_at.isoformat() if first.created_at else None,
        "expiry_date": first.expiry_date,
        "expires_at": "2099-05-29T00:00:00+00:00",
        "ip": None,
        "creator": first.creator,
    }
    assert json.loads(json.dumps(first.to_dict())) == first.to_dict()
    client.application_tokens.update(id, description="it's 8")
    assert row(client, id) != first
    for part in (f"id={id}", '''description="it's 7"''', "status='activated'", "2099-05-29"):
        assert part in repr(first)
    assert ApplicationToken(id=7, status="revoked") == ApplicationToken(id=7, status="revoked")
    assert repr(ApplicationToken(id=7)) == "ApplicationToken(id=7)"
    for name in ("id", "description", "anything"):
        with pytest.raises(AttributeError):
            setattr(first, name, "x")


def test_the_error_object_of_emnify_is_a_value(client: Client, sandbox: Sandbox) -> None:
    nested = {"error_code": 1402, "error_token": "Required", "message": "name"}
    refusal = {"error_code": 1400, "error_token": "InputValidationFailed", "message": "Bad"}
    body = json.dumps({**refusal, "errors": [nested]})
    sandbox.fault("status", APPLICATION_TOKEN, status=422, body=body)
    with pytest.raises(ValidationError) as caught:
        client.application_tokens.create()
    assert caught.value.api_error == ApiError(
        1400, "InputValidationFailed", "Bad", (ApiError(1402, "Required", "name"),)
    )
