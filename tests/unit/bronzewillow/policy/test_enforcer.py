"""A node's verdicts."""

from __future__ import annotations

from bronzewillow.policy.enforcer import Enforcer
from bronzewillow.policy.rules import Direction
from bronzewillow.policy.world import PolicyPod, World

POD, PEER, NODE = bytes((10, 0, 0, 9)), bytes((10, 0, 1, 9)), bytes((10, 0, 0, 1))
DENY = {"metadata": {"namespace": "default", "name": "deny"}, "spec": {"podSelector": {}}}
WORLD = World((PolicyPod("default", "llm", {}, (POD,)),), {}, (DENY,))


def test_probes_of_the_own_node_always_pass() -> None:
    enforcer = Enforcer()
    enforcer.update(WORLD, [POD], [NODE])
    assert enforcer.decide(Direction.INGRESS, POD, NODE, "TCP", 8080)
    assert not enforcer.decide(Direction.INGRESS, POD, PEER, "TCP", 8080)
    assert enforcer.denied == {("default/deny", Direction.INGRESS): 1}
    assert enforcer.allowed == {Direction.INGRESS: 1}


def test_without_a_world_everything_passes() -> None:
    assert Enforcer().decide(Direction.INGRESS, POD, PEER, "TCP", 8080)


def test_a_new_world_replaces_the_old_one() -> None:
    enforcer = Enforcer()
    enforcer.update(WORLD, [POD], [])
    enforcer.update(World(WORLD.pods, {}, ()), [POD], [])
    assert enforcer.decide(Direction.INGRESS, POD, PEER, "TCP", 8080)


def test_asking_why_counts_nothing() -> None:
    enforcer = Enforcer()
    enforcer.update(WORLD, [POD], [])
    assert enforcer.verdict(Direction.INGRESS, POD, PEER, "TCP", 1).policy == "default/deny"
    assert not enforcer.denied
