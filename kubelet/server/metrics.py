"""What the server itself tells at /metrics: who is connected, and who was not let stay."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from kubelet.server.callers import Callers, Drop


class CallerMetrics(Collector):
    """Looked at when somebody asks."""

    def __init__(self, callers: Callers) -> None:
        self._callers = callers

    def collect(self) -> Iterator[Metric]:
        """As of now."""
        callers = self._callers
        open_now = GaugeMetricFamily(
            "bronzewillow_kubelet_connections",
            "Connections to the node's API, by whether it is known who calls",
            labels=["known"],
        )
        open_now.add_metric(["true"], len(callers.known))
        open_now.add_metric(["false"], len(callers.strangers))
        dropped = CounterMetricFamily(
            "bronzewillow_kubelet_connections_dropped",
            "Connections to the node's API that it ended, by reason",
            labels=["reason"],
        )
        for why in Drop:
            dropped.add_metric([why.value], callers.drops[why])
        yield from (open_now, dropped)
