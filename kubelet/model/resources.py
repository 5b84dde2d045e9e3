"""What pods ask for."""

from __future__ import annotations

from collections.abc import Mapping

from kubelet.model.pod_spec import Kind, Object, containers, is_sidecar, mapping, spec
from kubelet.model.quantity import QuantityError, parse_quantity

Resources = Mapping[str, int]
"""By name, in billionths: `Quantity.nano`."""


def parse_resources(value: object) -> dict[str, int]:
    """A ResourceList. QuantityError names the resource."""
    resources = {}
    for name, quantity in mapping(value).items():
        try:
            resources[name] = parse_quantity(quantity).nano
        except QuantityError as error:
            raise QuantityError(f"{name}: {error}") from None
    return resources


def container_requests(container: Object) -> dict[str, int]:
    """A limit without a request is one. QuantityError."""
    resources = mapping(container.get("resources"))
    return {**parse_resources(resources.get("limits")), **parse_resources(resources.get("requests"))}


def container_limits(container: Object) -> dict[str, int]:
    """The container's limits in units of each resource. QuantityError."""
    return parse_resources(mapping(container.get("resources")).get("limits"))


def pod_requests(pod: Object) -> dict[str, int]:
    """What the scheduler counts. QuantityError.

    The larger of what runs together at last (app containers and sidecars) and what any init container needs
    beside the sidecars before it. The pod's own requests stand in the place of that; overhead comes on top.
    """
    total: dict[str, int] = {}
    for container in containers(pod):
        total = _sum(total, container_requests(container))
    sidecars: dict[str, int] = {}
    initial: dict[str, int] = {}
    for container in containers(pod, Kind.INIT):
        requests = container_requests(container)
        if is_sidecar(container):
            sidecars = _sum(sidecars, requests)
            initial = _largest(initial, sidecars)
        else:
            initial = _largest(initial, _sum(sidecars, requests))
    total = _largest(_sum(total, sidecars), initial)
    total.update(container_requests(spec(pod)))
    return _sum(total, parse_resources(spec(pod).get("overhead")))


def sum_of(requests: list[dict[str, int]]) -> dict[str, int]:
    """What several pods request together, by resource."""
    total: dict[str, int] = {}
    for one in requests:
        total = _sum(total, one)
    return total


def _sum(left: Resources, right: Resources) -> dict[str, int]:
    return {name: left.get(name, 0) + right.get(name, 0) for name in {**left, **right}}


def _largest(left: Resources, right: Resources) -> dict[str, int]:
    return {name: max(left.get(name, 0), right.get(name, 0)) for name in {**left, **right}}
