"""A real Prometheus scrapes a client, and an alert fires. Skipped where it is not installed."""

import json
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, start_http_server

from emnify_auth import Client
from emnify_auth.prometheus import EmnifyCollector

from conftest import ROOT
from sandbox import AUTHENTICATE, Sandbox

RULES = ROOT / "core/examples/monitoring"

PROMETHEUS, PROMTOOL = ["prometheus"], ["promtool"]

pytestmark = pytest.mark.skipif(not shutil.which("prometheus"), reason="needs prometheus")


def test_the_alert_rules_are_valid_and_fire_when_they_should() -> None:
    for command in (["check", "rules", "alerts.yml"], ["test", "rules", "alerts_test.yml"]):
        subprocess.run([*PROMTOOL, *command], cwd=RULES, check=True, timeout=60)


@pytest.fixture
def exporter(client: Client) -> Iterator[int]:
    """Serve the client's metrics, and return the port."""
    registry = CollectorRegistry()
    registry.register(EmnifyCollector(client))
    server, thread = start_http_server(0, "127.0.0.1", registry)
    yield server.server_port
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def prometheus(exporter: int, tmp_path: Path) -> Iterator[str]:
    """Start Prometheus, which scrapes the client every second, and return its address."""
    (tmp_path / "prometheus.yml").write_text(f"""
global: {{scrape_interval: 1s, evaluation_interval: 1s}}
rule_files: [{RULES / "alerts.yml"}]
scrape_configs:
  - job_name: emnify
    static_configs: [{{targets: ["127.0.0.1:{exporter}"]}}]
""")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen(
            [*PROMETHEUS, f"--web.listen-address={address}", "--config.file=prometheus.yml"],
            cwd=tmp_path,
            stdout=log,
            stderr=log,
        )
        yield f"http://{address}"
        process.terminate()
        process.wait(timeout=30)


def until(address: str, path: str, expected: str) -> dict[str, Any]:
    """Ask Prometheus until its answer contains a text."""
    ends = time.monotonic() + 30
    while True:
        try:
            with urllib.request.urlopen(f"{address}/api/v1/{path}", timeout=5) as response:
                answer: dict[str, Any] = json.load(response)["data"]
        except OSError:
            answer = {}
        if expected in json.dumps(answer):
            return answer
        assert time.monotonic() < ends, answer
        time.sleep(0.1)


def test_an_alert_fires_if_emnify_refuses_the_credentials(
    client: Client, sandbox: Sandbox, prometheus: str
) -> None:
    auth_token = client.authenticate()
    until(prometheus, "query?query=emnify_signed_in==1", "127.0.0.1")
    assert until(prometheus, "alerts", "alerts")["alerts"] == []
    sandbox.fault("status", AUTHENTICATE, status=401)
    client.invalidate(auth_token)
    # The old auth token is still valid and is returned.
    assert client.authenticate().reveal() == auth_token.reveal()
    [alert] = until(prometheus, "alerts", "firing")["alerts"]
    assert alert["labels"]["alertname"] == "EmnifySignInRefused"
    summary = alert["annotations"]["summary"]
    assert summary.startswith("emnify refuses the credentials of 127.0.0.1")
    print(json.dumps(alert, indent=2))  # noqa: T201 shown by pytest -s
