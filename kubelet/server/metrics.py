"""What the server itself tells at /metrics: who is connected, who was not let stay, what was asked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from kubelet.server.callers import Callers, Drop

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_LONG = frozenset({"exec", "attach", "portForward"})


class CallerMetrics(Collector):
    """Looked at when somebody asks."""

    def __init__(self, callers: Callers) -> None:
        self._callers = callers

    def collect(self) -> Iterator[Metric]:
        """The families, as of now."""
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


class RequestMetrics:
    """Of requests, by a kubelet's names: pkg/kubelet/server/metrics/metrics.go."""

    def __init__(self, registry: CollectorRegistry) -> None:
        labels, prefix = ("method", "path", "server_type", "long_running"), "kubelet_http"
        self._requests = Counter(
            f"{prefix}_requests", "Number of the http requests received since the server started", labels,
            registry=registry,
        )  # fmt: skip
        self._durations = Histogram(
            f"{prefix}_requests_duration_seconds", "Duration in seconds to serve http requests", labels,
            registry=registry,
        )  # fmt: skip
        self._in_flight = Gauge(
            f"{prefix}_inflight_requests", "Number of the inflight http requests", labels, registry=registry
        )

    @contextmanager
    def serving(self, method: str, route: str) -> Iterator[None]:
        """One of them. `route`: its canonical form, empty for none that there is."""
        path = _bucket(route)
        labels = (method if method in _METHODS else "other", path, "readwrite", _told(path in _LONG))
        self._requests.labels(*labels).inc()
        with self._in_flight.labels(*labels).track_inprogress(), self._durations.labels(*labels).time():
            yield


def _bucket(route: str) -> str:
    """`containerLogs`, `metrics/resource`: nothing that a stranger chooses."""
    first, _, rest = route.strip("/").partition("/")
    if first == "metrics" and rest:
        return f"metrics/{rest}"
    return first or "other"


def _told(value: bool) -> str:
    return "true" if value else "false"
