"""Runs scenarios: starts the drivers, sends them calls, and compares what comes back."""

import itertools
import json
import os
import re
import select
import string
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any, NamedTuple

from emnify_sandbox import Sandbox

from comparison import comparable, compare, no_secrets, without_nulls

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

# Seconds within which a driver writes its next line.
_LIMIT = 60

# What a step contains besides the arguments of its call.
_EXPECTED = {"ok", "error", "save", "answers"}


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

    def __init__(self, command: list[str], errors: IO[str] | None = None) -> None:
        # Without the variables that a client reads.
        read = re.compile("EMNIFY|PROXY|SSL_CERT|CA_BUNDLE", re.IGNORECASE)
        environment = {name: value for name, value in os.environ.items() if not read.search(name)}
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
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
        written, _, _ = select.select([self._process.stdout], [], [], _LIMIT)
        if not written:
            self._process.kill()
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

    def __init__(self, command: list[str], errors: IO[str] | None = None) -> None:
        self.driver = Driver(command, errors)
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
            "port": face.sandbox.url.rpartition(":")[2],
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
                self.step(dict(step))
        except AssertionError as error:
            raise AssertionError(f"{error}, in {step}") from None
        finally:
            self.close()
        return self._transcript

    def close(self) -> None:
        """Close all clients."""
        for client in self._clients:
            self._driver.ask({"call": "close", "client": client})

    def step(self, step: dict[str, Any]) -> None:
        """Take one step of a scenario."""
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
        message = self._ask(step, answers)
        assert next(answers, None) is None, "a function was not called often enough"
        self._take(step, message, expected)

    def make(self, call: Mapping[str, Any]) -> dict[str, Any]:
        """Make a call whose functions succeed, and return what came back."""
        message = self._ask(self._filled(call), itertools.repeat({}))
        if "ok" in message and "new_client" in call:
            self._clients.add(call["new_client"])
        return message

    def _ask(self, step: Mapping[str, Any], answers: Iterator[Mapping[str, Any]]) -> dict[str, Any]:
        message = self._driver.ask(step)
        while "ask" in message:
            if "application_token" in message:
                self._variables["handed_over"] = message["application_token"]
            answer = dict(next(answers, {"ask": "nothing"}))
            assert answer.pop("ask", message["ask"]) == message["ask"], (
                f"{message['ask']} was not expected"
            )
            message = self._driver.ask(self._filled(answer))
        return {name: without_nulls(value) for name, value in message.items()}

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
