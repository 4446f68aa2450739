"""Metrics: as text that other programs read, and for prometheus_client."""

from collections.abc import Iterable

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from emnify_auth import AsyncClient, AuthenticationError, Client, InvalidInputError
from emnify_auth.prometheus import EmnifyCollector

from loops import Loop
from sandbox import AUTHENTICATE, Sandbox


def parsed(text: str) -> list[Metric]:
    return list(text_string_to_metric_families(text))  # type: ignore[no-untyped-call]


def samples(families: Iterable[Metric]) -> dict[str, float]:
    """Return the value of each metric, by its name and the values of its labels."""
    return {
        " ".join([sample.name, *sample.labels.values()]): sample.value
        for family in families
        for sample in family.samples
    }


def test_the_text_is_openmetrics(client: Client, sandbox: Sandbox) -> None:
    sandbox.fault("status", AUTHENTICATE, times=1, status=401)
    with pytest.raises(AuthenticationError):
        client.authenticate()
    families = parsed(client.metrics())
    assert {family.name: (family.type, family.unit) for family in families} == {
        "emnify_signed_in": ("gauge", ""),
        "emnify_backoff_seconds": ("gauge", "seconds"),
        "emnify_sign_in_requests": ("counter", ""),
        "emnify_sign_in_failures": ("counter", ""),
        "emnify_sign_in_error": ("gauge", ""),
    }
    assert all(family.documentation.endswith(".") for family in families)
    found = samples(families)
    assert found["emnify_sign_in_failures_total rejected"] == 1
    assert found["emnify_sign_in_failures_total network"] == 0
    assert found["emnify_sign_in_error rejected"] == 1
    assert 0 < found["emnify_backoff_seconds"] <= 60


def test_a_collector_passes_them_to_prometheus_client(client: Client) -> None:
    auth_token = client.authenticate()
    registry = CollectorRegistry()
    registry.register(EmnifyCollector(client))
    with pytest.raises(ValueError, match="Duplicated timeseries"):
        registry.register(EmnifyCollector(client))
    expires_at = int(auth_token.expires_at.timestamp())
    assert registry.get_sample_value("emnify_signed_in") == 1
    assert registry.get_sample_value("emnify_auth_token_expiry_timestamp_seconds") == expires_at
    # What Prometheus gets, in both formats.
    text = generate_openmetrics(registry).decode()  # type: ignore[no-untyped-call]
    assert samples(parsed(text)) == samples(EmnifyCollector(client).collect())
    assert b"\nemnify_sign_in_requests_total 1.0\n" in generate_latest(registry)
    with pytest.raises(InvalidInputError, match="a Client or an AsyncClient"):
        EmnifyCollector("client")  # type: ignore[arg-type]


def test_an_async_client_has_them_too(sandbox: Sandbox, loop: Loop) -> None:
    async def main() -> None:
        async with sandbox.async_client() as client:
            assert isinstance(client, AsyncClient)
            await client.authenticate()
            assert samples(EmnifyCollector(client).collect())["emnify_signed_in"] == 1

    loop.run(main)
