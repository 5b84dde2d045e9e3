"""What a process takes."""

from __future__ import annotations

import time

from prometheus_client import CollectorRegistry

from kubelet.server.process_metrics import ProcessMetrics


def test_this_process() -> None:
    registry = CollectorRegistry()
    registry.register(ProcessMetrics())

    def value(name: str) -> float:
        return registry.get_sample_value(f"process_{name}") or 0

    assert value("cpu_seconds_total") > 0
    assert 10 << 20 < value("resident_memory_bytes") < value("virtual_memory_bytes")
    assert time.time() - 86_400 < value("start_time_seconds") <= time.time()
    assert value("open_fds") > 2
