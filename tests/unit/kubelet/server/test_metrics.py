"""Who is connected, and who was dropped."""

from __future__ import annotations

import asyncio

from prometheus_client import CollectorRegistry

from kubelet.server.callers import Caller, CallerLimits, Callers, Drop
from kubelet.server.metrics import CallerMetrics


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
