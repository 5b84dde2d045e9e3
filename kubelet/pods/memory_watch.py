"""No container passes its memory limit for long.

No cgroup does it here. The runtime's measurements are what there is, so a limit is kept within a look.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Protocol

from kubelet.model.eviction import PodUsage
from kubelet.model.pod_spec import full_name
from kubelet.model.usage_limits import has_limit, over_memory_limit
from kubelet.pods.pod_usage import container_name
from kubelet.pods.worker import PodWorker
from kubelet.provider.labels import pod_key
from runtime.api import cri_pb2 as api

LOOK_S = 10.0
"""k/k pkg/kubelet/eviction: the monitoring interval."""
_log = logging.getLogger(__name__)


class Runtime(Protocol):
    """The part of `RuntimeClient` that is needed."""

    async def sandbox_stats(self) -> list[api.PodSandboxStats]:
        """Of all pods, with their containers."""


class MemoryWatch:
    """Ends containers of one node that are over their memory limit."""

    def __init__(self, runtime: Runtime, pods: Mapping[str, PodWorker]) -> None:
        """`pods` by UID."""
        self._runtime, self._pods = runtime, pods

    async def look(self) -> None:
        """Look once, and end what is over its limit. RuntimeRefusal."""
        if not any(has_limit(one.pod, "memory") for one in self._pods.values()):
            return  # measuring costs something
        for stats in await self._runtime.sandbox_stats():
            key = pod_key(stats.attributes.labels)
            worker = self._pods.get(key.uid) if key is not None else None
            if worker is not None:
                self._look_at(worker, stats)

    def _look_at(self, worker: PodWorker, stats: api.PodSandboxStats) -> None:
        for one in stats.linux.containers:
            name = container_name(one)
            held = {name: one.memory.working_set_bytes.value}
            if over_memory_limit(PodUsage(worker.pod, held)):
                _log.warning("container %s of pod %s is over its limit", name, full_name(worker.pod))
                worker.machine.kill_for_memory(name, one.attributes.id)
                worker.look()
