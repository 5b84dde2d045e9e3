"""Who is connected, and who was dropped."""

from __future__ import annotations

import asyncio

import pytest
from prometheus_client import CollectorRegistry

from kubelet.server.callers import Caller, CallerLimits, Callers, Drop
from kubelet.server.metrics import CallerMetrics, RequestMetrics


def test_connections_and_drops() -> None:
    async def main() -> None:
        callers, registry = Callers(CallerLimits()), CollectorRegistry()
        registry.register(CallerMetrics(callers))
        first, second = (Caller(callers, "192.0.2.1", asyncio.Protocol) for _ in range(2))
        callers.strangers |= {first: None, second: None}
        first.introduce()
        second.drop(Drop.LATE)
        name = "bronzewillow_kubelet_connections"
        assert registry.get_sample_value(name, {"known": "true"}) == 1
        assert registry.get_sample_value(name, {"known": "false"}) == 0
        assert registry.get_sample_value(f"{name}_dropped_total", {"reason": "late"}) == 1
        assert registry.get_sample_value(f"{name}_dropped_total", {"reason": "full"}) == 0

    asyncio.run(main())


@pytest.mark.parametrize(
    ("method", "route", "labels"),
    [
        ("GET", "/containerLogs/{namespace}/{pod}/{container}", ("GET", "containerLogs", "false")),
        ("GET", "/metrics", ("GET", "metrics", "false")),
        ("GET", "/metrics/resource/", ("GET", "metrics/resource", "false")),
        ("POST", "/exec/{namespace}/{pod}/{container}", ("POST", "exec", "true")),
        ("BREW", "", ("other", "other", "false")),
    ],
)
def test_requests(method: str, route: str, labels: tuple[str, str, str]) -> None:
    registry = CollectorRegistry()
    names = dict(zip(("method", "path", "long_running"), labels, strict=True)) | {"server_type": "readwrite"}
    with RequestMetrics(registry).serving(method, route):
        assert registry.get_sample_value("kubelet_http_inflight_requests", names) == 1
    assert registry.get_sample_value("kubelet_http_inflight_requests", names) == 0
    assert registry.get_sample_value("kubelet_http_requests_total", names) == 1
    assert registry.get_sample_value("kubelet_http_requests_duration_seconds_count", names) == 1
