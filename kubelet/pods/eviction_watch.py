"""When the machine is short of memory or disk: unused images go, and then one pod at a time.

k/k pkg/kubelet/eviction/eviction_manager.go, synchronize.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence

from kubelet.model.decision import EventType, PodEvent
from kubelet.model.eviction import PodUsage, can_help, eviction
from kubelet.model.pod_spec import full_name, uid
from kubelet.model.pressure import Breach, Pressure
from kubelet.model.thresholds import Signal
from kubelet.model.times import SECOND
from kubelet.node.health import HealthWatch
from kubelet.pods.memory_watch import Runtime
from kubelet.pods.pod_usage import disk_usage, layers_held, memory_held
from kubelet.pods.shown_pods import shown
from kubelet.pods.worker import PodWorker
from kubelet.provider.logs import LogFolders
from kubelet.volumes.pod_volumes import VolumeFolders

LOOK_S = 10.0
"""k/k pkg/kubelet/eviction: the monitoring interval."""
_CLEANUP = 30 * SECOND
"""Given to an evicted pod, before another has to go."""
_log = logging.getLogger(__name__)


class EvictionWatch:
    """Frees images and evicts pods while a threshold of the node is crossed."""

    def __init__(
        self,
        runtime: Runtime,
        pods: Mapping[str, PodWorker],
        health: HealthWatch,
        folders: tuple[VolumeFolders, LogFolders],
        free_images: Callable[[], Awaitable[None]],
        tell: Callable[[PodEvent], None],
        now: Callable[[], int],
    ) -> None:
        """`pods` by UID; `tell` records an event of the Node."""
        self._runtime, self._pods, self._health, self._folders = runtime, pods, health, folders
        self._free_images, self._tell, self._now = free_images, tell, now
        self._evicted: str | None = None
        self._evicted_at = 0
        self._told: Signal | None = None
        """Of which a log has that nobody goes for it."""
        self._under: Signal | None = None
        """What an event has told of."""

    async def look(self) -> None:
        """Look once, and evict at most one pod. RuntimeRefusal."""
        is_somebody_going = self._is_somebody_going()  # what it gives back may come after the measurement
        breach = _first(await self._health.look())
        if breach is None:
            self._told = self._under = None
            return
        if self._under is not breach.signal:
            self._under = breach.signal
            message = f"Attempting to reclaim {breach.signal.resource}"
            self._tell(PodEvent(EventType.WARNING, "EvictionThresholdMet", message))
        if breach.signal is not Signal.MEMORY:
            await self._free_images()
            breach = _first(await self._health.look())
            if breach is None:
                return
        if not is_somebody_going:
            await self._make_room(breach)

    def _is_somebody_going(self) -> bool:
        """A pod is Failed before its volumes are gone. k/k eviction_manager.go, waitForPodsCleanup."""
        worker = self._pods.get(self._evicted or "")
        if worker is None or worker.is_reclaimed:
            return False
        return self._now() - self._evicted_at < _CLEANUP

    async def _make_room(self, breach: Breach) -> None:
        usages = await self._usages(breach.signal)
        chosen = None
        if can_help(usages, breach):
            candidates = [one for one in usages if uid(one.pod) != self._evicted]
            chosen = eviction(candidates, breach, self._health.settings.most_grace_s)
        if chosen is None:
            if self._told is not breach.signal:
                self._told = breach.signal
                _log.warning(
                    "%s is short, and no pod is evicted: it is not theirs to give", breach.signal.resource
                )
            return
        usage, ending = chosen
        worker = self._pods.get(uid(usage.pod))
        if worker is None:  # it has gone by itself while others were measured
            return
        self._evicted, self._evicted_at = uid(usage.pod), self._now()
        _log.warning("pod %s is evicted: %s", full_name(usage.pod), ending.message)
        worker.end(ending)

    async def _usages(self, signal: Signal) -> Sequence[PodUsage]:
        stats = await self._runtime.sandbox_stats()
        workers = list(self._pods.items())
        if signal is Signal.MEMORY:
            held = memory_held(stats)
            return [PodUsage(shown(worker), held[pod_uid]) for pod_uid, worker in workers if pod_uid in held]
        layers = layers_held(stats)
        volumes, logs = self._folders
        return [
            await asyncio.to_thread(
                disk_usage, shown(worker), layers.get(pod_uid, {}), volumes, logs, signal.resource
            )
            for pod_uid, worker in workers
        ]


def _first(pressure: Pressure) -> Breach | None:
    """Of those that an eviction may help; of processes only the condition tells."""
    return next((one for one in pressure.breaches if one.signal is not Signal.PROCESSES), None)
