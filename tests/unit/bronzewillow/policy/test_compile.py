"""From objects to rules; tests/contract/policy has the cases of the conformance list."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bronzewillow.policy.compile import compile_node
from bronzewillow.policy.rules import Direction, PodRules
from bronzewillow.policy.world import PolicyPod, World

POD = PolicyPod("default", "llm", {"app": "llm"}, (bytes((10, 0, 0, 9)),), (("http", "TCP", 8080),))
V6 = PolicyPod("default", "six", {"app": "six"}, (bytes((10, 0, 0, 6)), bytes(15) + b"\x06"))


def policy(spec: Any, namespace: str = "default") -> dict[str, Any]:
    return {"metadata": {"namespace": namespace, "name": "p"}, "spec": spec}


def world(*policies: dict[str, Any]) -> World:
    return World((POD, V6), {"default": {}}, policies)


def compile_rules(found: World, pod: PolicyPod) -> PodRules:
    return compile_node(found, dict.fromkeys(pod.addresses, str(pod)), ()).pods[pod.addresses[0]]


def test_every_address_of_a_selected_pod_is_meant() -> None:
    rule = {"from": [{"podSelector": {"matchLabels": {"app": "six"}}}]}
    rules = compile_rules(world(policy({"podSelector": {}, "ingress": [rule]})), POD)
    for address in V6.addresses:
        assert rules.verdict(Direction.INGRESS, address, "TCP", 8080).allowed


def test_unknown_policy_types_isolate_nothing() -> None:
    assert not compile_rules(world(policy({"podSelector": {}, "policyTypes": ["Sideways"]})), POD).isolated


def test_the_namespace_of_a_peer_may_be_unknown() -> None:
    rule = {"from": [{"namespaceSelector": {"matchLabels": {"team": "x"}}}]}
    rules = compile_rules(World((POD,), {}, (policy({"podSelector": {}, "ingress": [rule]}),)), POD)
    assert not rules.verdict(Direction.INGRESS, V6.addresses[0], "TCP", 8080).allowed


def test_a_pod_of_ours_has_rules_before_its_status_shows_an_address() -> None:
    young = PolicyPod("default", "young", {"app": "llm"}, ())
    own = {bytes((10, 0, 0, 7)): "default/young", bytes(16): "default/young", bytes((10, 0, 0, 8)): "a/b"}
    found = World((young, V6), {}, (policy({"podSelector": {"matchLabels": {"app": "llm"}}}),))
    rules = compile_node(found, own, ())
    for address in (bytes((10, 0, 0, 7)), bytes(16)):
        verdict = rules.verdict(Direction.INGRESS, address, V6.addresses[0], "TCP", 80)
        assert (verdict.allowed, verdict.policy) == (False, "default/p")
    assert rules.pods[bytes(16)].addresses == {bytes((10, 0, 0, 7)), bytes(16)}
    assert bytes((10, 0, 0, 8)) not in rules.pods


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["from", "to", "ports", "port", "ipBlock", "cidr", "except", "podSelector", "endPort"]
            ),
            inner,
            max_size=3,
        )
    ),
    max_leaves=12,
)


@given(_json, _json)
def test_whatever_stands_in_a_policy_the_pod_is_isolated(ingress: Any, egress: Any) -> None:
    spec = {"podSelector": {}, "policyTypes": ["Ingress", "Egress"], "ingress": ingress, "egress": egress}
    rules = compile_rules(world(policy(spec)), POD)
    assert set(rules.isolated) == set(Direction)
    rules.verdict(Direction.INGRESS, bytes(4), "TCP", 1)


@pytest.mark.parametrize("selector", [None, "x"])
def test_a_policy_without_a_selector_selects_nobody(selector: Any) -> None:
    assert not compile_rules(world(policy({"podSelector": selector})), POD).isolated
