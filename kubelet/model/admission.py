"""Whether a pod is taken. What is refused is Failed for good, so the message says why and what to do.

k/k pkg/kubelet/lifecycle/predicate.go, pkg/kubelet/eviction, pkg/kubelet/nodeshutdown.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from kubelet.model.decision import Refusal
from kubelet.model.node_resources import METAL_MEMORY
from kubelet.model.pod_spec import (
    Object,
    all_containers,
    is_mirror,
    is_static,
    is_terminal,
    mapping,
    objects,
    spec,
    status,
    text,
)
from kubelet.model.qos import QosClass, qos_class
from kubelet.model.quantity import NANO, QuantityError
from kubelet.model.resources import container_requests, parse_resources, pod_requests, sum_of
from kubelet.model.selectors import matches_node
from kubelet.model.taints import taint_text, tolerates, untolerated
from kubelet.model.unsupported import unsupported_fields

UNSUPPORTED = "PodFeatureUnsupported"
_CRITICAL_PRIORITY = 2_000_000_000
_OS_LABEL = "kubernetes.io/os"
_MEBIBYTE = 1 << 20
_MEMORY_PRESSURE_TAINT: Object = {"key": "node.kubernetes.io/memory-pressure", "effect": "NoSchedule"}


@dataclass(frozen=True, slots=True)
class NodeView:
    """What admission knows of the node."""

    name: str
    labels: Mapping[str, str]
    taints: Sequence[Object]
    allocatable: Mapping[str, str]
    """As in the node's status."""
    user_id: int
    """The one that runs containers."""
    os: str = "darwin"
    host_path_roots: Sequence[str] = ()
    pressures: frozenset[str] = field(default_factory=frozenset)
    """Of MemoryPressure, DiskPressure, PIDPressure."""
    is_shutting_down: bool = False


def admit(pod: Object, others: Iterable[Object], node: NodeView) -> Refusal | None:
    """`others`: all pods of the node that have been taken."""
    if node.is_shutting_down:
        return Refusal("NodeShutdown", "Pod was rejected as the node is shutting down.")
    return (
        _check_pressure(pod, node)
        or _check_os(pod, node)
        or _check_placement(pod, node)
        or _check_fields(pod, node)
        or _check_resources(pod, others, node)
    )


def _check_pressure(pod: Object, node: NodeView) -> Refusal | None:
    if not node.pressures or is_critical(pod):
        return None
    if node.pressures == {"MemoryPressure"}:
        tolerations = objects(spec(pod).get("tolerations"))
        if any(tolerates(one, _MEMORY_PRESSURE_TAINT) for one in tolerations):
            return None
        try:
            if qos_class(pod) is not QosClass.BEST_EFFORT:
                return None
        except QuantityError:
            return None  # refused below, with the quantity's name
    return Refusal("Evicted", f"The node had condition: [{' '.join(sorted(node.pressures))}]. ")


def _check_os(pod: Object, node: NodeView) -> Refusal | None:
    wanted = text(mapping(spec(pod).get("os")).get("name"))
    if wanted and wanted != node.os:
        message = (
            "Failed to admit pod as the OS field doesn't match node OS: spec.os.name is "
            f"{wanted}, the node's is {node.os}; leave it unset for a Mac"
        )
        return Refusal("PodOSNotSupported", message)
    label = mapping(spec(pod).get("nodeSelector")).get(_OS_LABEL)
    if label is not None and label != node.labels.get(_OS_LABEL):
        message = "Failed to admit pod as the `kubernetes.io/os` label doesn't match node label"
        return Refusal("PodOSSelectorNodeLabelDoesNotMatch", message)
    return None


def _check_placement(pod: Object, node: NodeView) -> Refusal | None:
    if not matches_node(pod, node.name, node.labels):
        what = "node(s) didn't match Pod's node affinity/selector"
        return Refusal("NodeAffinity", f"Predicate NodeAffinity failed: {what}")
    taint = None if is_static(pod) else untolerated(pod, node.taints)
    if taint is not None:
        what = f"node(s) had untolerated taint {taint_text(taint)}"
        return Refusal("TaintToleration", f"Predicate TaintToleration failed: {what}")
    return None


def _check_fields(pod: Object, node: NodeView) -> Refusal | None:
    fields = unsupported_fields(pod, node.user_id, node.host_path_roots)
    if not fields:
        return None
    message = (
        "containers on this node are processes on macOS without isolation; they cannot have "
        f"{', '.join(fields)}. Remove this, or keep the pod off the node with nodeSelector {_OS_LABEL}: linux"
    )
    return Refusal(UNSUPPORTED, message)


def _check_resources(pod: Object, others: Iterable[Object], node: NodeView) -> Refusal | None:
    active = [one for one in others if not is_terminal(status(one).get("phase"))]
    allocatable = parse_resources(node.allocatable)
    most = allocatable.get("pods", 0) // NANO
    if len(active) + 1 > most:
        return _out_of("pods", 1, len(active), most)
    try:
        requests = pod_requests(pod)
        uncounted = _uncounted_metal(pod)
    except QuantityError as error:
        return Refusal("UnexpectedAdmissionError", f"resources cannot be read: {error}")
    if uncounted is not None:
        return uncounted
    used = sum_of([_requests_of(one) for one in active])
    for name, nano in sorted(requests.items()):
        # A resource that the node has never had is the scheduler's or a device plug-in's matter.
        if nano > 0 and name in allocatable and used.get(name, 0) + nano > allocatable[name]:
            unit = NANO // 1000 if name == "cpu" else NANO
            taken = -(-used.get(name, 0) // unit)
            return _out_of(name, -(-nano // unit), taken, allocatable[name] // unit)
    return None


def _uncounted_metal(pod: Object) -> Refusal | None:
    """The bytes that a model wires for the GPU are memory, and count there: see `node_resources`."""
    for container in all_containers(pod):
        requests = container_requests(container)
        metal = requests.get(METAL_MEMORY, 0) * _MEBIBYTE
        if metal > requests.get("memory", 0):
            mebibytes = metal // NANO // _MEBIBYTE
            message = (
                f"container {text(container.get('name'))} requests {METAL_MEMORY}: {mebibytes}, and less "
                f"memory; these are the same bytes: request memory: {mebibytes}Mi or more, too"
            )
            return Refusal("UnexpectedAdmissionError", message)
    return None


def _requests_of(pod: Object) -> dict[str, int]:
    try:
        return pod_requests(pod)
    except QuantityError:
        return {}


def _out_of(name: str, requested: int, used: int, capacity: int) -> Refusal:
    figures = f"requested: {requested}, used: {used}, capacity: {capacity}"
    return Refusal(f"OutOf{name}", f"Node didn't have enough resource: {name}, {figures}")


def is_critical(pod: Object) -> bool:
    """Static pods, and those of the system's priorities."""
    priority = spec(pod).get("priority")
    is_high = isinstance(priority, int) and priority >= _CRITICAL_PRIORITY
    return is_static(pod) or is_mirror(pod) or is_high
