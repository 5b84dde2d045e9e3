"""Pod objects as adapters and policies see them. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from bronzewillow.adapters import objects
from bronzewillow.adapters.network import Json, OwnPod
from bronzewillow.policy.world import PolicyPod, World

_ENDED = ("Succeeded", "Failed")  # its address may be another pod's by now


def own_pods(pods: Iterable[Json], sandboxes: Mapping[bytes, str]) -> tuple[OwnPod, ...]:
    """The pods of this node that have an address; `sandboxes`: the container id that it was given to."""
    found = []
    for pod in pods:
        addresses = _addresses(pod)
        if addresses:
            metadata = objects.metadata_of(pod)
            found.append(
                OwnPod(
                    str(metadata.get("namespace")),
                    str(metadata.get("name")),
                    str(metadata.get("uid")),
                    _labels(metadata),
                    str(objects.spec_of(pod).get("serviceAccountName") or "default"),
                    addresses,
                    next((sandboxes[address] for address in addresses if address in sandboxes), ""),
                    tuple((name, number) for name, _, number in _named_ports(pod)),
                )
            )
    return tuple(sorted(found, key=lambda pod: (pod.namespace, pod.name)))


class PodViews:
    """Pods as policies see them, kept while their objects are the same: of many few change at a time."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[Json, PolicyPod]] = {}

    def of(self, pods: Iterable[Json]) -> tuple[PolicyPod, ...]:
        """Of these, and of them only those that have, or will have, an address of their own."""
        found = {}
        for pod in pods:
            if _has_own_network(pod):  # one of ours may be asked for before its status has an address
                found[id(pod)] = self._known.get(id(pod)) or (pod, _view(pod))
        self._known = found
        return tuple(view for _, view in found.values())


def world(
    pods: Iterable[Json], namespaces: Iterable[Json], policies: Iterable[Json], views: PodViews | None = None
) -> World:
    """What policies are made of."""
    labels = {
        str(metadata.get("name")): _labels(metadata)
        for metadata in (objects.metadata_of(namespace) for namespace in namespaces)
    }
    return World((views or PodViews()).of(pods), labels, tuple(policies))


def world_of(
    own: Collection[str],
    pods: Iterable[Json],
    namespaces: Iterable[Json],
    policies: Iterable[Json],
    views: PodViews | None = None,
) -> World:
    """As much of it as concerns the pods `own`, by namespace and name.

    That is they alone where their namespaces have no policies; most clusters have few.
    """
    where = {name.partition("/")[0] for name in own}
    ours = [one for one in policies if objects.metadata_of(one).get("namespace") in where]
    found = pods if ours else [pod for pod in pods if "/".join(_name(pod)) in own]
    return world(found, namespaces if ours else (), ours, views)


def _view(pod: Json) -> PolicyPod:
    labels = _labels(objects.metadata_of(pod))
    return PolicyPod(*_name(pod), labels, _addresses(pod), _named_ports(pod))


def _name(pod: Json) -> tuple[str, str]:
    metadata = objects.metadata_of(pod)
    return str(metadata.get("namespace")), str(metadata.get("name"))


def _has_own_network(pod: Json) -> bool:
    """Not so pods that are on their node's network, or have ended."""
    phase = objects.mapping(pod.get("status")).get("phase")
    return objects.spec_of(pod).get("hostNetwork") is not True and phase not in _ENDED


def _addresses(pod: Json) -> tuple[bytes, ...]:
    if not _has_own_network(pod):
        return ()
    status = objects.mapping(pod.get("status"))
    texts = [objects.mapping(entry).get("ip") for entry in objects.items(status.get("podIPs"))]
    packed = [objects.address(text) for text in texts or [status.get("podIP")]]
    return tuple(address for address in packed if address is not None)


def _named_ports(pod: Json) -> tuple[tuple[str, str, int], ...]:
    spec = objects.spec_of(pod)
    containers = [*objects.items(spec.get("initContainers")), *objects.items(spec.get("containers"))]
    ports = [port for one in containers for port in objects.items(objects.mapping(one).get("ports"))]
    found = []
    for port in map(objects.mapping, ports):
        name, number = port.get("name"), port.get("containerPort")
        if isinstance(name, str) and isinstance(number, int):
            found.append((name, str(port.get("protocol") or "TCP"), number))
    return tuple(found)


def _labels(metadata: Mapping[str, Any]) -> dict[str, str]:
    labels = objects.mapping(metadata.get("labels"))
    return {key: value for key, value in labels.items() if isinstance(value, str)}
