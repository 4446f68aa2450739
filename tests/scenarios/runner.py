"""Runs scenarios: starts the drivers, sends them calls, and compares what comes back."""

import json
import os
import re
import string
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from emnify_sandbox import Sandbox

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
BUILD = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))

# Each face, with the command that starts its driver.
FACES = {
    "rust": [str(BUILD / "debug/scenarios-driver")],
    "c": [str(BUILD / "scenarios/driver")],
    "python": [sys.executable, str(HERE / "driver.py")],
    "async": [sys.executable, str(HERE / "driver.py"), "async"],
}

# What a step contains besides the arguments of its call.
_EXPECTED = {"ok", "error", "save", "answers"}
# Fields with secrets, and with numbers that depend on chance or on the time.
_SECRET = {"Authorization", "application_token", "auth_token"}
_TIMES = {
    "at", "created_at", "expires_at", "grace_left", "issued_at", "last_change", "next_attempt",
    "retry_after", "valid_until",
}  # fmt: skip
_TEXTS = {"expiry_date", "found", "message", "tried"}
# What a face says about its functions.
_OWN_WORDS = re.compile(
    "^.*cancelled by the caller.*|(?<=did not store the new application token: ).*"
)


class Scenario(NamedTuple):
    subject: str
    name: str
    steps: list[dict[str, Any]]
    faces: list[str]


def scenarios() -> Iterator[Scenario]:
    """Read all scenarios."""
    for path in sorted(HERE.glob("*.json")):
        for one in json.loads(path.read_text()):
            yield Scenario(path.stem, one["name"], one["steps"], one.get("faces", list(FACES)))


class Driver:
    """A running driver. It makes one call after the other."""

    def __init__(self, command: list[str]) -> None:
        # Without the variables that a client reads.
        read = re.compile("EMNIFY|PROXY|SSL_CERT|CA_BUNDLE", re.IGNORECASE)
        environment = {name: value for name, value in os.environ.items() if not read.search(name)}
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )
        self.pid = self._process.pid

    def ask(self, command: Mapping[str, Any]) -> dict[str, Any]:
        """Send a line and return the next one."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(command) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, f"the driver ended with status {self._process.wait(10)}"
        answer: dict[str, Any] = json.loads(line)
        return answer

    def facts(self) -> dict[str, int]:
        """Return the process's memory in kB, and its numbers of descriptors and threads."""
        process = Path(f"/proc/{self.pid}")
        lines = (process / "status").read_text().splitlines()
        fields = dict(line.split(":", 1) for line in lines)
        return {
            "memory_kb": int(fields["VmRSS"].split()[0]),
            "descriptors": len(list((process / "fd").iterdir())),
            "threads": int(fields["Threads"]),
        }

    def stop(self) -> None:
        self._process.communicate(timeout=30)
        assert self._process.returncode == 0


class Face:
    """A driver with a sandbox of its own."""

    def __init__(self, command: list[str]) -> None:
        self.driver = Driver(command)
        self.sandbox = Sandbox(BUILD / "debug/emnify-sandbox")

    def stop(self) -> None:
        self.driver.stop()
        self.sandbox.close()


