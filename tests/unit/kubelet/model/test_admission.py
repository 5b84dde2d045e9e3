"""Who is taken."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from kubelet.model.admission import NodeView, admit, is_critical
from kubelet.model.node_resources import METAL_MEMORY

NODE = NodeView(
    "mac-1",
    {"kubernetes.io/os": "darwin"},
    [{"key": "bronzewillow.io/llm-only", "value": "true", "effect": "NoSchedule"}],
    {"cpu": "4", "memory": "8Gi", "pods": "3", "ephemeral-storage": "100G", METAL_MEMORY: "6144"},
    501,
)


def pod(requests: dict[str, str] | None = None, **spec: Any) -> dict[str, Any]:
    return {"spec": {"containers": [{"name": "llm", "resources": {"requests": requests or {}}}], **spec}}


def refused(
    one: dict[str, Any], others: list[dict[str, Any]] | None = None, node: NodeView = NODE
) -> tuple[str, str]:
    refusal = admit(one, others or [], node)
    return (refusal.reason, refusal.message) if refusal is not None else ("", "")


def test_what_fits() -> None:
    assert refused(pod({"cpu": "4", "memory": "8Gi", METAL_MEMORY: "6144"})) == ("", "")
    assert refused({}) == ("", "")


@pytest.mark.parametrize(
    ("requests", "reason", "figures"),
    [
        ({"cpu": "2500m"}, "OutOfcpu", "cpu, requested: 2500, used: 2000, capacity: 4000"),
        (
            {"memory": "7Gi"},
            "OutOfmemory",
            "memory, requested: 7516192768, used: 2147483648, capacity: 8589934592",
        ),
        (
            {"ephemeral-storage": "101G"},
            "OutOfephemeral-storage",
            "ephemeral-storage, requested: 101000000000, used: 0, capacity: 100000000000",
        ),
        (
            {METAL_MEMORY: "6144", "memory": "6Gi"},
            f"OutOf{METAL_MEMORY}",
            f"{METAL_MEMORY}, requested: 6144, used: 1, capacity: 6144",
        ),
    ],
)
def test_what_does_not_fit_beside_another(requests: dict[str, str], reason: str, figures: str) -> None:
    other = pod({"cpu": "2", "memory": "2Gi", METAL_MEMORY: "1"})
    assert refused(pod(requests), [other]) == (reason, f"Node didn't have enough resource: {figures}")


def test_pods_that_have_ended_do_not_count() -> None:
    ended = {**pod({"memory": "8Gi"}), "status": {"phase": "Succeeded"}}
    assert refused(pod({"memory": "8Gi"}), [ended, ended, ended]) == ("", "")
    reason, message = refused(pod(), [pod(), pod(), pod()])
    assert (reason, message.partition("pods, ")[2]) == ("OutOfpods", "requested: 1, used: 3, capacity: 3")


def test_a_resource_that_the_node_never_had_is_others_matter() -> None:
    assert refused(pod({"example.dev/disk": "1"})) == ("", "")


def test_metal_memory_is_memory() -> None:
    reason, message = refused(pod({METAL_MEMORY: "4096", "memory": "1Gi"}))
    assert reason == "UnexpectedAdmissionError"
    assert message.endswith("request memory: 4096Mi or more, too")


def test_a_bad_quantity_is_named() -> None:
    assert refused(pod({"cpu": "much"})) == (
        "UnexpectedAdmissionError",
        "resources cannot be read: cpu: 'much' is not a quantity such as 500m or 2Gi",
    )


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        ({"os": {"name": "linux"}}, "PodOSNotSupported"),
        ({"nodeSelector": {"kubernetes.io/os": "linux"}}, "PodOSSelectorNodeLabelDoesNotMatch"),
        ({"nodeSelector": {"zone": "a"}}, "NodeAffinity"),
        ({"hostNetwork": True}, "PodFeatureUnsupported"),
    ],
)
def test_what_does_not_belong_here(spec: dict[str, Any], reason: str) -> None:
    assert refused(pod(**spec))[0] == reason


def test_an_unsupported_field_is_named_with_a_cure() -> None:
    message = refused(pod(hostNetwork=True, hostPID=True))[1]
    assert "spec.hostNetwork, spec.hostPID" in message
    assert message.endswith("keep the pod off the node with nodeSelector kubernetes.io/os: linux")


def test_only_no_execute_taints_count_and_not_for_static_pods() -> None:
    node = replace(NODE, taints=[{"key": "k", "value": "v", "effect": "NoExecute"}])
    assert refused(pod(), node=node) == (
        "TaintToleration",
        "Predicate TaintToleration failed: node(s) had untolerated taint {k: v}",
    )
    static = {**pod(), "metadata": {"annotations": {"kubernetes.io/config.source": "file"}}}
    assert refused(static, node=node) == ("", "")


def test_memory_pressure_refuses_best_effort_only() -> None:
    node = replace(NODE, pressures=frozenset({"MemoryPressure"}))
    assert refused(pod(), node=node) == ("Evicted", "The node had condition: [MemoryPressure]. ")
    assert refused(pod({"cpu": "1"}), node=node) == ("", "")
    tolerant = pod(tolerations=[{"key": "node.kubernetes.io/memory-pressure", "operator": "Exists"}])
    assert refused(tolerant, node=node) == ("", "")
    assert refused(pod(priority=2_000_000_000), node=node) == ("", "")
    full = replace(NODE, pressures=frozenset({"DiskPressure"}))
    assert refused(pod({"cpu": "1"}), node=full)[0] == "Evicted"


def test_shutdown() -> None:
    node = replace(NODE, is_shutting_down=True)
    assert refused(pod(), node=node) == ("NodeShutdown", "Pod was rejected as the node is shutting down.")


def test_what_is_critical() -> None:
    assert is_critical({"spec": {"priority": 2_000_001_000}})
    assert not is_critical({"spec": {"priority": 1000}})
