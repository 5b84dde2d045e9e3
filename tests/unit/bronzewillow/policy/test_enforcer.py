"""What is counted of a node's decisions."""

from __future__ import annotations

import pytest

from bronzewillow.policy import enforcer as module
from bronzewillow.policy.compile import compile_node
from bronzewillow.policy.enforcer import Decided, Enforcer, Outcome
from bronzewillow.policy.rules import Direction, NodeRules
from bronzewillow.policy.world import PolicyPod, World

POD, PEER, NODE = bytes((10, 0, 0, 9)), bytes((10, 0, 1, 9)), bytes((10, 0, 0, 1))
DENY = {"metadata": {"namespace": "default", "name": "deny"}, "spec": {"podSelector": {}}}
WORLD = World((PolicyPod("default", "llm", {}, (POD,)),), {}, (DENY,))
RULES = compile_node(WORLD, {POD: "default/llm"}, [NODE])
OPEN = compile_node(World(WORLD.pods, {}, ()), {POD: "default/llm"}, [NODE])
IN = (Direction.INGRESS, POD, PEER, "TCP", 8080)


def decided(outcome: Outcome, policy: str = "default/deny", pod: str = "default/llm") -> Decided:
    return Decided(pod, Direction.INGRESS, outcome, policy)


def test_decisions_are_counted_by_pod_direction_outcome_and_policy() -> None:
    enforcer = Enforcer()
    enforcer.take(RULES)
    assert not enforcer.decide(*IN).allowed
    assert enforcer.decide(Direction.INGRESS, POD, NODE, "TCP", 8080).allowed
    assert enforcer.counts == {decided(Outcome.DENIED): 1, decided(Outcome.ALLOWED, ""): 1}


def test_without_rules_everything_passes_and_nothing_is_counted() -> None:
    enforcer = Enforcer()
    assert enforcer.decide(*IN).allowed
    assert not enforcer.counts


def test_a_connection_that_may_not_go_on_is_counted_as_cut() -> None:
    enforcer = Enforcer()
    enforcer.take(OPEN)
    assert enforcer.stands(*IN)
    enforcer.take(RULES)
    assert not enforcer.stands(*IN)
    assert enforcer.counts == {decided(Outcome.CUT): 1}


def test_asking_why_counts_nothing() -> None:
    enforcer = Enforcer()
    enforcer.take(RULES)
    assert enforcer.verdict(*IN).policy == "default/deny"
    assert not enforcer.counts


def test_a_pod_that_the_cluster_has_not_told_of_gets_nothing_but_the_nodes_traffic() -> None:
    enforcer = Enforcer()
    enforcer.take(NodeRules({}, frozenset({NODE})))
    assert not enforcer.decide(*IN).allowed
    assert "not told of this pod" in enforcer.verdict(*IN).note
    assert enforcer.decide(Direction.INGRESS, POD, NODE, "TCP", 8080).allowed


def test_counts_go_with_their_pod() -> None:
    enforcer = Enforcer()
    enforcer.take(RULES)
    enforcer.decide(*IN)
    enforcer.take(NodeRules({}))
    assert not enforcer.counts


def test_there_are_only_so_many_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MOST_COUNTS", 1)
    enforcer = Enforcer()
    enforcer.take(RULES)
    for _ in range(2):
        enforcer.decide(*IN)
        enforcer.decide(Direction.EGRESS, *IN[1:])
    assert sum(enforcer.counts.values()) == 4
    assert {one.policy for one in enforcer.counts} == {"default/deny", "(others)"}


def test_the_nodes_own_connections_are_nobodys_to_count() -> None:
    enforcer = Enforcer()
    enforcer.take(RULES)
    assert enforcer.decide(Direction.EGRESS, NODE, PEER, "TCP", 80).allowed
    assert not enforcer.counts
