"""Limits that nothing but the kubelet holds a pod to: memory, emptyDirs, local storage.

k/k pkg/kubelet/eviction/eviction_manager.go, localStorageEviction. On a Mac no cgroup holds memory either.
"""

from __future__ import annotations

from collections.abc import Mapping

from kubelet.model.decision import Ending
from kubelet.model.eviction import PodUsage
from kubelet.model.pod_spec import Object, all_containers, containers, mapping, objects, spec, text
from kubelet.model.quantity import NANO, Format, Quantity, QuantityError, parse_quantity
from kubelet.model.resources import container_limits

_STORAGE = "ephemeral-storage"


def has_limit(pod: Object, resource: str) -> bool:
    """Whether one of its containers may only take so much."""
    resources = [mapping(one.get("resources")) for one in all_containers(pod)]
    return any(mapping(one.get("limits")).get(resource) is not None for one in resources)


def over_memory_limit(usage: PodUsage) -> list[str]:
    """Containers to be killed as OOMKilled."""
    return [name for name, limit in limits_of(usage.pod, "memory").items() if usage.used.get(name, 0) > limit]


def storage_eviction(usage: PodUsage) -> Ending | None:
    """Of a pod whose logs, layers and volumes take more than they may, together or a container's alone."""
    limits = limits_of(usage.pod, _STORAGE)
    apps = [text(one.get("name")) for one in containers(usage.pod)]
    if apps and all(name in limits for name in apps):
        total = sum(limits[name] for name in apps)
        if usage.total > total:
            whole = Quantity.of(total, Format.BINARY_SI)
            message = f"Pod ephemeral local storage usage exceeds the total limit of containers {whole}. "
            return Ending("Evicted", message, grace_s=0, signal="ephemeralpodfs.limit")
    for name, limit in limits.items():
        if usage.used.get(name, 0) > limit:
            quantity = Quantity.of(limit, Format.BINARY_SI)
            message = f'Container {name} exceeded its local ephemeral storage limit "{quantity}". '
            return Ending("Evicted", message, grace_s=0, signal="ephemeralcontainerfs.limit")
    return None


def empty_dir_eviction(pod: Object, used_bytes: Mapping[str, int]) -> Ending | None:
    """`used_bytes`: of each emptyDir by the volume's name."""
    for volume in objects(spec(pod).get("volumes")):
        name = text(volume.get("name"))
        limit = mapping(volume.get("emptyDir")).get("sizeLimit")
        try:
            quantity = parse_quantity(limit) if limit is not None else None
        except QuantityError:
            continue
        if quantity is not None and 0 < quantity.nano < used_bytes.get(name, 0) * NANO:
            message = f'Usage of EmptyDir volume "{name}" exceeds the limit "{quantity}". '
            return Ending("Evicted", message, grace_s=0, signal="emptydirfs.limit")
    return None


def limits_of(pod: Object, resource: str) -> dict[str, int]:
    """Rounded down, by container; one that cannot be read is none."""
    found = {}
    for container in all_containers(pod):
        try:
            limit = container_limits(container).get(resource)
        except QuantityError:
            continue
        if limit is not None:
            found[text(container.get("name"))] = limit // NANO
    return found
