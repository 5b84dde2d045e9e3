"""What one pod may do, ready to be asked once per connection."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from bronzewillow.overlay.spec import Prefix, contains


class Direction(StrEnum):
    """Seen from our pod."""

    INGRESS = "ingress"
    EGRESS = "egress"


@dataclass(frozen=True, slots=True)
class Block:
    """An ipBlock."""

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
    """The rule of it."""


@dataclass(frozen=True, slots=True)
class PodRules:
    """All that policies say of one pod."""

    isolated: dict[Direction, tuple[str, ...]] = field(default_factory=dict)
    """The policies that isolate the pod in a direction: what they do not allow is denied."""
    allows: dict[Direction, tuple[Allow, ...]] = field(default_factory=dict)

    def verdict(self, direction: Direction, peer: bytes, protocol: str, port: int) -> Verdict:
        """Whether the pod and `peer` may speak; `port` is the one listened on. Policies only add up."""
        isolating = self.isolated.get(direction, ())
        if not isolating:
            return Verdict(True, "")
        for allow in self.allows.get(direction, ()):
            if allow.holds(peer, protocol, port):
                return Verdict(True, allow.policy, allow.rule)
        return Verdict(False, ", ".join(isolating))


OPEN = PodRules()
"""Of a pod that no policy selects."""
