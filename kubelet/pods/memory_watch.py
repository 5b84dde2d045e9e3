"""What pods hold of the machine's memory: one gives way when it is short, and no container passes its limit.

No cgroup does it here. The runtime's measurements are what there is, so a limit is kept within a look.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from kubelet.model.decision import EventType, PodEvent
from kubelet.model.eviction import (
    MemorySignal,
    PodUsage,
    PressureLevel,
    memory_eviction,
    over_memory_limit,
)
from kubelet.model.pod_spec import Object, all_containers, full_name, mapping, uid
from kubelet.model.times import SECOND
from kubelet.node.memory import LEAST_BYTES, MemoryReading
from kubelet.pods.shown_pods import shown
from kubelet.pods.worker import PodWorker
from kubelet.provider.labels import CONTAINER_NAME, pod_key
from runtime.api import cri_pb2 as api

LOOK_S = 10.0
"""k/k pkg/kubelet/eviction: the monitoring interval."""
_CLEANUP = 30 * SECOND
"""Given to an evicted pod, before another has to go."""
_log = logging.getLogger(__name__)


class Runtime(Protocol):
    """The part of `RuntimeClient` that is needed."""

    async def sandbox_stats(self) -> list[api.PodSandboxStats]:
        """Of all pods, with their containers."""


class MemoryWatch:
    """Of one node."""

    def __init__(
        self,
        runtime: Runtime,
        pods: Mapping[str, PodWorker],
        read: Callable[[], MemoryReading],
        tell: Callable[[PodEvent], None],
        now: Callable[[], int],
    ) -> None:
        """`pods` by UID; `read` may block; `tell` records an event of the Node."""
        self._runtime, self._pods, self._read, self._tell, self._now = runtime, pods, read, tell, now
        self._evicted: str | None = None
        self._evicted_at = 0
        self._is_told = False

    async def look(self) -> None:
        """Once. RuntimeRefusal."""
        reading = await asyncio.to_thread(self._read)
        if not reading.is_low and not any(_has_limit(one.pod) for one in self._pods.values()):
            return  # measuring costs something
        held = _held(await self._runtime.sandbox_stats())
        usages = [
            PodUsage(shown(worker), held[pod_uid])
            for pod_uid, worker in self._pods.items()
            if pod_uid in held
        ]
        self._keep_limits(usages)
        if reading.is_low:
            self._make_room(usages, _signal(reading, held))
        else:
            self._is_told = False

    def _keep_limits(self, usages: Sequence[PodUsage]) -> None:
        for usage in usages:
            worker = self._pods[uid(usage.pod)]
            for container in over_memory_limit(usage):
                _log.warning("container %s of pod %s is over its limit", container, full_name(usage.pod))
                worker.machine.kill_for_memory(container)
                worker.look()

    def _make_room(self, usages: Sequence[PodUsage], signal: MemorySignal) -> None:
        is_going = any(uid(one.pod) == self._evicted for one in usages)
        if is_going and self._now() - self._evicted_at < _CLEANUP:
            return
        chosen = memory_eviction([one for one in usages if uid(one.pod) != self._evicted], signal)
        if chosen is None:
            if not self._is_told:
                self._is_told = True
                _log.warning("memory is short, and no pod is evicted: it is not theirs to give")
            return
        usage, ending = chosen
        self._evicted, self._evicted_at = uid(usage.pod), self._now()
        _log.warning("pod %s is evicted: %s", full_name(usage.pod), ending.message)
        # k/k pkg/kubelet/eviction/eviction_manager.go
        self._tell(PodEvent(EventType.WARNING, "EvictionThresholdMet", "Attempting to reclaim memory"))
        self._pods[uid(usage.pod)].end(ending)


def _signal(reading: MemoryReading, held: Mapping[str, Mapping[str, int]]) -> MemorySignal:
    return MemorySignal(
        PressureLevel.CRITICAL,  # or free memory below the threshold, which is as bad
        reading.available_bytes,
        LEAST_BYTES,
        ours_bytes=sum(sum(one.values()) for one in held.values()),
        used_bytes=reading.used_bytes,
    )


def _held(stats: Sequence[api.PodSandboxStats]) -> dict[str, dict[str, int]]:
    """Bytes by pod UID and container."""
    found: dict[str, dict[str, int]] = {}
    for one in stats:
        key = pod_key(one.attributes.labels)
        if key is None:
            continue
        of_pod = found.setdefault(key.uid, {})
        for each in one.linux.containers:
            name = each.attributes.labels.get(CONTAINER_NAME) or each.attributes.metadata.name
            of_pod[name] = of_pod.get(name, 0) + each.memory.working_set_bytes.value
    return found


def _has_limit(pod: Object) -> bool:
    resources = [mapping(one.get("resources")) for one in all_containers(pod)]
    return any(mapping(one.get("limits")).get("memory") is not None for one in resources)
