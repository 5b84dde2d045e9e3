"""What pods use, in values that both forms of metrics are made of. Pure.

metrics-server drops a whole pod when one of its containers has no memory or no CPU: what has ended is left
out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kubelet.provider.labels import CONTAINER_NAME, pod_key
from kubelet.server.cpu_rates import CpuRates, CpuSample
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
    id: str = ""
    image: str = ""
    """As its pod names it."""
    cpu_nano_cores: int | None = None
    """Billionths of a core in the last while; None where it is not known yet."""


@dataclass(frozen=True, slots=True)
class PodUsage:
    """What one pod uses."""

    namespace: str
    name: str
    uid: str
    containers: tuple[ContainerUsage, ...]
    processes: int = 0

    @property
    def time_ns(self) -> int:
        """When the newest of its measurements was made."""
        return max((one.time_ns for one in self.containers), default=0)

    @property
    def cpu_ns(self) -> int:
        """CPU time of all containers."""
        return sum(one.cpu_ns for one in self.containers)

    @property
    def cpu_nano_cores(self) -> int | None:
        """Of all containers; None as long as it is not known of one."""
        found = [one.cpu_nano_cores for one in self.containers]
        return None if None in found else sum(one for one in found if one is not None)

    @property
    def memory_bytes(self) -> int:
        """Memory of all containers."""
        return sum(one.memory_bytes for one in self.containers)


def pod_usages(
    stats: Sequence[api.PodSandboxStats], containers: Sequence[api.Container], rates: CpuRates
) -> tuple[PodUsage, ...]:
    """Of all pods with a container that runs."""
    found = []
    known = {one.id: one for one in containers}
    nano_cores = rates.look(
        {
            each.attributes.id: CpuSample(each.cpu.timestamp, each.cpu.usage_core_nano_seconds.value)
            for one in stats
            for each in one.linux.containers
        }
    )
    for one in stats:
        key = pod_key(one.attributes.labels)
        if key is None:
            continue
        running = tuple(
            _container(each, known.get(each.attributes.id), nano_cores.get(each.attributes.id))
            for each in one.linux.containers
            if each.memory.working_set_bytes.value and each.cpu.usage_core_nano_seconds.value
        )
        if running:
            processes = one.linux.process.process_count.value
            found.append(PodUsage(key.namespace, key.name, key.uid, running, processes))
    return tuple(sorted(found, key=lambda pod: (pod.namespace, pod.name)))


def _container(
    stats: api.ContainerStats, container: api.Container | None, nano_cores: int | None
) -> ContainerUsage:
    container = container or api.Container()
    return ContainerUsage(
        stats.attributes.labels.get(CONTAINER_NAME) or stats.attributes.metadata.name,
        stats.cpu.timestamp,
        stats.cpu.usage_core_nano_seconds.value,
        stats.memory.working_set_bytes.value,
        stats.writable_layer.used_bytes.value,
        container.created_at,
        stats.attributes.id,
        container.image.user_specified_image or container.image_ref,
        nano_cores,
    )
