"""The cells of the fault matrix: what is tried in each, and how it must end."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from comparison import comparable, is_timeout, no_secrets
from runner import HERE, Face, Run

CALLS = json.loads((HERE / "matrix/calls.json").read_text())
FAULTS = json.loads((HERE / "matrix/faults.json").read_text())

SIGN_IN = "POST /api/v1/authenticate"

# The timeout of the clients, in seconds. A call may take it, a tenth more, and the grace, since the
# machine is busy.
_TIMEOUT = 4.0
_GRACE = 0.25
# What a fault contains besides the arguments of Sandbox.fault().
_OWN = {"name", "outcome", "retried", "sign_in_again", "timeout", "once"}

Name = tuple[str, str]


class Cell(NamedTuple):
    """One call with one fault. If `cold`, the fault hits the sign-in that the call needs."""

    call: dict[str, Any]
    fault: dict[str, Any]
    cold: bool

    @property
    def name(self) -> Name:
        own = self.call.get("cold")
        return self.call["name"] + (", signing in" if self.cold and not own else ""), self.fault[
            "name"
        ]

    def expected(self, once: bool) -> str:
        """Return how the call ends, if the fault occurs once or for as long as it lasts."""
        exceptions = self.call.get("except", {})
        if self.fault["name"] in exceptions:
            return str(exceptions[self.fault["name"]])
        if "always" in self.call:
            return str(self.call["always"])
        retried = self.fault.get("retried")
        if once and (retried == "all" or (retried == "repeatable" and "repeatable" in self.call)):
            return "ok"
        outcome = self.fault["outcome"]
        if isinstance(outcome, dict):
            outcome = outcome["parsed" if self.cold else self.call.get("body", "parsed")]
        if self.call.get("wrapped") and outcome != "ok":
            return "/".join(["rotation", *outcome.split("/")[1:]])
        return str(outcome)

    def expected_afterwards(self) -> str:
        """Return how the call ends after the fault."""
        if self.cold and "always" not in self.call:
            return str(self.fault.get("sign_in_again", "ok"))
        return str(self.call.get("afterwards", {}).get(self.fault["name"], "ok"))


def cells() -> Iterator[Cell]:
    for call in CALLS:
        for fault in FAULTS:
            yield Cell(call, fault, bool(call.get("cold")))
            if call.get("also_cold") and fault["name"] != "none":
                yield Cell(call, fault, True)


class Result(NamedTuple):
    """What came back, without what may differ, and what is wrong with it."""

    outcomes: list[str]
    errors: list[Any]
    problems: list[str]
    too_slow: bool


class Trial:
    """One cell with one face."""

    def __init__(self, face: Face, cell: Cell, tmp: Path) -> None:
        self._face, self._cell = face, cell
        self._run = Run(face, tmp)
        self._timeout = cell.fault.get("timeout", _TIMEOUT)
        self._result = Result([], [], [], False)

    def result(self) -> Result:
        cell, run = self._cell, self._run
        try:
            run.step({"call": "new", "timeout": self._timeout, **self._settings()})
            if not cell.cold:
                if outcome(run.make({"call": "authenticate", "client": "a"})) != "ok":
                    # The machine is too busy for a short timeout.
                    return self._result._replace(too_slow=True)
                # A sign-in that failed delays the next one, and a rotation continues.
                if "rotation" not in cell.call:
                    self._fault("once", **cell.fault.get("once", {"times": 1}))
            self._fault("while it lasts")
            if cell.cold:
                run.step({"call": "retry_now"})
            self._call("afterwards", cell.expected_afterwards())
        finally:
            self._face.sandbox.clear_faults()
            run.close()
        return self._result

    def _settings(self) -> dict[str, Any]:
        settings: dict[str, Any] = self._cell.call.get("settings", {})
        if "rotation" in self._cell.call:
            added = self._face.sandbox.add_application_token(expiry_date="2999-01-01")
            settings = {"application_token": added.value, "store": "$tmp/store"}
        return settings

    def _fault(self, when: str, **options: Any) -> None:
        call, fault = self._cell.call, self._cell.fault
        request = SIGN_IN if self._cell.cold else call["request"]
        method, path = request.split(" ")
        if "kind" in fault:
            arguments = {name: value for name, value in fault.items() if name not in _OWN}
            self._face.sandbox.fault(
                method=method, path=path, **{**arguments, **call.get("fault", {}), **options}
            )
        self._call(when, self._cell.expected(when == "once"))
        self._face.sandbox.clear_faults()

    def _call(self, when: str, expected: str) -> None:
        call = self._cell.call
        step = {"call": call["name"], "client": "a", **call.get("arguments", {})}
        started = time.monotonic()
        message = self._run.make(step)
        while outcome(message) == "pending":
            time.sleep(0.01)
            message = self._run.make(step)
        elapsed = time.monotonic() - started
        found, limit = outcome(message), self._timeout * 1.1 * call.get("requests", 1) + _GRACE
        self._result.outcomes.append(found)
        self._result.errors.append(comparable(message.get("error")))
        where = f"{' with '.join(self._cell.name)}, {when}"
        if found != expected:
            self._result.problems.append(f"{where}: {found} instead of {expected}: {message}")
        if elapsed > limit:
            self._result.problems.append(f"{where}: took {elapsed:.2f} s")
        if elapsed > limit or (found == "timeout" != expected):
            self._result = self._result._replace(too_slow=True)
        try:
            no_secrets(message)
        except AssertionError as error:
            self._result.problems.append(f"{where}: {error}")


def outcome(message: dict[str, Any]) -> str:
    """Return "ok", or the kind and reason of the error."""
    error = message.get("error") or (
        message["ok"].get("error") if isinstance(message["ok"], dict) else None
    )
    if not error:
        return "ok"
    # A caller that can be interrupted may leave before the exchange, whose error has the reason.
    if is_timeout(error) or "reason" not in error:
        return str(error["kind"])
    return f"{error['kind']}/{error['reason']}"
