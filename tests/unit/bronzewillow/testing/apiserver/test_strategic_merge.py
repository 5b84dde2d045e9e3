from __future__ import annotations

from typing import Any

import pytest

from bronzewillow.testing.apiserver.strategic_merge import strategic_merge


def conditions(*pairs: tuple[str, str]) -> dict[str, Any]:
    return {"status": {"conditions": [{"type": kind, "status": status} for kind, status in pairs]}}


def test_conditions_merge_by_type() -> None:
    node = conditions(("Ready", "False"), ("NetworkUnavailable", "False"))
    patch = conditions(("Ready", "True"), ("DiskPressure", "False"))
    assert strategic_merge("Node", node, patch) == conditions(
        ("Ready", "True"), ("NetworkUnavailable", "False"), ("DiskPressure", "False")
    )


def test_container_statuses_are_replaced() -> None:
    pod = {"status": {"containerStatuses": [{"name": "a"}, {"name": "b"}]}}
    patch = {"status": {"containerStatuses": [{"name": "a", "ready": True}]}}
    assert strategic_merge("Pod", pod, patch) == patch


def test_containers_merge_by_name_and_their_env_too() -> None:
    pod = {"spec": {"containers": [{"name": "a", "image": "x", "env": [{"name": "E", "value": "1"}]}]}}
    patch = {"spec": {"containers": [{"name": "a", "env": [{"name": "F", "value": "2"}]}]}}
    merged = strategic_merge("Pod", pod, patch)["spec"]["containers"]
    assert merged == [
        {"name": "a", "image": "x", "env": [{"name": "E", "value": "1"}, {"name": "F", "value": "2"}]}
    ]


def test_null_removes_and_taints_are_replaced() -> None:
    node = {"spec": {"taints": [{"key": "a"}], "unschedulable": True}}
    patch = {"spec": {"taints": [{"key": "b"}], "unschedulable": None}}
    assert strategic_merge("Node", node, patch) == {"spec": {"taints": [{"key": "b"}]}}


def test_directives() -> None:
    pod = {"spec": {"volumes": [{"name": "a"}, {"name": "b"}]}, "metadata": {"finalizers": ["x", "y"]}}
    gone = {"spec": {"volumes": [{"name": "a", "$patch": "delete"}]}}
    assert strategic_merge("Pod", pod, gone)["spec"] == {"volumes": [{"name": "b"}]}
    new = {"spec": {"volumes": [{"name": "c"}, {"$patch": "replace"}]}}
    assert strategic_merge("Pod", pod, new)["spec"] == {"volumes": [{"name": "c"}]}
    assert strategic_merge("Pod", pod, {"spec": {"$patch": "replace", "a": 1}})["spec"] == {"a": 1}
    assert strategic_merge("Pod", pod, {"spec": {"$patch": "delete"}})["spec"] == {}
    less = {"metadata": {"$deleteFromPrimitiveList/finalizers": ["x"]}}
    assert strategic_merge("Pod", pod, less)["metadata"] == {"finalizers": ["y"]}
    kept = {"spec": {"$retainKeys": ["a"], "a": 1}}
    assert strategic_merge("Pod", pod, kept)["spec"] == {"a": 1}
    order = {"spec": {"$setElementOrder/volumes": [{"name": "b"}, {"name": "a"}], "volumes": [{"name": "a"}]}}
    assert strategic_merge("Pod", pod, order)["spec"] == {"volumes": [{"name": "b"}, {"name": "a"}]}


def test_finalizers_are_a_set() -> None:
    pod = {"metadata": {"finalizers": ["x"]}}
    patch = {"metadata": {"finalizers": ["x", "y"]}}
    assert strategic_merge("Pod", pod, patch) == patch


@pytest.mark.parametrize(
    "patch", [{"status": {"conditions": [{"status": "True"}]}}, {"spec": {"$patch": "fly"}}]
)
def test_what_does_not_fit(patch: Any) -> None:
    with pytest.raises(ValueError):
        strategic_merge("Node", {}, patch)
