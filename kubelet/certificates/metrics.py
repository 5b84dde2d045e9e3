"""How long this node's certificates are valid yet. k/k pkg/kubelet/kubelet.go and certificate/kubelet.go."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from datetime import datetime

from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from kubelet.certificates.pairs import Pair

Current = Callable[[], Pair | None]


class CertificateTimes(Collector):
    """Looked at when somebody asks."""

    def __init__(self, client: Current, serving: Current, wall: Callable[[], datetime]) -> None:
        self._client, self._serving, self._wall = client, serving, wall

    def collect(self) -> Iterator[Metric]:
        """Seconds; infinity where there is none."""
        for name, current in (("client", self._client), ("server", self._serving)):
            pair = current()
            left_s = (pair.not_after - self._wall()).total_seconds() if pair is not None else math.inf
            text = f"The TTL (time-to-live) of the node's {name} certificate: seconds until it ends"
            yield GaugeMetricFamily(f"kubelet_certificate_manager_{name}_ttl_seconds", text, value=left_s)
