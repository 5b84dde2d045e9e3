"""The world's words."""

from __future__ import annotations

from bronzewillow.policy.world import PolicyPod


def test_a_pod_is_named_by_namespace_and_name() -> None:
    assert str(PolicyPod("default", "tinyllama-0", {}, ())) == "default/tinyllama-0"
