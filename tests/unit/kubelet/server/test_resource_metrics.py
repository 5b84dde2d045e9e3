"""/metrics/resource, read as metrics-server reads it."""

from __future__ import annotations

from kubelet.server.resource_metrics import resource_metrics
from kubelet.server.usage import ContainerUsage, PodUsage

from .conftest import Machine

POD = PodUsage(
    "default",
    "llm-0",
    "u-1",
    (ContainerUsage("llm", 1_700_000_000_500_000_000, 1_500_000_000, 4096, 0, 9_000_000_000),),
)


def test_names_labels_and_times_in_milliseconds() -> None:
    lines = resource_metrics(Machine().usage(), [POD]).decode().splitlines()
    labels = 'container="llm",namespace="default",pod="llm-0"'
    for expected in (
        "# TYPE node_cpu_usage_seconds_total counter",
        "node_cpu_usage_seconds_total 12.5 1700000000500",
        "node_memory_working_set_bytes 1000.0 1700000000500",
        f"container_cpu_usage_seconds_total{{{labels}}} 1.5 1700000000500",
        f"container_memory_working_set_bytes{{{labels}}} 4096.0 1700000000500",
        f"container_start_time_seconds{{{labels}}} 9.0",
        'pod_cpu_usage_seconds_total{namespace="default",pod="llm-0"} 1.5 1700000000500',
        'pod_memory_working_set_bytes{namespace="default",pod="llm-0"} 4096.0 1700000000500',
        "resource_scrape_error 0.0",
        "scrape_error 0.0",
    ):
        assert expected in lines
