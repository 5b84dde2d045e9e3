"""Verdicts in words."""

from __future__ import annotations

from bronzewillow.policy.explain import Explanation, explain
from bronzewillow.policy.world import PolicyPod, World

CLIENT = PolicyPod("default", "client", {"app": "client"}, (bytes((10, 0, 1, 9)),))
LLM = PolicyPod("default", "llm", {"app": "llm"}, (bytes((10, 0, 0, 9)),))
NODE = bytes((10, 0, 0, 1))
HOST = bytes((192, 0, 2, 7))


def explained(source: bytes, *rules: dict[str, object], port: int = 8080) -> Explanation:
    spec = {"podSelector": {"matchLabels": {"app": "llm"}}, "ingress": list(rules)}
    policy = {"metadata": {"namespace": "default", "name": "only"}, "spec": spec}
    world = World((CLIENT, LLM), {}, (policy,))
    return explain(world, {LLM.addresses[0]: "default/llm"}, [NODE], source, LLM.addresses[0], port)


def test_denied_is_told_with_the_policy() -> None:
    found = explained(CLIENT.addresses[0])
    assert not found.allowed
    assert found.lines() == [
        "denied: default/client (10.0.1.9) -> default/llm (10.0.0.9), TCP 8080",
        "  egress  allowed, as no policy selects the pod (enforced by the pod's own node)",
        "  ingress denied: default/only isolates the pod, and no rule lets this through",
    ]


def test_allowed_is_told_with_the_rule() -> None:
    found = explained(HOST, {"ports": [{"port": 80}]}, {"ports": [{"port": 8080}]})
    assert found.allowed
    assert found.lines() == [
        "allowed: 192.0.2.7 -> default/llm (10.0.0.9), TCP 8080",
        "  egress  allowed, as it is no pod",
        "  ingress allowed by default/only, spec.ingress[1]",
    ]


def test_what_no_policy_can_stop() -> None:
    assert explained(NODE).lines()[2] == (
        "  ingress allowed: what this node itself says and hears always passes"
    )
    assert explained(LLM.addresses[0]).lines()[2] == "  ingress allowed: a pod always reaches itself"


def test_for_programs() -> None:
    assert explained(HOST).as_json() == {
        "allowed": False,
        "protocol": "TCP",
        "port": 8080,
        "egress": {
            "pod": None,
            "address": "192.0.2.7",
            "enforced_here": False,
            "allowed": True,
            "policies": [],
            "rule": None,
            "reason": "allowed, as it is no pod",
        },
        "ingress": {
            "pod": "default/llm",
            "address": "10.0.0.9",
            "enforced_here": True,
            "allowed": False,
            "policies": ["default/only"],
            "rule": None,
            "reason": "denied: default/only isolates the pod, and no rule lets this through",
        },
    }
