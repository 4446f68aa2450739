"""The exception classes: their bases, their attributes, and pickling."""

import copy
import pickle

import pytest

import emnify_auth
from emnify_auth import ApiError, EmnifyError

# Each class and its other base besides EmnifyError.
TABLE: list[tuple[type[EmnifyError], tuple[type[BaseException], ...]]] = [
    (emnify_auth.InvalidInputError, (ValueError,)),
    (emnify_auth.AuthenticationError, ()),
    (emnify_auth.MfaRequiredError, (emnify_auth.AuthenticationError,)),
    (emnify_auth.AccountLockedError, (emnify_auth.AuthenticationError,)),
    (emnify_auth.ForbiddenError, (PermissionError,)),
    (emnify_auth.NotFoundError, ()),
    (emnify_auth.ConflictError, ()),
    (emnify_auth.ValidationError, (ValueError,)),
    (emnify_auth.RateLimitedError, ()),
    (emnify_auth.ServerError, ()),
    (emnify_auth.ProtocolError, ()),
    (emnify_auth.NetworkError, (ConnectionError,)),
    (emnify_auth.ProxyError, (emnify_auth.NetworkError,)),
    (emnify_auth.TlsError, (emnify_auth.NetworkError,)),
    (emnify_auth.RequestTimeoutError, (TimeoutError,)),
    (emnify_auth.StoreError, (OSError,)),
    (emnify_auth.ResourceError, (OSError,)),
    (emnify_auth.RotationError, ()),
    (emnify_auth.InternalError, ()),
]

classes = pytest.mark.parametrize("cls", [cls for cls, _ in TABLE] + [EmnifyError])


@pytest.mark.parametrize(("cls", "others"), TABLE)
def test_the_hierarchy(cls: type[EmnifyError], others: tuple[type[BaseException], ...]) -> None:
    assert issubclass(cls, EmnifyError)
    assert issubclass(cls, Exception)
    assert all(issubclass(cls, other) for other in others)
    # No other bases, through which an except clause would catch too much.
    builtin = {ValueError, OSError, PermissionError, ConnectionError, TimeoutError}
    ancestors = {base for base in cls.__mro__ if base in builtin}
    expected = {base for other in others for base in other.__mro__ if base in builtin}
    assert ancestors == expected


def test_all_classes_are_in_the_table() -> None:
    exported = {
        value
        for value in vars(emnify_auth).values()
        if isinstance(value, type) and issubclass(value, EmnifyError)
    }
    assert exported == {cls for cls, _ in TABLE} | {EmnifyError}


@classes
def test_an_error_can_be_made_from_a_message_alone(cls: type[EmnifyError]) -> None:
    error = cls("what happened")
    assert str(error) == "what happened"
    assert (error.reason, error.http_status) == (None, None)
    assert (error.api_error, error.retry_after) == (None, None)
    assert error.is_retryable is False
    assert cls.__module__ == "emnify_auth"
    assert repr(error) == f"{cls.__name__}('what happened')"


@classes
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_keeps_everything(cls: type[EmnifyError], protocol: int) -> None:
    error = cls(
        "what happened",
        reason="connect",
        http_status=422,
        api_error=ApiError(1400, "Word", "sentence", (ApiError(message="nested"),)),
        retry_after=1.5,
        is_retryable=True,
    )
    for other in (pickle.loads(pickle.dumps(error, protocol)), copy.copy(error)):
        assert type(other) is cls
        assert str(other) == "what happened"
        assert other.reason == "connect"
        assert other.http_status == 422
        assert other.api_error == error.api_error
        assert other.retry_after == 1.5
        assert other.is_retryable is True


def test_a_rotation_error_has_the_state() -> None:
    assert emnify_auth.RotationError("what happened").state == "intent"
    error = emnify_auth.RotationError("what happened", state="committed", is_retryable=True)
    for other in (error, pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert (other.state, other.is_retryable) == ("committed", True)


def test_an_api_error_is_a_value() -> None:
    error = ApiError(1400, "Word", "sentence", (ApiError(message="nested"),))
    same = copy.deepcopy(error)
    assert error == same
    assert hash(error) == hash(same)
    assert error != ApiError(1400, "Word", "sentence")
    assert error != "sentence"
    assert eval(repr(error)) == error  # noqa: S307
    with pytest.raises(AttributeError):
        error.message = "another"
    with pytest.raises(AttributeError):
        del error.message
