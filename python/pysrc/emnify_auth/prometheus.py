"""Passes the metrics of a client to the library prometheus_client.

For example:

    from emnify_auth import Client
    from emnify_auth.prometheus import EmnifyCollector
    from prometheus_client import REGISTRY, start_http_server

    REGISTRY.register(EmnifyCollector(Client()))
    start_http_server(9464)
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ._extras import needs
from ._origin import wrong_type

with needs(__name__, ("prometheus_client",), "pip install 'emnify-auth[prometheus]'"):
    from prometheus_client import Metric
    from prometheus_client.openmetrics.parser import text_string_to_metric_families
    from prometheus_client.registry import Collector

if TYPE_CHECKING:
    from ._async import AsyncClient
    from ._native import Client

__all__ = ["EmnifyCollector"]


class EmnifyCollector(Collector):
    """Collects the metrics of a Client or AsyncClient: see Client.metrics(). It sends nothing.

    A registry takes one, because the names of the metrics are the same for each client. Unregister
    it before the client is closed.
    """

    def __init__(self, client: "Client | AsyncClient") -> None:
        if not callable(getattr(client, "metrics", None)):
            raise wrong_type("a Client or an AsyncClient", client)
        self._client = client

    def describe(self) -> Iterable[Metric]:
        """Return the names, by which a registry refuses a second collector."""
        return self.collect()

    def collect(self) -> Iterable[Metric]:
        """Return the current metrics."""
        families: Iterable[Metric] = text_string_to_metric_families(  # type: ignore[no-untyped-call]
            self._client.metrics()
        )
        return families
