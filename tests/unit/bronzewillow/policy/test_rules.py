"""One pod's rules."""

from __future__ import annotations

from bronzewillow.policy.rules import OPEN, Allow, Block, Direction, PodRules, Ports, Verdict

PEER, OTHER = bytes((10, 0, 0, 1)), bytes((10, 0, 0, 2))


def test_a_pod_that_no_policy_selects_is_open() -> None:
    assert OPEN.verdict(Direction.INGRESS, PEER, "TCP", 80) == Verdict(True, "")


def test_an_isolated_pod_takes_what_is_allowed_and_the_verdict_says_by_whom() -> None:
    allow = Allow("default/web", 1, frozenset({PEER}), ports=(Ports("TCP", 80, 80),))
    rules = PodRules({Direction.INGRESS: ("default/deny", "default/web")}, {Direction.INGRESS: (allow,)})
    assert rules.verdict(Direction.INGRESS, PEER, "TCP", 80) == Verdict(True, "default/web", 1)
    for peer, protocol, port in ((OTHER, "TCP", 80), (PEER, "UDP", 80), (PEER, "TCP", 81)):
        verdict = rules.verdict(Direction.INGRESS, peer, protocol, port)
        assert verdict == Verdict(False, "default/deny, default/web")
    assert rules.verdict(Direction.EGRESS, OTHER, "TCP", 1).allowed


def test_a_block_has_holes() -> None:
    block = Block((bytes((10, 0, 0, 0)), 24), ((PEER, 32),))
    assert not block.holds(PEER)
    assert block.holds(OTHER)
    assert not block.holds(bytes(16))


def test_no_peers_named_is_everybody_and_no_peers_found_is_nobody() -> None:
    assert Allow("p", 0).holds(PEER, "SCTP", 1)
    assert not Allow("p", 0, frozenset()).holds(PEER, "TCP", 1)
