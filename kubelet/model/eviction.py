"""Which pod gives way when memory or disk is short, and in which words. k/k pkg/kubelet/eviction/helpers.go.

deviation: a pod goes only where that can help. Of memory, pods must hold at least half of what is used: to
evict a model because of somebody's browser frees nothing for long. Of the disk, it is what is missing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from kubelet.model.admission import is_critical
from kubelet.model.decision import Ending
from kubelet.model.pod_spec import (
    Object,
    containers,
    integer,
    is_terminal,
    mapping,
    spec,
    status,
    text,
)
from kubelet.model.pressure import Breach
from kubelet.model.quantity import NANO, Format, Quantity, QuantityError
from kubelet.model.resources import container_requests, pod_requests
from kubelet.model.thresholds import Signal

_TOLD = ("memory", "ephemeral-storage")
"""Of which a pod's containers are told, each with its part."""


@dataclass(frozen=True, slots=True)
class PodUsage:
    """One pod that runs, and what it holds of the resource that is short."""

    pod: Object
    used: Mapping[str, int] = field(default_factory=dict)
    """By container: bytes of memory, wired memory included; or bytes or files of its logs and its layer."""
    shared: int = 0
    """Of all of them together: volumes."""

    @property
    def total(self) -> int:
        """What the whole pod uses."""
        return sum(self.used.values()) + self.shared


def rank(usages: Sequence[PodUsage], resource: str = "memory") -> list[PodUsage]:
    """Who goes first: usage above the request, then low priority, then the largest excess.

    Static pods and those of the system's priorities are not among them.
    """
    candidates = [
        one for one in usages
        if not is_critical(one.pod) and not is_terminal(status(one.pod).get("phase"))
    ]  # fmt: skip
    return sorted(candidates, key=lambda one: _order(one, resource))


def can_help(usages: Sequence[PodUsage], breach: Breach) -> bool:
    """Whether pods hold enough for an eviction to be worth it."""
    ours = sum(one.total for one in usages)
    if breach.signal is Signal.MEMORY:
        return ours * 2 >= breach.used
    return ours >= max(breach.missing, 1)


def eviction(
    usages: Sequence[PodUsage], breach: Breach, most_grace_s: int = 0
) -> tuple[PodUsage, Ending] | None:
    """The one to be ended now; None when nobody may be. One at a time: look again afterwards.

    `most_grace_s` is what a soft threshold leaves it; a hard one leaves nothing.
    """
    resource = breach.signal.resource
    ranked = rank(usages, resource)
    if not ranked:
        return None
    grace_s = 0 if breach.threshold.is_hard else most_grace_s
    message = eviction_message(ranked[0], breach)
    return ranked[0], Ending("Evicted", message, grace_s, signal=breach.signal.value)


def eviction_message(usage: PodUsage, breach: Breach) -> str:
    """Why a pod is evicted, in a kubelet's words."""
    resource = breach.signal.resource
    least, available = _text(breach.least, resource), _text(breach.available, resource)
    message = (
        f"The node was low on resource: {resource}. Threshold quantity: {least}, available: {available}. "
    )
    for container in containers(usage.pod) if resource in _TOLD else ():
        name = text(container.get("name"))
        used, request = usage.used.get(name, 0), _request(container, resource)
        if used > request:
            message += (
                f"Container {name} was using {_text(used, resource)}, request is {_text(request, resource)}, "
                f"has larger consumption of {resource}. "
            )
    return message


def _text(amount: int, resource: str) -> str:
    return str(Quantity.of(amount, Format.BINARY_SI if resource in _TOLD else Format.DECIMAL_SI))


def _order(usage: PodUsage, resource: str) -> tuple[bool, int, int, str]:
    excess = usage.total - _pod_request(usage.pod, resource)
    priority = integer(spec(usage.pod).get("priority"))
    return excess <= 0, priority, -excess, text(mapping(usage.pod.get("metadata")).get("uid"))


def _pod_request(pod: Object, resource: str) -> int:
    try:
        return pod_requests(pod).get(resource, 0) // NANO
    except QuantityError:
        return 0


def _request(container: Object, resource: str) -> int:
    try:
        return container_requests(container).get(resource, 0) // NANO
    except QuantityError:
        return 0
