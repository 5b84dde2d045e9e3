"""What the pods of a node may do, ready to be asked once per connection."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from bronzewillow.overlay.spec import Prefix, contains


class Direction(StrEnum):
    """The direction of a connection, seen from our pod."""

    INGRESS = "ingress"
    EGRESS = "egress"


@dataclass(frozen=True, slots=True)
class Block:
    """A policy's ipBlock: a network, and the parts of it that are excepted."""

    cidr: Prefix
    excepts: tuple[Prefix, ...] = ()

    def holds(self, address: bytes) -> bool:
        """Whether an address is meant."""
        return contains(self.cidr, address) and not any(contains(hole, address) for hole in self.excepts)


@dataclass(frozen=True, slots=True)
class Ports:
    """Numbers of one protocol, both ends included."""

    protocol: str
    first: int = 0
    last: int = 65_535

    def hold(self, protocol: str, port: int) -> bool:
        """Whether a port is meant."""
        return protocol == self.protocol and self.first <= port <= self.last


@dataclass(frozen=True, slots=True)
class Allow:
    """One thing that a policy lets through."""

    policy: str
    """Namespace and name of the policy, for people."""
    rule: int
    """Which of its rules, from 0."""
    addresses: frozenset[bytes] | None = None
    """The peers that selectors chose; None, with no blocks, for everybody."""
    blocks: tuple[Block, ...] = ()
    """Further peers by address."""
    ports: tuple[Ports, ...] | None = None
    """None for every port of every protocol."""

    def holds(self, peer: bytes, protocol: str, port: int) -> bool:
        """Whether a connection is let through."""
        if self.ports is not None and not any(ports.hold(protocol, port) for ports in self.ports):
            return False
        if self.addresses is None and not self.blocks:
            return True
        return peer in (self.addresses or ()) or any(block.holds(peer) for block in self.blocks)


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer, and whose it is."""

    allowed: bool
    policy: str
    """The policy that let it through, or those that isolate the pod; empty when none applies."""
    rule: int | None = None
    """The rule of it, from 0."""
    note: str = ""
    """Why, where no policy decides."""


OF_NODE = Verdict(True, "", note="what this node itself says and hears always passes")
OF_ITSELF = Verdict(True, "", note="a pod always reaches itself")
OF_STRANGER = Verdict(False, "", note="the cluster has not told of this pod yet")


@dataclass(frozen=True, slots=True)
class PodRules:
    """All that policies say of one pod."""

    isolated: dict[Direction, tuple[str, ...]] = field(default_factory=dict)
    """The policies that isolate the pod in a direction: what they do not allow is denied."""
    allows: dict[Direction, tuple[Allow, ...]] = field(default_factory=dict)
    """What they let through."""
    name: str = ""
    """Its namespace and name."""
    addresses: frozenset[bytes] = frozenset()
    """Its own."""

    def verdict(self, direction: Direction, peer: bytes, protocol: str, port: int) -> Verdict:
        """Whether the pod and `peer` may speak; `port` is the one listened on. Policies only add up."""
        if peer in self.addresses:
            return OF_ITSELF
        isolating = self.isolated.get(direction, ())
        if not isolating:
            return Verdict(True, "")
        for allow in self.allows.get(direction, ()):
            if allow.holds(peer, protocol, port):
                return Verdict(True, allow.policy, allow.rule)
        return Verdict(False, ", ".join(isolating))


@dataclass(frozen=True, slots=True)
class NodeRules:
    """Of all pods of a node."""

    pods: Mapping[bytes, PodRules]
    """By each of their addresses."""
    nodes: frozenset[bytes] = frozenset()
    """The node's own addresses, whose traffic no policy touches: a kubelet's probes come from there."""

    def verdict(self, direction: Direction, pod: bytes, peer: bytes, protocol: str, port: int) -> Verdict:
        """Whether our pod and `peer` may speak; a pod that the cluster has not told of may not yet."""
        if peer in self.nodes or pod in self.nodes:
            return OF_NODE
        rules = self.pods.get(pod)
        return OF_STRANGER if rules is None else rules.verdict(direction, peer, protocol, port)

    def name(self, pod: bytes) -> str:
        """A pod's name; empty for what is none of ours."""
        rules = self.pods.get(pod)
        return rules.name if rules is not None else ""
