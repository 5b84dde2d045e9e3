"""From a world to the rules of pods. What is malformed lets nothing through, and isolates all the same."""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
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
    peers = _Peers(world)
    rules = {
        name: _compile(world, peers, pod, frozenset(one for one, owner in own.items() if owner == name))
        for name, pod in found.items()
    }
    return NodeRules(
        {address: rules[name] for address, name in own.items() if name in rules}, frozenset(nodes)
    )


def _compile(world: World, peers: _Peers, pod: PolicyPod, addresses: frozenset[bytes]) -> PodRules:
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
                found += _allows(peers, pod, _name(policy), number, direction, rule)
    return PodRules(
        {direction: tuple(names) for direction, names in isolated.items()},
        {direction: tuple(found) for direction, found in allows.items()},
        str(pod),
        addresses,
    )


def _directions(spec: Mapping[str, Any]) -> list[Direction]:
    """policyTypes; without them, ingress always, and egress where the policy speaks of it."""
    types = spec.get("policyTypes")
    if isinstance(types, list) and types:
        return [direction for direction in Direction if direction.value.capitalize() in types]
    return [Direction.INGRESS, *([Direction.EGRESS] if spec.get("egress") else [])]


def _allows(
    peers: _Peers, pod: PolicyPod, policy: str, number: int, direction: Direction, rule: Any
) -> Iterator[Allow]:
    if not isinstance(rule, Mapping):
        return
    chosen = peers.of(pod.namespace, rule.get(_PEERS[direction]))
    entries = rule.get("ports")
    if not entries:
        yield Allow(policy, number, chosen.addresses, chosen.blocks)
        return
    numbers = tuple(ports for entry in _list(entries) for ports in _numbers(pod, direction, entry))
    if numbers:
        yield Allow(policy, number, chosen.addresses, chosen.blocks, numbers)
    if direction is Direction.EGRESS:
        # a name means what each peer has given it, so every number it stands for has its own peers
        for ports, addresses in peers.named(chosen, entries):
            yield Allow(policy, number, addresses, (), (ports,))


@dataclass(frozen=True, slots=True, eq=False)
class _Chosen:
    """The pods and addresses that one `from` or `to` means."""

    pods: Sequence[PolicyPod]
    addresses: frozenset[bytes] | None
    """None for everybody."""
    blocks: tuple[Block, ...] = ()


class _Peers:
    """Whom rules mean: looked for once for all pods that a policy selects, as the world may be large."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._everybody = _Chosen(world.pods, None)
        self._by_namespace: dict[str, list[PolicyPod]] = {}
        for pod in world.pods:
            self._by_namespace.setdefault(pod.namespace, []).append(pod)
        # by identity: policies live as long as we do, and equal ones are rare
        self._chosen: dict[tuple[int, str], _Chosen] = {}
        self._named: dict[tuple[_Chosen, int], list[tuple[Ports, frozenset[bytes]]]] = {}

    def of(self, namespace: str, peers: Any) -> _Chosen:
        """Those of `from` or `to` in a policy of `namespace`; nothing there is everybody."""
        if not peers:
            return self._everybody
        key = id(peers), namespace
        if key not in self._chosen:
            self._chosen[key] = self._choose(namespace, peers)
        return self._chosen[key]

    def named(self, chosen: _Chosen, entries: Any) -> list[tuple[Ports, frozenset[bytes]]]:
        """What the ports that `entries` name stand for, and for whom."""
        key = chosen, id(entries)
        if key not in self._named:
            found = _named(chosen.pods, entries)
            self._named[key] = [(ports, _addresses(pods)) for ports, pods in found]
        return self._named[key]

    def _choose(self, namespace: str, peers: Any) -> _Chosen:
        pods: list[PolicyPod] = []
        blocks: list[Block] = []
        for peer in _list(peers):
            if not isinstance(peer, Mapping):
                continue
            if "ipBlock" in peer:
                block = _block(peer["ipBlock"])
                blocks += [block] if block is not None else []
            else:
                pods += self._selected(namespace, peer)
        return _Chosen(pods, _addresses(pods), tuple(blocks))

    def _selected(self, namespace: str, peer: Mapping[str, Any]) -> Iterator[PolicyPod]:
        """Without a namespaceSelector the policy's own namespace is meant, without a podSelector any pod."""
        selector, of_namespaces = peer.get("podSelector"), peer.get("namespaceSelector")
        if of_namespaces is None:
            where = [namespace] if selector is not None else []
        else:
            labels = self._world.namespaces
            where = [name for name in self._by_namespace if matches(of_namespaces, labels.get(name, {}))]
        for name in where:
            for pod in self._by_namespace.get(name, []):
                if selector is None or matches(selector, pod.labels):
                    yield pod


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
