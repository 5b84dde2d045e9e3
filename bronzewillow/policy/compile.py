"""From a world to the rules of pods. What is malformed lets nothing through, and isolates all the same."""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from bronzewillow.overlay.spec import Prefix
from bronzewillow.policy.rules import Allow, Block, Direction, NodeRules, PodRules, Ports
from bronzewillow.policy.selector import matches
from bronzewillow.policy.world import PolicyPod, World

_PEERS = {Direction.INGRESS: "from", Direction.EGRESS: "to"}


def compile_node(world: World, own: Mapping[bytes, str], nodes: Collection[bytes]) -> NodeRules:
    """The rules of our pods. `own`: their names by address; `nodes`: this node's own addresses."""
    names = set(own.values())
    found = {str(pod): pod for pod in world.pods if str(pod) in names}
    rules = {
        name: compile_rules(world, pod, frozenset(one for one, owner in own.items() if owner == name))
        for name, pod in found.items()
    }
    return NodeRules(
        {address: rules[name] for address, name in own.items() if name in rules}, frozenset(nodes)
    )


def compile_rules(world: World, pod: PolicyPod, addresses: frozenset[bytes] = frozenset()) -> PodRules:
    """All that the policies of its namespace say of `pod`. `addresses`: its own, if not those it shows."""
    isolated: dict[Direction, list[str]] = {}
    allows: dict[Direction, list[Allow]] = {}
    for policy in sorted(world.policies, key=_name):
        spec = _mapping(policy.get("spec"))
        namespace = _mapping(policy.get("metadata")).get("namespace")
        if namespace != pod.namespace or not matches(spec.get("podSelector"), pod.labels):
            continue
        for direction in _directions(spec):
            isolated.setdefault(direction, []).append(_name(policy))
            found = allows.setdefault(direction, [])
            for number, rule in enumerate(_list(spec.get(direction.value))):
                found += _allows(world, pod, _name(policy), number, direction, rule)
    return PodRules(
        {direction: tuple(names) for direction, names in isolated.items()},
        {direction: tuple(found) for direction, found in allows.items()},
        str(pod),
        addresses or frozenset(pod.addresses),
    )


def _directions(spec: Mapping[str, Any]) -> list[Direction]:
    """policyTypes; without them, ingress always, and egress where the policy speaks of it."""
    types = spec.get("policyTypes")
    if isinstance(types, list) and types:
        return [direction for direction in Direction if direction.value.capitalize() in types]
    return [Direction.INGRESS, *([Direction.EGRESS] if spec.get("egress") else [])]


def _allows(
    world: World, pod: PolicyPod, policy: str, number: int, direction: Direction, rule: Any
) -> Iterator[Allow]:
    if not isinstance(rule, Mapping):
        return
    peers = rule.get(_PEERS[direction])
    pods, blocks = _peers(world, pod.namespace, peers) if peers else (None, ())
    addresses = None if pods is None else _addresses(pods)
    entries = rule.get("ports")
    if not entries:
        yield Allow(policy, number, addresses, blocks)
        return
    numbers = tuple(ports for entry in _list(entries) for ports in _numbers(pod, direction, entry))
    if numbers:
        yield Allow(policy, number, addresses, blocks, numbers)
    if direction is Direction.EGRESS:
        # a name means what each peer has given it, so every number it stands for has its own peers
        for ports, named in _named(world.pods if pods is None else pods, entries):
            yield Allow(policy, number, _addresses(named), (), (ports,))


def _peers(world: World, namespace: str, peers: Any) -> tuple[list[PolicyPod], tuple[Block, ...]]:
    pods: list[PolicyPod] = []
    blocks: list[Block] = []
    for peer in _list(peers):
        if not isinstance(peer, Mapping):
            continue
        if "ipBlock" in peer:
            block = _block(peer["ipBlock"])
            blocks += [block] if block is not None else []
        else:
            pods += [pod for pod in world.pods if _selected(world, namespace, peer, pod)]
    return pods, tuple(blocks)


def _selected(world: World, namespace: str, peer: Mapping[str, Any], pod: PolicyPod) -> bool:
    """Without a namespaceSelector the policy's own namespace is meant; without a podSelector every pod."""
    if peer.get("namespaceSelector") is None:
        if pod.namespace != namespace or peer.get("podSelector") is None:
            return False
    elif not matches(peer["namespaceSelector"], world.namespaces.get(pod.namespace, {})):
        return False
    return peer.get("podSelector") is None or matches(peer["podSelector"], pod.labels)


def _numbers(pod: PolicyPod, direction: Direction, entry: Any) -> Iterator[Ports]:
    """The ports that an entry names by number, or, for what comes in, by our own pod's names."""
    if not isinstance(entry, Mapping):
        return
    protocol, port, end = _protocol(entry), entry.get("port"), entry.get("endPort")
    if port is None:
        yield Ports(protocol)
    elif isinstance(port, int):
        yield Ports(protocol, port, end if isinstance(end, int) else port)
    elif direction is Direction.INGRESS:
        yield from (Ports(protocol, number, number) for number in _numbers_of(pod, protocol, port))


def _named(pods: Iterable[PolicyPod], entries: Any) -> Iterator[tuple[Ports, list[PolicyPod]]]:
    found: dict[Ports, list[PolicyPod]] = {}
    for entry in _list(entries):
        if isinstance(entry, Mapping) and isinstance(entry.get("port"), str):
            for pod in pods:
                for number in _numbers_of(pod, _protocol(entry), entry["port"]):
                    found.setdefault(Ports(_protocol(entry), number, number), []).append(pod)
    yield from found.items()


def _numbers_of(pod: PolicyPod, protocol: str, name: str) -> list[int]:
    return [number for other, kind, number in pod.ports if (other, kind) == (name, protocol)]


def _protocol(entry: Mapping[str, Any]) -> str:
    return str(entry.get("protocol") or "TCP")


def _block(value: Any) -> Block | None:
    fields = _mapping(value)
    cidr = _prefix(fields.get("cidr"))
    excepts = [_prefix(text) for text in _list(fields.get("except"))]
    if cidr is None or None in excepts:  # a hole that cannot be read must not let through what it was to stop
        return None
    return Block(cidr, tuple(hole for hole in excepts if hole is not None))


def _prefix(text: Any) -> Prefix | None:
    try:
        network = ipaddress.ip_network(str(text), strict=False)
    except ValueError:
        return None
    return network.network_address.packed, network.prefixlen


def _addresses(pods: Iterable[PolicyPod]) -> frozenset[bytes]:
    return frozenset(address for pod in pods for address in pod.addresses)


def _name(policy: Mapping[str, Any]) -> str:
    metadata = _mapping(policy.get("metadata"))
    return f"{metadata.get('namespace')}/{metadata.get('name')}"


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
