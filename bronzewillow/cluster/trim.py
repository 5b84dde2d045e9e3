"""What of large kinds is kept: what adapters, policies and Services read. Pure.

A Node says every few minutes that its kubelet lives, a pod whenever a probe changes its mind. None of that is
kept, so that an object which has changed in nothing else has not changed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from bronzewillow.kube import resources
from bronzewillow.kube.resources import Object, Resource

_METADATA = ("name", "namespace", "uid", "resourceVersion", "labels")
_ENDPOINT = ("addresses", "conditions", "hints", "nodeName", "hostname")
_SERVICE = (
    *("type", "clusterIP", "clusterIPs", "externalIPs", "externalName", "ports", "internalTrafficPolicy"),
    *("sessionAffinity", "sessionAffinityConfig"),
)


def trim_of(resource: Resource) -> Callable[[Object], Object]:
    """For objects of that kind; those that nobody has many of stay whole."""
    return _TRIMS.get(resource, lambda obj: obj)


def is_same(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Whether nothing but the version differs."""
    if old.keys() != new.keys() or any(old[key] != new[key] for key in old if key != "metadata"):
        return False
    a, b = old["metadata"], new["metadata"]
    return all(a.get(key) == b.get(key) for key in {*a, *b} if key != "resourceVersion")


def _node(obj: Object) -> Object:
    found = _whole(obj, spec=("podCIDR", "podCIDRs"), status=("addresses",))
    annotations = obj["metadata"].get("annotations")
    if annotations:
        found["metadata"]["annotations"] = annotations
    return found


def _pod(obj: Object) -> Object:
    found = _whole(
        obj, spec=("nodeName", "hostNetwork", "serviceAccountName"), status=("phase", "podIP", "podIPs")
    )
    spec = obj.get("spec")
    for key in ("containers", "initContainers"):
        ports = [_part(one, ("ports",)) for one in _list(_mapping(spec).get(key))]
        if any(ports):
            found["spec"][key] = ports
    return found


def _service(obj: Object) -> Object:
    return _whole(obj, spec=_SERVICE, status=("loadBalancer",))


def _endpoint_slice(obj: Object) -> Object:
    found = _whole(obj)
    found["ports"] = obj.get("ports")
    found["endpoints"] = [_part(one, _ENDPOINT) for one in _list(obj.get("endpoints"))]
    return found


def _whole(obj: Object, spec: tuple[str, ...] = (), status: tuple[str, ...] = ()) -> Object:
    found: Object = {
        "apiVersion": obj.get("apiVersion"),
        "kind": obj.get("kind"),
        "metadata": _part(obj["metadata"], _METADATA),
    }
    for key, names in (("spec", spec), ("status", status)):
        if names:
            found[key] = _part(obj.get(key), names)
    return found


def _part(value: Any, names: tuple[str, ...]) -> dict[str, Any]:
    mapping = _mapping(value)
    return {name: mapping[name] for name in names if name in mapping}


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


_TRIMS: dict[Resource, Callable[[Object], Object]] = {
    resources.NODES: _node,
    resources.PODS: _pod,
    resources.SERVICES: _service,
    resources.ENDPOINT_SLICES: _endpoint_slice,
}
