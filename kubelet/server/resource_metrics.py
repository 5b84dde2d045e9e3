"""/metrics/resource, which metrics-server reads: samples carry the time of their measurement. Pure.

Source: kubernetes/kubernetes, pkg/kubelet/metrics/collectors/resource_metrics.go.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector, CollectorRegistry

from kubelet.server.surroundings import NodeUsage
from kubelet.server.usage import PodUsage

_CONTAINER = ["container", "pod", "namespace"]
_POD = ["pod", "namespace"]


def resource_metrics(node: NodeUsage, pods: Sequence[PodUsage]) -> bytes:
    """The text exposition format, version 0.0.4."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Resources(node, pods))
    return generate_latest(registry)


class _Resources(Collector):
    def __init__(self, node: NodeUsage, pods: Sequence[PodUsage]) -> None:
        self._node = node
        self._pods = pods

    def collect(self) -> Iterator[Metric]:
        """All families of the page."""
        yield from self._of_node()
        yield from self._of_containers()
        yield from self._of_pods()
        for name in ("resource_scrape_error", "scrape_error"):
            yield GaugeMetricFamily(name, "1 if there was an error while getting metrics, else 0", value=0)

    def _of_node(self) -> Iterator[Metric]:
        time_s = self._node.time_ns / 1e9
        cpu = CounterMetricFamily("node_cpu_usage_seconds", "CPU time that the node has consumed")
        cpu.add_metric([], self._node.cpu_seconds, timestamp=time_s)
        memory = GaugeMetricFamily("node_memory_working_set_bytes", "Working set of the node")
        memory.add_metric([], self._node.memory_used_bytes, timestamp=time_s)
        yield from (cpu, memory)

    def _of_containers(self) -> Iterator[Metric]:
        cpu = CounterMetricFamily(
            "container_cpu_usage_seconds", "CPU time of the container", labels=_CONTAINER
        )
        memory = GaugeMetricFamily(
            "container_memory_working_set_bytes", "Working set of the container", labels=_CONTAINER
        )
        start = GaugeMetricFamily(
            "container_start_time_seconds", "Start of the container, seconds since 1970", labels=_CONTAINER
        )
        for pod in self._pods:
            for one in pod.containers:
                labels, time_s = [one.name, pod.name, pod.namespace], one.time_ns / 1e9
                cpu.add_metric(labels, one.cpu_ns / 1e9, timestamp=time_s)
                memory.add_metric(labels, one.memory_bytes, timestamp=time_s)
                if one.started_ns:
                    start.add_metric(labels, one.started_ns / 1e9)
        yield from (cpu, memory, start)

    def _of_pods(self) -> Iterator[Metric]:
        cpu = CounterMetricFamily("pod_cpu_usage_seconds", "CPU time of the pod", labels=_POD)
        memory = GaugeMetricFamily("pod_memory_working_set_bytes", "Working set of the pod", labels=_POD)
        for pod in self._pods:
            labels, time_s = [pod.name, pod.namespace], pod.time_ns / 1e9
            cpu.add_metric(labels, pod.cpu_ns / 1e9, timestamp=time_s)
            memory.add_metric(labels, pod.memory_bytes, timestamp=time_s)
        yield from (cpu, memory)
