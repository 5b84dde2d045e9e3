"""One pod's rules."""

from __future__ import annotations

from bronzewillow.policy.rules import Allow, Block, Direction, NodeRules, PodRules, Ports, Verdict

PEER, OTHER = bytes((10, 0, 0, 1)), bytes((10, 0, 0, 2))


def test_a_pod_that_no_policy_selects_is_open() -> None:
    assert PodRules().verdict(Direction.INGRESS, PEER, "TCP", 80) == Verdict(True, "")


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


def test_a_node_asks_the_rules_of_the_pod_that_has_the_address() -> None:
    closed = PodRules({Direction.INGRESS: ("default/deny",)}, {}, "default/llm", frozenset({PEER, bytes(16)}))
    rules = NodeRules({PEER: closed, bytes(16): closed}, frozenset({bytes((10, 0, 0, 254))}))
    assert not rules.verdict(Direction.INGRESS, PEER, OTHER, "TCP", 80).allowed
    assert rules.verdict(Direction.INGRESS, PEER, bytes(16), "TCP", 80).note == "a pod always reaches itself"
    assert rules.name(PEER) == "default/llm"
    assert rules.name(OTHER) == ""


def test_what_the_node_says_and_hears_passes_both_ways() -> None:
    """Also to and from a pod of which nothing is known yet; nothing else does."""
    node = bytes((10, 0, 0, 254))
    rules = NodeRules({}, frozenset({node}))
    for direction in Direction:
        assert rules.verdict(direction, PEER, node, "TCP", 80).allowed
        assert rules.verdict(direction, node, PEER, "TCP", 80).allowed
        assert not rules.verdict(direction, PEER, OTHER, "TCP", 80).allowed
