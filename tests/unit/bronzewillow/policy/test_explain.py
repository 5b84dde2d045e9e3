"""Verdicts in words."""

from __future__ import annotations

from bronzewillow.policy.explain import explain
from bronzewillow.policy.world import PolicyPod, World

CLIENT = PolicyPod("default", "client", {"app": "client"}, (bytes((10, 0, 1, 9)),))
LLM = PolicyPod("default", "llm", {"app": "llm"}, (bytes((10, 0, 0, 9)),))


def world(*rules: dict[str, object]) -> World:
    spec = {"podSelector": {"matchLabels": {"app": "llm"}}, "ingress": list(rules)}
    return World((CLIENT, LLM), {}, ({"metadata": {"namespace": "default", "name": "only"}, "spec": spec},))


def test_denied_is_told_with_the_policy() -> None:
    assert explain(world(), CLIENT.addresses[0], LLM.addresses[0], 8080) == [
        "egress  default/client (10.0.1.9): allowed, as no policy selects it",
        "ingress default/llm (10.0.0.9): denied: isolated by default/only, and no rule of them matches",
        "denied: default/client (10.0.1.9) -> default/llm (10.0.0.9) TCP 8080",
    ]


def test_allowed_is_told_with_the_rule() -> None:
    lines = explain(world({"ports": [{"port": 8080}]}), bytes((192, 0, 2, 7)), LLM.addresses[0], 8080)
    assert lines == [
        "egress  192.0.2.7: allowed, as it is no pod",
        "ingress default/llm (10.0.0.9): allowed by rule 0 of default/only",
        "allowed: 192.0.2.7 -> default/llm (10.0.0.9) TCP 8080",
    ]
