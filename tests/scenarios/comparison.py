"""Compares what comes back with what must come back, and that of one face with that of another."""

import re
from collections.abc import Mapping
from typing import Any

# Fields with secrets, and with numbers that depend on chance or on the time.
_SECRET = {"Authorization", "application_token", "auth_token"}
_TIMES = {
    "at", "created_at", "expires_at", "grace_left", "issued_at", "last_change", "next_attempt",
    "retry_after", "valid_until",
}  # fmt: skip
_TEXTS = {"description", "expiry_date", "found", "message", "tried"}
# What a face says about its functions.
_OWN_WORDS = re.compile(
    "^.*cancelled by the caller.*|(?<=did not store the new application token: ).*"
)


def compare(actual: Any, expected: Any) -> None:
    """Check that everything expected is there. More may be there, but not in lists.

    {"min": …, "max": …} stands for a number, {"contains": …} for a text or a list, {"length": …}
    and {"any": …} for a list with so many elements or with such an element.
    """
    if isinstance(expected, dict) and {"min", "max"} & expected.keys():
        low, high = expected.get("min", actual), expected.get("max", actual)
        assert isinstance(actual, (int, float)), f"{actual} is no number"
        assert low <= actual <= high, f"{actual} is not from {low} to {high}"
    elif isinstance(expected, dict) and "contains" in expected:
        assert expected["contains"] in (actual or ""), f"{actual!r} lacks {expected['contains']!r}"
    elif isinstance(expected, dict) and "any" in expected:
        assert any(_is_like(one, expected["any"]) for one in actual), f"{actual}: {expected}"
    elif isinstance(expected, dict) and "length" in expected:
        assert len(actual) == expected["length"], f"{len(actual)} elements"
    elif isinstance(expected, dict):
        for name, value in expected.items():
            compare(actual.get(name) if isinstance(actual, dict) else actual, value)
    elif isinstance(expected, list):
        assert isinstance(actual, list), f"{actual} instead of {expected}"
        assert len(actual) == len(expected), f"{actual} instead of {expected}"
        for one, other in zip(actual, expected, strict=True):
            compare(one, other)
    elif expected is not None or actual is not None:
        assert actual == expected, f"{actual!r} instead of {expected!r}"


def _is_like(actual: Any, expected: Any) -> bool:
    try:
        compare(actual, expected)
    except AssertionError:
        return False
    return True


def without_nulls(value: Any) -> Any:
    """Return a value without fields that are null, since C has none. Lists of names are sorted."""
    if isinstance(value, dict):
        fields = {name: without_nulls(one) for name, one in value.items() if one is not None}
        return {name: sorted(one) if name == "findings" else one for name, one in fields.items()}
    if isinstance(value, list):
        return [without_nulls(one) for one in value]
    return value


def is_timeout(error: Mapping[str, Any]) -> bool:
    """Whether an error is a timeout, or that of a rotation that stopped after one."""
    return error.get("kind") == "timeout" or (
        error.get("kind") == "rotation" and "timed out" in error["message"]
    )


def comparable(value: Any) -> Any:
    """Return a value without what may differ between two runs of one scenario."""
    if isinstance(value, dict):
        if is_timeout(value):
            # On a busy machine, a caller that can be interrupted may leave before the exchange,
            # whose error names the phase.
            value = {**value, "message": "", "reason": "", "retry_after": ""}
        return {name: _comparable_field(name, one) for name, one in value.items()}
    if isinstance(value, list):
        return [comparable(one) for one in value]
    return value


def _comparable_field(name: str, value: Any) -> Any:
    if name in _SECRET | _TIMES:
        return type(value) is str
    if name in ("content", "rows"):
        return len(value) > 0
    if name in _TEXTS and isinstance(value, str):
        return re.sub("[0-9a-f]{16}|[0-9]+", "0", _OWN_WORDS.sub("", value))
    return comparable(value)


def no_secrets(value: Any) -> None:
    """Check that only fields made for secrets contain a token."""
    if isinstance(value, dict):
        for name, one in value.items():
            if name not in _SECRET and name != "content":
                no_secrets(one)
    elif isinstance(value, list):
        for one in value:
            no_secrets(one)
    elif isinstance(value, str):
        # Every JWT starts with this.
        assert "eyJ" not in value, f"contains a secret: {value}"
        assert "canary" not in value, f"contains a secret: {value}"
