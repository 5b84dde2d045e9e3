"""Which pod gives way when memory or disk is short, and in which words.

Memory that is free is no signal on a Mac: macOS fills it. `kern.memorystatus_vm_pressure_level` is. A pod is
evicted only while pods fill the machine: to evict a model because of somebody's browser would not help.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum

from kubelet.model.admission import is_critical
from kubelet.model.decision import Ending
from kubelet.model.pod_spec import (
    Object,
    all_containers,
    containers,
    integer,
    is_terminal,
    mapping,
    objects,
    spec,
    status,
    text,
)
from kubelet.model.quantity import NANO, Format, Quantity, QuantityError, parse_quantity
from kubelet.model.resources import container_limits, container_requests, pod_requests


class PressureLevel(IntEnum):
    """`kern.memorystatus_vm_pressure_level`."""

    NORMAL = 1
    WARN = 2
    CRITICAL = 4


@dataclass(frozen=True, slots=True)
class MemorySignal:
    """The machine's memory."""

    level: PressureLevel
    available_bytes: int
    threshold_bytes: int
    ours_bytes: int
    """Held by containers."""
    used_bytes: int
    """Held by all processes."""

    @property
    def is_pressed(self) -> bool:
        """The condition MemoryPressure."""
        return self.level is not PressureLevel.NORMAL or self.available_bytes < self.threshold_bytes

    @property
    def must_evict(self) -> bool:
        """Something of ours has to go."""
        is_short = self.level is PressureLevel.CRITICAL or self.available_bytes < self.threshold_bytes
        return is_short and self.ours_bytes * 2 >= self.used_bytes


@dataclass(frozen=True, slots=True)
class PodUsage:
    """One pod that runs."""

    pod: Object
    memory_bytes: Mapping[str, int]
    """By container: the physical footprint, wired memory included."""

    @property
    def total(self) -> int:
        """Of all its containers."""
        return sum(self.memory_bytes.values())


def rank(usages: Sequence[PodUsage]) -> list[PodUsage]:
    """Who goes first: usage above the request, then low priority, then the largest excess.

    Static pods and those of the system's priorities are not among them.
    """
    candidates = [
        one for one in usages
        if not is_critical(one.pod) and not is_terminal(status(one.pod).get("phase"))
    ]  # fmt: skip
    return sorted(candidates, key=_order)


def memory_eviction(usages: Sequence[PodUsage], signal: MemorySignal) -> tuple[PodUsage, Ending] | None:
    """The one to be ended now; None while nothing has to go. One at a time: look again afterwards."""
    ranked = rank(usages) if signal.must_evict else []
    if not ranked:
        return None
    # k/k pkg/kubelet/eviction/helpers.go: a hard threshold leaves no grace.
    return ranked[0], Ending("Evicted", memory_message(ranked[0], signal), grace_s=0)


def memory_message(usage: PodUsage, signal: MemorySignal) -> str:
    """As kubelets say it."""
    threshold, available = memory_text(signal.threshold_bytes), memory_text(signal.available_bytes)
    message = (
        f"The node was low on resource: memory. Threshold quantity: {threshold}, available: {available}. "
    )
    for container in containers(usage.pod):
        name = text(container.get("name"))
        used, request = usage.memory_bytes.get(name, 0), _request(container)
        if used > request:
            message += (
                f"Container {name} was using {memory_text(used)}, request is {memory_text(request)}, "
                "has larger consumption of memory. "
            )
    return message


def memory_text(size_bytes: int) -> str:
    """`9Gi`."""
    return str(Quantity.of(size_bytes, Format.BINARY_SI))


def disk_message(resource: str = "ephemeral-storage") -> str:
    """Of an eviction because the disk is full."""
    return f"The node was low on resource: {resource}. "


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
            return Ending("Evicted", message, grace_s=0)
    return None


def over_memory_limit(usage: PodUsage) -> list[str]:
    """Containers to be killed as OOMKilled: nothing else holds a process on a Mac to its limit."""
    over = []
    for container in all_containers(usage.pod):
        name = text(container.get("name"))
        try:
            limit = container_limits(container).get("memory")
        except QuantityError:
            continue
        if limit is not None and usage.memory_bytes.get(name, 0) * NANO > limit:
            over.append(name)
    return over


def _order(usage: PodUsage) -> tuple[bool, int, int, str]:
    excess = usage.total - _pod_request(usage.pod)
    priority = integer(spec(usage.pod).get("priority"))
    return excess <= 0, priority, -excess, text(mapping(usage.pod.get("metadata")).get("uid"))


def _pod_request(pod: Object) -> int:
    try:
        return pod_requests(pod).get("memory", 0) // NANO
    except QuantityError:
        return 0


def _request(container: Object) -> int:
    try:
        return container_requests(container).get("memory", 0) // NANO
    except QuantityError:
        return 0
