"""The quality of service class of a pod: CPU and memory alone decide."""

from __future__ import annotations

from enum import StrEnum

from kubelet.model.pod_spec import Object, all_containers, mapping, spec
from kubelet.model.resources import parse_resources

_COUNTED = ("cpu", "memory")


class QosClass(StrEnum):
    """The API's QoS classes."""

    GUARANTEED = "Guaranteed"
    BURSTABLE = "Burstable"
    BEST_EFFORT = "BestEffort"


def qos_class(pod: Object) -> QosClass:
    """The QoS class that the pod's spec means. QuantityError."""
    own = mapping(spec(pod).get("resources"))
    askers = [spec(pod)] if own else all_containers(pod)
    is_guaranteed, is_asking = bool(askers), False
    for asker in askers:
        resources = mapping(asker.get("resources"))
        limits = _counted(resources.get("limits"))
        requests = _counted(resources.get("requests"))
        is_asking = is_asking or bool(limits or requests)
        is_same = all(limits.get(name) == nano for name, nano in requests.items())
        is_guaranteed = is_guaranteed and set(limits) == set(_COUNTED) and is_same
    if not is_asking:
        return QosClass.BEST_EFFORT
    return QosClass.GUARANTEED if is_guaranteed else QosClass.BURSTABLE


def _counted(value: object) -> dict[str, int]:
    resources = parse_resources(value)
    return {name: resources[name] for name in _COUNTED if resources.get(name, 0) > 0}
