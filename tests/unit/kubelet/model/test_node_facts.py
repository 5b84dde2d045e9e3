from __future__ import annotations

from kubelet.model.node_facts import NodeSettings, Runtime


def test_a_runtime_that_was_not_asked_yet_is_not_ready() -> None:
    assert Runtime().problem


def test_the_taint_is_that_of_the_docs() -> None:
    (taint,) = NodeSettings("mac-1").taints
    assert f"{taint.key}={taint.value}:{taint.effect}" == "bronzewillow.io/llm=true:NoSchedule"