class Run:
    """One scenario with one face."""

    def __init__(self, face: Face, tmp: Path) -> None:
        self._driver = face.driver
        self._sandbox = face.sandbox
        self._variables: dict[str, Any] = {
            "tmp": str(tmp),
            "url": face.sandbox.url,
            "application_token": face.sandbox.application_token,
        }
        self._clients: set[str] = set()
        self._transcript: list[Any] = []

    def run(self, scenario: Scenario) -> list[Any]:
        """Return all that came back, without what may differ between two runs."""
        self._sandbox.reset()
        step = {}
        try:
            for step in scenario.steps:
                self._step(dict(step))
        except AssertionError as error:
            raise AssertionError(f"{error}, in {step}") from None
        finally:
            for client in self._clients:
                self._driver.ask({"call": "close", "client": client})
        return self._transcript

    def _step(self, step: dict[str, Any]) -> None:
        if "sandbox" in step:
            self._control(step)
        elif "file" in step:
            Path(self._filled(step["file"])).write_text(self._filled(step["content"]))
        elif "pause" in step:
            time.sleep(step["pause"])
        elif "damage" in step:
            for path in Path(self._filled(step["damage"])).glob("[!.]*"):
                path.write_text("canary")
        elif "seen" in step:
            for request, number in step["seen"].items():
                calls = self._sandbox.calls(*request.replace("* *", " ").split(" "))
                assert calls == number, f"{calls} calls: {request}"
        elif "last_request" in step:
            compare(self._sandbox.requests()[-1], self._filled(step["last_request"]))
        elif "application_tokens" in step:
            compare(self._sandbox.application_tokens(), self._filled(step["application_tokens"]))
        else:
            self._call(step)

    def _control(self, step: dict[str, Any]) -> None:
        """Change the sandbox by a method of emnify_sandbox.Sandbox."""
        arguments = self._filled(step)
        save = arguments.pop("save", {})
        result = getattr(self._sandbox, arguments.pop("sandbox"))(**arguments)
        self._save(result._asdict() if save else {}, save)

    def _call(self, step: dict[str, Any]) -> None:
        expected = {name: step.pop(name) for name in _EXPECTED & step.keys()}
        step = self._filled(step)
        client = step.setdefault("client", "a")
        if step["call"] == "new":
            step = self._settings(step)
        elif client not in self._clients and step["call"] != "close":
            self._call({"call": "new", "client": client})
        answers = iter(expected.get("answers", []))
        message = self._driver.ask(step)
        while "ask" in message:
            if "application_token" in message:
                self._variables["handed_over"] = message["application_token"]
            answer = dict(next(answers, {"ask": "nothing"}))
            assert answer.pop("ask") == message["ask"], f"{message['ask']} was not expected"
            message = self._driver.ask(self._filled(answer))
        assert next(answers, None) is None, "a function was not called often enough"
        message = {name: without_nulls(value) for name, value in message.items()}
        self._take(step, message, expected)

    def _take(self, step: dict[str, Any], message: dict[str, Any], expected: Any) -> None:
        text = json.dumps(message).replace(self._variables["tmp"], "$tmp")
        self._transcript.append((step["call"], comparable(json.loads(text))))
        no_secrets(message)
        error = expected.get("error")
        if error is None:
            assert "ok" in message, message
            if step["call"] in ("new", "switch_workspace"):
                self._clients.add(step.get("new_client", step["client"]))
            elif step["call"] == "close":
                self._clients.discard(step["client"])
            if "ok" in expected:
                compare(message["ok"], self._filled(expected["ok"]))
            self._save(message["ok"], expected.get("save", {}))
        else:
            assert "error" in message, message
            compare(message["error"], self._filled(error))

    def _settings(self, step: dict[str, Any]) -> dict[str, Any]:
        """Return a call of "new" whose client works, unless it says otherwise."""
        works = {
            "base_url": self._sandbox.url,
            "ca_bundle": self._sandbox.ca_file,
            "timeout": 10.0,
        }
        if not {"application_token_file", "username"} & step.keys():
            works["application_token"] = self._sandbox.application_token
        return {name: value for name, value in (works | step).items() if value is not None}

    def _save(self, result: Any, names: Mapping[str, str]) -> None:
        for field, variable in names.items():
            self._variables[variable] = result[field]

    def _filled(self, value: Any) -> Any:
        """Return a value with its variables replaced, such as $tmp."""
        if isinstance(value, dict):
            return {name: self._filled(one) for name, one in value.items()}
        if isinstance(value, list):
            return [self._filled(one) for one in value]
        if isinstance(value, str) and "$" in value:
            if value == "$one_time_code":
                return self._sandbox.one_time_code()
            if value[1:] in self._variables:
                return self._variables[value[1:]]
            return string.Template(value).substitute(self._variables)
        return value


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


def comparable(value: Any) -> Any:
    """Return a value without what may differ between two runs of one scenario."""
    if isinstance(value, dict):
        if value.get("kind") == "timeout":
            # On a busy machine, a caller that can be interrupted may leave before the exchange,
            # whose error names the phase.
            value = {**value, "message": "", "reason": ""}
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
