"""What pods take on this machine's disk, measured when somebody asks."""

from __future__ import annotations

from dataclasses import dataclass

from kubelet.model.pod_spec import all_containers, name, namespace, objects, spec, text, uid
from kubelet.pods.pod_usage import used_disk
from kubelet.provider.logs import LogFolders
from kubelet.server.surroundings import Json, PodDisk
from kubelet.volumes.pod_volumes import VolumeFolders, is_kept_here, kind_of


@dataclass(frozen=True, slots=True)
class PodDisks:
    """`Disks` of one node."""

    volumes: VolumeFolders
    logs: LogFolders

    def usage(self, pod: Json) -> PodDisk:
        """What the pod holds on the disk, as Disks has it."""
        folder = self.logs.of_pod(namespace(pod), name(pod), uid(pod))
        containers = [text(one.get("name")) for one in all_containers(pod)]
        volumes = {
            text(one.get("name")): used_disk(
                self.volumes.of_volume(uid(pod), kind_of(one), text(one.get("name")))
            )
            for one in objects(spec(pod).get("volumes"))
            if is_kept_here(one)
        }
        return PodDisk(
            {one: used_disk(folder / one).size_bytes for one in containers},
            {one: use.size_bytes for one, use in volumes.items()},
        )
