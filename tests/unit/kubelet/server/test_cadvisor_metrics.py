"""/metrics/cadvisor."""

from __future__ import annotations

from kubelet.server.cadvisor_metrics import cadvisor_metrics
from kubelet.server.usage import ContainerUsage, PodUsage

from .conftest import Machine

TIME_NS = 1_700_000_000_000_000_000
USAGE = ContainerUsage("llm", TIME_NS, 1_500_000_000, 4096, 77, 5_000_000_000, "c-1", "tiny:v1")
LABELS = 'container="llm",id="/pods/u-1/c-1",image="tiny:v1",name="c-1",namespace="default",pod="llm-0"'


def test_containers_have_the_labels_that_dashboards_look_for() -> None:
    pods = [PodUsage("default", "llm-0", "u-1", (USAGE,), 3)]
    told = cadvisor_metrics(Machine().usage(), pods, {("u-1", "llm"): 8192}).decode()
    for line in (
        f'container_cpu_usage_seconds_total{{container="llm",cpu="total",{LABELS[16:]}}} 1.5 1700000000000',
        f"container_memory_working_set_bytes{{{LABELS}}} 4096.0 1700000000000",
        f"container_memory_rss{{{LABELS}}} 4096.0 1700000000000",
        f"container_fs_usage_bytes{{{LABELS}}} 77.0 1700000000000",
        f"container_start_time_seconds{{{LABELS}}} 5.0 1700000000000",
        f"container_spec_memory_limit_bytes{{{LABELS}}} 8192.0",
        "machine_cpu_cores 8.0",
        "machine_memory_bytes 4000.0",
        "container_scrape_error 0.0",
    ):
        assert f"\n{line}\n" in told, told


def test_a_node_without_pods() -> None:
    told = cadvisor_metrics(Machine().usage(), [], {}).decode()
    assert "machine_scrape_error 0.0" in told
    assert "container_memory_rss{" not in told
