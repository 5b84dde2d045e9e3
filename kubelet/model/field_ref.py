"""The downward API: fields of the pod and resources of a container, as text."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kubelet.model.pod_spec import Object, annotations_of, labels_of, name, namespace, spec, text, uid
from kubelet.model.quantity import QuantityError, parse_quantity
from kubelet.model.resources import container_limits, container_requests, parse_resources

_SUBSCRIPT = re.compile(r"metadata\.(labels|annotations)\['([^']+)'\]")
_MILLI = 10**6


class FieldError(ValueError):
    """A reference to what there is not; the text is that of the status."""


@dataclass(frozen=True, slots=True)
class DownwardFacts:
    """What is not in the pod's spec."""

    node_name: str
    host_ips: Sequence[str]
    pod_ips: Sequence[str]
    allocatable: Mapping[str, str]
    """Of the node: the limit of a container that has none."""


def field_value(path: str, pod: Object, facts: DownwardFacts) -> str:
    """The value of a `fieldRef`. FieldError."""
    match = _SUBSCRIPT.fullmatch(path)
    if match is not None:
        where = labels_of(pod) if match[1] == "labels" else annotations_of(pod)
        return text(where.get(match[2]))
    values = {
        "metadata.name": name(pod),
        "metadata.namespace": namespace(pod),
        "metadata.uid": uid(pod),
        "metadata.labels": _lines(labels_of(pod)),
        "metadata.annotations": _lines(annotations_of(pod)),
        "spec.nodeName": facts.node_name,
        "spec.serviceAccountName": text(spec(pod).get("serviceAccountName")) or "default",
        "status.hostIP": facts.host_ips[0] if facts.host_ips else "",
        "status.hostIPs": ",".join(facts.host_ips),
        "status.podIP": facts.pod_ips[0] if facts.pod_ips else "",
        "status.podIPs": ",".join(facts.pod_ips),
    }
    if path not in values:
        raise FieldError(f"field label not supported: {path}")
    return values[path]


def resource_value(reference: Object, container: Object, facts: DownwardFacts) -> str:
    """Of a `resourceFieldRef`, in units of its divisor, rounded up. FieldError."""
    path = text(reference.get("resource"))
    kind, _, resource = path.partition(".")
    is_known = resource in ("cpu", "memory", "ephemeral-storage") or resource.startswith("hugepages-")
    if kind not in ("limits", "requests") or not is_known:
        raise FieldError(f"unsupported container resource: {path}")
    try:
        nano = _resource(kind, resource, container, facts)
        divisor = parse_quantity(reference.get("divisor") or "1").nano or parse_quantity("1").nano
    except QuantityError as error:
        raise FieldError(f"{path}: {error}") from None
    if divisor < 0:
        raise FieldError(f"{path}: the divisor is negative")
    if resource == "cpu":  # k/k pkg/api/v1/resource: thousandths of a CPU, before it is divided
        return str(_divided(_divided(nano, _MILLI), max(1, _divided(divisor, _MILLI))))
    return str(_divided(nano, divisor))


def _resource(kind: str, resource: str, container: Object, facts: DownwardFacts) -> int:
    if kind == "requests":
        return container_requests(container).get(resource, 0)
    limit = container_limits(container).get(resource)
    return limit if limit is not None else parse_resources(facts.allocatable).get(resource, 0)


def _divided(value: int, divisor: int) -> int:
    return -(-value // divisor)


def _lines(values: Object) -> str:
    pairs = sorted((key, value) for key, value in values.items() if isinstance(value, str))
    return "\n".join(f"{key}={json.dumps(value, ensure_ascii=False)}" for key, value in pairs)
