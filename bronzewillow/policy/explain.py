"""Why a connection passes or does not, in words: `bronzewillow policy explain`."""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from bronzewillow.policy.compile import compile_node
from bronzewillow.policy.rules import Direction, Verdict
from bronzewillow.policy.world import World


@dataclass(frozen=True, slots=True)
class Side:
    """One end of a connection, and what policies say of it."""

    direction: Direction
    name: str
    """The pod's; empty for what is no pod."""
    address: bytes
    is_ours: bool
    """Whether this node enforces it; of other pods their own nodes do."""
    verdict: Verdict | None
    """None: it is no pod, so policies do not speak of it."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why one connection passes or not."""

    egress: Side
    ingress: Side
    protocol: str
    port: int

    @property
    def allowed(self) -> bool:
        """Whether both ends let it through."""
        return all(one.verdict is None or one.verdict.allowed for one in (self.egress, self.ingress))

    def lines(self) -> list[str]:
        """For people: the answer, then each end's reason."""
        ends = f"{_who(self.egress)} -> {_who(self.ingress)}, {self.protocol} {self.port}"
        found = [f"{_word(self.allowed)}: {ends}"]
        return [*found, *(f"  {one.direction:8}{_why(one)}" for one in (self.egress, self.ingress))]

    def as_json(self) -> dict[str, Any]:
        """What `policy explain --json` prints of it."""
        return {
            "allowed": self.allowed,
            "protocol": self.protocol,
            "port": self.port,
            **{side.direction.value: _json(side) for side in (self.egress, self.ingress)},
        }


def explain(
    world: World,
    own: Mapping[bytes, str],
    nodes: Collection[bytes],
    source: bytes,
    destination: bytes,
    port: int,
    protocol: str = "TCP",
) -> Explanation:
    """`own`: the names of this node's pods by address; `nodes`: this node's own addresses."""
    everybody = {address: str(pod) for pod in world.pods for address in pod.addresses}

    def side(direction: Direction, ours: bytes, peer: bytes) -> Side:
        name = own.get(ours) or everybody.get(ours, "")
        is_ours = ours in own
        verdict = None
        if name and ours not in nodes:
            # what is of another pod's node passes there, too, but which address that has is not known here
            rules = compile_node(world, own if is_ours else {ours: name}, nodes if is_ours else ())
            verdict = rules.verdict(direction, ours, peer, protocol, port)
        return Side(direction, name, ours, is_ours, verdict)

    egress = side(Direction.EGRESS, source, destination)
    return Explanation(egress, side(Direction.INGRESS, destination, source), protocol, port)


def _why(side: Side) -> str:
    verdict = side.verdict
    if verdict is None:
        return "allowed, as it is no pod"
    elsewhere = "" if side.is_ours else " (enforced by the pod's own node)"
    return f"{_word(verdict.allowed)}{_reason(verdict, side.direction)}{elsewhere}"


def _reason(verdict: Verdict, direction: Direction) -> str:
    if verdict.note:
        return f": {verdict.note}"
    if not verdict.policy:
        return ", as no policy selects the pod"
    if verdict.allowed:
        return f" by {verdict.policy}, spec.{direction}[{verdict.rule}]"
    return f": {verdict.policy} isolates the pod, and no rule lets this through"


def _json(side: Side) -> dict[str, Any]:
    verdict = side.verdict
    return {
        "pod": side.name or None,
        "address": str(ipaddress.ip_address(side.address)),
        "enforced_here": side.is_ours,
        "allowed": verdict is None or verdict.allowed,
        "policies": [one for one in verdict.policy.split(", ") if one] if verdict is not None else [],
        "rule": verdict.rule if verdict is not None else None,
        "reason": _why(side),
    }


def _who(side: Side) -> str:
    text = str(ipaddress.ip_address(side.address))
    return f"{side.name} ({text})" if side.name else text


def _word(allowed: bool) -> str:
    return "allowed" if allowed else "denied"
