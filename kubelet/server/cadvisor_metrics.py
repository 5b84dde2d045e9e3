"""/metrics/cadvisor: the part of cAdvisor's metrics that a process without a cgroup has. Pure.

Dashboards tell containers from pods and machines by their labels: `image` and `container` are not empty for
containers alone. Source: google/cadvisor, metrics/prometheus.go; kubernetes/kubernetes, pkg/kubelet/server.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector, CollectorRegistry

from kubelet.server.surroundings import NodeUsage
from kubelet.server.usage import ContainerUsage, PodUsage

_LABELS = ["container", "id", "image", "name", "namespace", "pod"]


def cadvisor_metrics(
    node: NodeUsage, pods: Sequence[PodUsage], memory_limits: Mapping[tuple[str, str], int]
) -> bytes:
    """The text exposition format, version 0.0.4. `memory_limits`: bytes by pod UID and container."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Cadvisor(node, pods, memory_limits))
    return generate_latest(registry)


class _Cadvisor(Collector):
    def __init__(
        self, node: NodeUsage, pods: Sequence[PodUsage], memory_limits: Mapping[tuple[str, str], int]
    ) -> None:
        self._node, self._pods, self._memory_limits = node, pods, memory_limits

    def collect(self) -> Iterator[Metric]:
        """All families of the page."""
        yield self._cpu()
        yield self._of("container_memory_working_set_bytes", "Current working set.", _memory)
        yield self._of("container_memory_usage_bytes", "Current memory usage.", _memory)
        yield self._of("container_memory_rss", "Size of RSS.", _memory)
        yield self._of("container_fs_usage_bytes", "Bytes of the container's files.", _disk)
        yield self._of("container_start_time_seconds", "Start of the container since unix epoch.", _start)
        yield self._of("container_last_seen", "Last time a container was seen.", _seen)
        yield self._limits()
        yield GaugeMetricFamily("machine_cpu_cores", "Number of logical CPU cores.", value=self._node.cores)
        memory = self._node.memory_used_bytes + self._node.memory_available_bytes
        yield GaugeMetricFamily("machine_memory_bytes", "Amount of memory installed.", value=memory)
        for name in ("container_scrape_error", "machine_scrape_error"):
            yield GaugeMetricFamily(name, "1 if there was an error while getting metrics, else 0", value=0)

    def _cpu(self) -> Metric:
        family = CounterMetricFamily(
            "container_cpu_usage_seconds", "Cumulative CPU time consumed.", labels=[*_LABELS, "cpu"]
        )
        for pod in self._pods:
            for one in pod.containers:
                family.add_metric(
                    [*_labels(pod, one), "total"], one.cpu_ns / 1e9, timestamp=one.time_ns / 1e9
                )
        return family

    def _of(self, name: str, text: str, value: Callable[[ContainerUsage], float]) -> Metric:
        family = GaugeMetricFamily(name, text, labels=_LABELS)
        for pod in self._pods:
            for one in pod.containers:
                family.add_metric(_labels(pod, one), value(one), timestamp=one.time_ns / 1e9)
        return family

    def _limits(self) -> Metric:
        family = GaugeMetricFamily(
            "container_spec_memory_limit_bytes", "Memory limit for the container.", labels=_LABELS
        )
        for pod in self._pods:
            for one in pod.containers:
                family.add_metric(_labels(pod, one), self._memory_limits.get((pod.uid, one.name), 0))
        return family


def _labels(pod: PodUsage, one: ContainerUsage) -> list[str]:
    return [one.name, f"/pods/{pod.uid}/{one.id}", one.image, one.id, pod.namespace, pod.name]


def _memory(one: ContainerUsage) -> float:
    return one.memory_bytes


def _disk(one: ContainerUsage) -> float:
    return one.disk_bytes


def _start(one: ContainerUsage) -> float:
    return one.started_ns / 1e9


def _seen(one: ContainerUsage) -> float:
    return one.time_ns // 1_000_000_000
