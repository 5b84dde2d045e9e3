"""Prometheus metrics of all pod ports, in a registry that the caller gives."""

from __future__ import annotations

import collections

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_PORT = ("pod", "port")
_DURATION_S = (0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600)
_FIRST_S = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 80, 160, 320)
_BETWEEN_S = (0.001, 0.0025, 0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1, 2.5)
_PER_SECOND = (1, 2, 5, 10, 20, 30, 50, 75, 100, 150, 250, 500, 1000)


class ProxyMetrics:
    """The collectors; one object serves every pod port of a process."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.requests = Counter(
            "bronzewillow_http_requests",
            "HTTP requests answered; status 499: the client left first.",
            (*_PORT, "status"),
            registry=registry,
        )
        self.in_flight = Gauge(
            "bronzewillow_http_requests_in_flight", "HTTP requests being served.", _PORT, registry=registry
        )
        self.queued = Gauge(
            "bronzewillow_http_requests_queued",
            "HTTP requests that wait for their turn.",
            _PORT,
            registry=registry,
        )
        self.connections = Gauge(
            "bronzewillow_http_connections", "Open HTTP client connections.", _PORT, registry=registry
        )
        self.duration = Histogram(
            "bronzewillow_http_request_duration_seconds",
            "Seconds from the head of a request to the end of its answer.",
            _PORT,
            buckets=_DURATION_S,
            registry=registry,
        )
        self.first = Histogram(
            "bronzewillow_http_time_to_first_token_seconds",
            "Seconds from the head of a request to the first event of a stream, else the first body byte.",
            _PORT,
            buckets=_FIRST_S,
            registry=registry,
        )
        self.between = Histogram(
            "bronzewillow_http_inter_token_seconds",
            "Seconds between two events of a stream.",
            _PORT,
            buckets=_BETWEEN_S,
            registry=registry,
        )
        self.per_second = Histogram(
            "bronzewillow_http_tokens_per_second",
            "Tokens per second of a stream, after its first.",
            _PORT,
            buckets=_PER_SECOND,
            registry=registry,
        )
        self.tokens = Counter(
            "bronzewillow_http_stream_tokens",
            "Tokens of streams: from the usage chunk, else the number of events.",
            _PORT,
            registry=registry,
        )
        self.relay_bytes = Counter(
            "bronzewillow_relay_bytes",
            "Bytes relayed; direction in: from clients.",
            (*_PORT, "direction"),
            registry=registry,
        )
        self.relay_connections = Counter(
            "bronzewillow_relay_connections", "Connections accepted by a relay.", _PORT, registry=registry
        )
        self.relay_open = Gauge(
            "bronzewillow_relay_open_connections", "Open relayed connections.", _PORT, registry=registry
        )
        self.relay_failed = Counter(
            "bronzewillow_relay_upstream_failures",
            "Connections reset because the upstream could not be reached.",
            _PORT,
            registry=registry,
        )

        # while a port moves to another upstream, the old server and the new one share its series
        self._holders: collections.Counter[tuple[str, str, str]] = collections.Counter()
        self._by_status: dict[tuple[str, str], dict[int, Counter]] = {}

    def http_port(self, pod: str, port: int) -> HttpPortMetrics:
        """The series of one HTTP pod port."""
        return HttpPortMetrics(self, pod, port)

    def relay_port(self, pod: str, port: int) -> RelayPortMetrics:
        """The series of one relayed pod port."""
        return RelayPortMetrics(self, pod, port)

    def hold(self, kind: str, labels: tuple[str, str]) -> None:
        """One server more counts in these series."""
        self._holders[kind, *labels] += 1

    def release(self, kind: str, labels: tuple[str, str]) -> bool:
        """One server fewer; whether it was the last, so that the series may go."""
        self._holders[kind, *labels] -= 1
        if self._holders[kind, *labels]:
            return False
        del self._holders[kind, *labels]
        if kind == "http":
            del self._by_status[labels]
        return True

    def statuses(self, labels: tuple[str, str]) -> dict[int, Counter]:
        """The counters of answers by status, those that exist so far."""
        return self._by_status.setdefault(labels, {})


class HttpPortMetrics:
    """One port's children, looked up once; `forget` removes the series when the pod goes."""

    def __init__(self, metrics: ProxyMetrics, pod: str, port: int) -> None:
        self._labels = (pod, str(port))
        self._metrics = metrics
        metrics.hold("http", self._labels)
        self._by_status = metrics.statuses(self._labels)
        self._is_forgotten = False
        self.in_flight = metrics.in_flight.labels(*self._labels)
        self.queued = metrics.queued.labels(*self._labels)
        self.connections = metrics.connections.labels(*self._labels)
        self.duration = metrics.duration.labels(*self._labels)
        self.first = metrics.first.labels(*self._labels)
        self.between = metrics.between.labels(*self._labels)
        self.per_second = metrics.per_second.labels(*self._labels)
        self.tokens = metrics.tokens.labels(*self._labels)

    def answered(self, status: int) -> None:
        """Count a request by the status its client got."""
        if self._is_forgotten:
            return  # a late refusal must not bring the series back
        counter = self._by_status.get(status)
        if counter is None:
            counter = self._by_status[status] = self._metrics.requests.labels(*self._labels, str(status))
        counter.inc()

    def forget(self) -> None:
        """Remove every series of this port, unless another server counts in them."""
        all_of = self._metrics
        self._is_forgotten = True
        if not all_of.release("http", self._labels):
            return
        for status in self._by_status:
            all_of.requests.remove(*self._labels, str(status))
        self._by_status.clear()
        for collector in (
            all_of.in_flight,
            all_of.queued,
            all_of.connections,
            all_of.duration,
            all_of.first,
            all_of.between,
            all_of.per_second,
            all_of.tokens,
        ):
            collector.remove(*self._labels)


class RelayPortMetrics:
    """One relayed port's children."""

    def __init__(self, metrics: ProxyMetrics, pod: str, port: int) -> None:
        self._labels = (pod, str(port))
        self._metrics = metrics
        metrics.hold("relay", self._labels)
        self._in = metrics.relay_bytes.labels(*self._labels, "in")
        self._out = metrics.relay_bytes.labels(*self._labels, "out")
        self._accepted = metrics.relay_connections.labels(*self._labels)
        self._open = metrics.relay_open.labels(*self._labels)
        self._failed = metrics.relay_failed.labels(*self._labels)

    def moved(self, from_client: bool, count: int) -> None:
        """Count bytes in one direction."""
        (self._in if from_client else self._out).inc(count)

    def opened(self) -> None:
        self._accepted.inc()
        self._open.inc()

    def closed(self) -> None:
        self._open.dec()

    def dial_failed(self) -> None:
        self._failed.inc()

    def forget(self) -> None:
        """Remove every series of this port, unless another server counts in them."""
        if not self._metrics.release("relay", self._labels):
            return
        self._metrics.relay_bytes.remove(*self._labels, "in")
        self._metrics.relay_bytes.remove(*self._labels, "out")
        for collector in (
            self._metrics.relay_connections,
            self._metrics.relay_open,
            self._metrics.relay_failed,
        ):
            collector.remove(*self._labels)
