"""Makes random calls in C, Python and Rust, with random faults, and watches the processes.

The drivers of the scenarios make the calls. Each face lives several lives, with new clients and
stores. After each, all must work again once the faults have ended, and its process is measured when
it has no client. `make soak` runs this.
"""

import os
import random
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from comparison import no_secrets
from runner import FACES, Face

CALLS = 150
# Of a client, in seconds: short, because the sandbox sometimes does not respond.
TIMEOUT = 1.0
# Seconds until idle threads have ended.
IDLE = 15
# After so many lives, this is how much more a process may use.
WARM_UP = 3
MORE = {"memory_kb": 2048, "descriptors": 0, "threads": 0}
# anyio keeps a few idle threads, each with what it used last.
MORE_ASYNC = {"memory_kb": 4096, "descriptors": 12, "threads": 3}

PATHS = ["/api/v1/authenticate", "/api/v1/application_token*", "/api/v1/sim*", ""]
FAULTS: list[dict[str, Any]] = [
    *({"kind": "status", "status": status} for status in (401, 403, 404, 409, 422, 429, 500, 503)),
    {"kind": "status", "status": 429, "headers": {"Retry-After": "1"}},
    {"kind": "delay", "milliseconds": 300},
    {"kind": "delay", "milliseconds": 1500},
    {"kind": "refuse", "milliseconds": 100},
    *({"kind": kind} for kind in ("reset_before", "reset_after", "cut_body", "invalid_json")),
    *({"kind": kind} for kind in ("wrong_content_type", "no_auth_token", "token_not_jwt")),
    {"kind": "endless_body"},
    {"kind": "html", "status": 502},
    {"kind": "date_off", "seconds": 86400},
    {"kind": "echo_secrets"},
]
COMMANDS: list[dict[str, Any]] = [
    {"call": "authenticate"},
    {"call": "authenticate", "valid_for": 3600},
    {"call": "auth_headers"},
    {"call": "status"},
    {"call": "metrics"},
    {"call": "take_events"},
    {"call": "retry_now"},
    {"call": "check"},
    {"call": "request", "method": "GET", "path": "/api/v1/sim/500001"},
    {"call": "request", "method": "GET", "path": "/api/v1/endpoint", "timeout": 0.2},
    {"call": "paginate", "path": "/api/v1/sim", "limit": 150},
    {"call": "list"},
    {"call": "audit"},
    {"call": "own"},
    {"call": "failures", "since": 86400},
    {"call": "update", "id": 1, "description": "gone"},
    {"call": "revoke", "id": 1},
]


