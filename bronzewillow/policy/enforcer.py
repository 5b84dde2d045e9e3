"""What was decided on a node's connections, and by which policy."""

from __future__ import annotations

from collections import Counter
from enum import StrEnum
from typing import NamedTuple

from bronzewillow.policy.rules import Direction, NodeRules, Verdict

_MOST_COUNTS = 2048
_OTHERS = "(others)"
_FREE = Verdict(True, "", note="no cluster is followed, so there are no policies")


class Outcome(StrEnum):
    """What became of a connection."""

    ALLOWED = "allowed"
    DENIED = "denied"
    CUT = "cut"
    """It stood, until the rules changed."""


class Decided(NamedTuple):
    """A verdict, as the metric counts it."""

    pod: str
    direction: Direction
    outcome: Outcome
    policy: str
    """As the verdict names it; empty where no policy had a say."""


class Enforcer:
    """Asked once per connection, and again for all of them when the rules have changed."""

    def __init__(self) -> None:
        self.rules: NodeRules | None = None
        """None: everything passes, as nobody makes policies. See `take`."""
        self.counts: Counter[Decided] = Counter()

    def take(self, rules: NodeRules) -> None:
        """Go by these from now on. What was counted of pods that are gone is forgotten."""
        self.rules = rules
        there = {pod.name for pod in rules.pods.values()} | {""}
        for one in [decided for decided in self.counts if decided.pod not in there]:
            del self.counts[one]

    def verdict(self, direction: Direction, pod: bytes, peer: bytes, protocol: str, port: int) -> Verdict:
        """Whether our pod and `peer` may speak, and why. Counts nothing."""
        return _FREE if self.rules is None else self.rules.verdict(direction, pod, peer, protocol, port)

    def decide(self, direction: Direction, pod: bytes, peer: bytes, protocol: str, port: int) -> Verdict:
        """The same, counted: the connection is being opened."""
        verdict = self.verdict(direction, pod, peer, protocol, port)
        self._count(pod, direction, Outcome.ALLOWED if verdict.allowed else Outcome.DENIED, verdict)
        return verdict

    def stands(self, direction: Direction, pod: bytes, peer: bytes, protocol: str, port: int) -> bool:
        """Whether an open connection may go on; that it may not is counted, as it is cut then."""
        verdict = self.verdict(direction, pod, peer, protocol, port)
        if not verdict.allowed:
            self._count(pod, direction, Outcome.CUT, verdict)
        return verdict.allowed

    def _count(self, pod: bytes, direction: Direction, outcome: Outcome, verdict: Verdict) -> None:
        if self.rules is None or pod in self.rules.nodes:
            return
        decided = Decided(self.rules.name(pod), direction, outcome, verdict.policy)
        if decided not in self.counts and len(self.counts) >= _MOST_COUNTS:
            decided = decided._replace(pod="", policy=_OTHERS)
        self.counts[decided] += 1
