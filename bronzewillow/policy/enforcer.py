"""The verdicts of a node: rules by pod address, made anew when the world changes, and what they decided."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection

from bronzewillow.policy.compile import compile_rules
from bronzewillow.policy.rules import OPEN, Direction, PodRules, Verdict
from bronzewillow.policy.world import World


class Enforcer:
    """Asked once per connection. Without a world every connection passes: there are no policies then."""

    def __init__(self) -> None:
        self.allowed: Counter[Direction] = Counter()
        self.denied: Counter[tuple[str, Direction]] = Counter()
        """By the policies that isolate the pod, as their verdict names them."""
        self._rules: dict[bytes, PodRules] = {}
        self._nodes: frozenset[bytes] = frozenset()

    def update(self, world: World, own: Collection[bytes], nodes: Collection[bytes]) -> None:
        """Take over a world. `own`: our pods' addresses. `nodes`: this node's own, which always pass."""
        pods = {address: pod for pod in world.pods for address in pod.addresses}
        self._nodes = frozenset(nodes)
        self._rules = {address: compile_rules(world, pods[address]) for address in own if address in pods}

    def verdict(self, direction: Direction, pod: bytes, peer: bytes, protocol: str, port: int) -> Verdict:
        """Whether our pod and `peer` may speak, and why. Counts nothing."""
        if direction is Direction.INGRESS and peer in self._nodes:
            return Verdict(True, "")  # a kubelet reaches the pods of its own node, whatever policies say
        return self._rules.get(pod, OPEN).verdict(direction, peer, protocol, port)

    def decide(self, direction: Direction, pod: bytes, peer: bytes, protocol: str, port: int) -> bool:
        """The same as a plain answer, counted."""
        verdict = self.verdict(direction, pod, peer, protocol, port)
        if verdict.allowed:
            self.allowed[direction] += 1
        else:
            self.denied[verdict.policy, direction] += 1
        return verdict.allowed
