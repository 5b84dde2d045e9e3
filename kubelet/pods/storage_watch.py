"""No pod takes more of the disk than its emptyDirs' and its containers' limits say."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from kubelet.model.pod_spec import uid
from kubelet.model.usage_limits import empty_dir_eviction, has_limit, storage_eviction
from kubelet.pods.memory_watch import Runtime
from kubelet.pods.pod_usage import DiskUse, disk_usage, layers_held
from kubelet.pods.worker import PodWorker
from kubelet.provider.logs import LogFolders
from kubelet.volumes.pod_volumes import PodVolumes

_STORAGE = "ephemeral-storage"


class StorageWatch:
    """Evicts pods of one node that are over a limit of storage."""

    def __init__(
        self, runtime: Runtime, pods: Mapping[str, PodWorker], volumes: PodVolumes, logs: LogFolders
    ) -> None:
        """`pods` by UID."""
        self._runtime, self._pods, self._volumes, self._logs = runtime, pods, volumes, logs

    async def look(self) -> None:
        """Look once, and evict pods that are over a limit of storage. RuntimeRefusal."""
        layers: dict[str, dict[str, DiskUse]] | None = None
        for pod_uid, worker in list(self._pods.items()):
            if self._volumes.has_limit(pod_uid):
                used = await asyncio.to_thread(self._volumes.usage, pod_uid)
                if (ending := empty_dir_eviction(worker.pod, used)) is not None:
                    worker.end(ending)
            if has_limit(worker.pod, _STORAGE):
                if layers is None:
                    layers = layers_held(await self._runtime.sandbox_stats())
                of_pod = layers.get(uid(worker.pod), {})
                folders = self._volumes.folders
                usage = await asyncio.to_thread(disk_usage, worker.pod, of_pod, folders, self._logs, _STORAGE)
                if (ending := storage_eviction(usage)) is not None:
                    worker.end(ending)
