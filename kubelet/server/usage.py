"""What pods use, in values that both forms of metrics are made of. Pure.

metrics-server drops a whole pod when one of its containers has no memory or no CPU: what has ended is left
out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kubelet.provider.labels import CONTAINER_NAME, pod_key
from runtime.api import cri_pb2 as api


@dataclass(frozen=True, slots=True)
class ContainerUsage:
    """Of one container that runs."""

    name: str
    time_ns: int
    cpu_ns: int
    """Nanoseconds of CPU since it started."""
    memory_bytes: int
    """The working set, weights included."""
    disk_bytes: int
    started_ns: int
    """Nanoseconds since 1970; 0 where it is not known."""


@dataclass(frozen=True, slots=True)
class PodUsage:
    """Of one pod."""

    namespace: str
    name: str
    uid: str
    containers: tuple[ContainerUsage, ...]
    processes: int = 0

    @property
    def time_ns(self) -> int:
        """Of the newest measurement."""
        return max((one.time_ns for one in self.containers), default=0)

    @property
    def cpu_ns(self) -> int:
        """Of all containers."""
        return sum(one.cpu_ns for one in self.containers)

    @property
    def memory_bytes(self) -> int:
        """Of all containers."""
        return sum(one.memory_bytes for one in self.containers)


def pod_usages(stats: Sequence[api.PodSandboxStats], started_ns: Mapping[str, int]) -> tuple[PodUsage, ...]:
    """Of all pods with a container that runs; `started_ns` by container id."""
    found = []
    for one in stats:
        key = pod_key(one.attributes.labels)
        if key is None:
            continue
        containers = tuple(
            _container(each, started_ns.get(each.attributes.id, 0))
            for each in one.linux.containers
            if each.memory.working_set_bytes.value and each.cpu.usage_core_nano_seconds.value
        )
        if containers:
            processes = one.linux.process.process_count.value
            found.append(PodUsage(key.namespace, key.name, key.uid, containers, processes))
    return tuple(sorted(found, key=lambda pod: (pod.namespace, pod.name)))


def _container(stats: api.ContainerStats, started_ns: int) -> ContainerUsage:
    return ContainerUsage(
        stats.attributes.labels.get(CONTAINER_NAME) or stats.attributes.metadata.name,
        stats.cpu.timestamp,
        stats.cpu.usage_core_nano_seconds.value,
        stats.memory.working_set_bytes.value,
        stats.writable_layer.used_bytes.value,
        started_ns,
    )