class Soak:
    """The lives of one face."""

    def __init__(self, name: str, seed: str) -> None:
        self.name = name
        self.face = Face(FACES[name])
        self.random = random.Random(f"{seed} {name}")
        self.results: Counter[str] = Counter()
        self.usages: list[dict[str, int]] = []

    def live(self) -> None:
        """Live one life, and measure the process after it."""
        sandbox = self.face.sandbox
        sandbox.reset()
        with tempfile.TemporaryDirectory() as directory:
            clients = self.clients(Path(directory))
            for _ in range(CALLS):
                if self.random.random() < 0.2:
                    self.change_the_sandbox()
                self.call(self.random.choice(clients))
            sandbox.clear_faults()
            # Clients whose application token was refused or limited wait for long.
            for number, settings in enumerate(clients):
                sandbox.settings(limits=False, lockout_after=0)
                self.ask({"call": "close", "client": settings["client"]})
                new = {**settings, "client": "a", "timeout": 30.0}
                self.ask({**new, "store": f"{directory}/{number}"})
                assert "ok" in (
                    answer := self.ask(
                        {"call": "request", "client": "a", "method": "GET", "path": "/api/v1/sim"}
                    )
                ), answer
                self.ask({"call": "close", "client": "a"})
        self.usages.append(self.usage_at_rest())

    def clients(self, directory: Path) -> list[dict[str, Any]]:
        """Create the clients, and return the commands that did."""
        common = {
            "call": "new",
            "base_url": self.face.sandbox.url,
            "ca_bundle": self.face.sandbox.ca_file,
            "timeout": TIMEOUT,
        }
        token = {"application_token": self.face.sandbox.application_token}
        clients: list[dict[str, Any]] = [
            {**common, **token, "client": "memory"},
            {**common, **token, "client": "directory", "store": f"{directory}/store"},
            {**common, "client": "user", "username": "user@example.com", "password": "password"},
        ]
        for command in clients:
            self.ask(command)
        return clients

    def change_the_sandbox(self) -> None:
        sandbox = self.face.sandbox
        match self.random.randrange(6):
            case 0:
                sandbox.clear_faults()
            case 1:
                sandbox.revoke_auth_tokens()
            case 2:
                lifetime = self.random.choice([5, 600, 14400])
                sandbox.settings(auth_token_lifetime=lifetime, gzip=self.random.random() < 0.5)
            case _:
                fault = self.random.choice(FAULTS)
                path = self.random.choice(PATHS)
                sandbox.fault(**fault, path=path, times=self.random.randrange(1, 5))

    def call(self, settings: dict[str, Any]) -> None:
        """Make a random call with a client."""
        client = settings["client"]
        if self.random.random() < 0.02:
            self.ask({"call": "close", "client": client})
            self.ask(settings)
        command = self.random.choice(COMMANDS)
        answer = self.ask({**command, "client": client})
        if command["call"] == "authenticate" and "ok" in answer and self.random.random() < 0.2:
            token = answer["ok"]["auth_token"]
            self.ask({"call": "invalidate", "client": client, "auth_token": token})

    def ask(self, command: dict[str, Any]) -> dict[str, Any]:
        answer = self.face.driver.ask(command)
        no_secrets(answer)
        kind = answer["error"]["kind"] if "error" in answer else "ok"
        assert kind != "internal", answer
        self.results[kind] += 1
        return answer

    def usage_at_rest(self) -> dict[str, int]:
        """Return what the process uses when its idle threads have ended."""
        started = time.monotonic()
        while (usage := self.face.driver.facts())["threads"] > 1:
            if time.monotonic() > started + IDLE:
                break
            time.sleep(0.1)
        # A process keeps up to 16 of them open.
        descriptors = Path(f"/proc/{self.face.driver.pid}/fd").iterdir()
        locks = sum(".lock" in os.readlink(descriptor) for descriptor in descriptors)
        return {**usage, "descriptors": usage["descriptors"] - locks, "lock_files": locks}

    def growth(self) -> list[str]:
        """Return what has grown since the first lives."""
        found = []
        for name, more in (MORE_ASYNC if self.name == "async" else MORE).items():
            before = max(usage[name] for usage in self.usages[:WARM_UP])
            after = max(usage[name] for usage in self.usages[WARM_UP:])
            if after > before + more:
                found.append(f"{self.name}: {name} grew from {before} to {after}")
        return found


def main() -> int:
    minutes = float(os.environ.get("SOAK_MINUTES", "3"))
    seed = os.environ.get("SOAK_SEED", str(random.randrange(2**32)))
    print(f"SOAK_SEED={seed} SOAK_MINUTES={minutes:g}\n")
    print("| life | face | calls | failed | memory in kB | descriptors | lock files | threads |")
    print("|" + "---|" * 8, flush=True)
    end = time.monotonic() + 60 * minutes
    soaks = [Soak(name, seed) for name in FACES]
    life = 0
    with ThreadPoolExecutor(len(soaks)) as pool:
        while time.monotonic() < end or life <= WARM_UP:
            life += 1
            for _ in pool.map(Soak.live, soaks):
                pass
            for soak in soaks:
                calls = soak.results.total()
                cells = [life, soak.name, calls, calls - soak.results["ok"]]
                usage = soak.usages[-1]
                names = ("memory_kb", "descriptors", "lock_files", "threads")
                cells += [usage[name] for name in names]
                print("| " + " | ".join(map(str, cells)) + " |", flush=True)
    grown = [line for soak in soaks for line in soak.growth()]
    print("\n" + "\n".join(grown or ["nothing has grown"]))
    return 1 if grown else 0


if __name__ == "__main__":
    sys.exit(main())
