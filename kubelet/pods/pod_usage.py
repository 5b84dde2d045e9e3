"""What pods hold of memory and disk, measured."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kubelet.model.eviction import PodUsage
from kubelet.model.pod_spec import Object, all_containers, name, namespace, text, uid
from kubelet.provider.labels import CONTAINER_NAME, pod_key
from kubelet.provider.logs import LogFolders
from kubelet.volumes.pod_volumes import VolumeFolders
from runtime.api import cri_pb2 as api


@dataclass(frozen=True, slots=True)
class DiskUse:
    """What a folder holds."""

    size_bytes: int = 0
    files: int = 0

    def of(self, resource: str) -> int:
        """`inodes`, or bytes."""
        return self.files if resource == "inodes" else self.size_bytes


def memory_held(stats: Sequence[api.PodSandboxStats]) -> dict[str, dict[str, int]]:
    """Bytes by pod UID and container."""
    found: dict[str, dict[str, int]] = {}
    for one in stats:
        key = pod_key(one.attributes.labels)
        if key is None:
            continue
        of_pod = found.setdefault(key.uid, {})
        for each in one.linux.containers:
            container = container_name(each)
            of_pod[container] = of_pod.get(container, 0) + each.memory.working_set_bytes.value
    return found


def layers_held(stats: Sequence[api.PodSandboxStats]) -> dict[str, dict[str, DiskUse]]:
    """What containers have written beside their logs and volumes, by pod UID and container."""
    found: dict[str, dict[str, DiskUse]] = {}
    for one in stats:
        key = pod_key(one.attributes.labels)
        for each in one.linux.containers if key is not None else ():
            layer = each.writable_layer
            use = DiskUse(layer.used_bytes.value, layer.inodes_used.value)
            found.setdefault(key.uid if key is not None else "", {})[container_name(each)] = use
    return found


def container_name(stats: api.ContainerStats) -> str:
    """As the pod has it."""
    return stats.attributes.labels.get(CONTAINER_NAME) or str(stats.attributes.metadata.name)


def disk_usage(
    pod: Object, layers: dict[str, DiskUse], folders: VolumeFolders, logs: LogFolders, resource: str
) -> PodUsage:
    """Its volumes here, its logs, its layers. Blocks."""
    log_folder = logs.of_pod(namespace(pod), name(pod), uid(pod))
    used = {}
    for container in all_containers(pod):
        of_container = text(container.get("name"))
        log, layer = used_disk(log_folder / of_container), layers.get(of_container, DiskUse())
        used[of_container] = log.of(resource) + layer.of(resource)
    return PodUsage(pod, used, used_disk(folders.of_pod(uid(pod))).of(resource))


def used_disk(folder: Path) -> DiskUse:
    """Of all files in it, as the disk has them; what goes meanwhile is not counted."""
    size_bytes = files = 0
    waiting = [str(folder)]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    seen = entry.stat(follow_symlinks=False)
                    size_bytes += seen.st_blocks * 512
                    files += 1
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
        except OSError:
            continue
    return DiskUse(size_bytes, files)
