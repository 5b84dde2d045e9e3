from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from bronzewillow.kube.leaving import LEAVING
from kubelet.node.registry import has_rebooted, is_alive, is_another_machine, leftovers_patch, metadata_patch

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def node(labels: dict[str, str] | None = None, **status: Any) -> dict[str, Any]:
    return {"metadata": {"name": "mac-1", "labels": labels}, "status": status}


def test_our_labels_are_said_again_and_those_of_others_stay() -> None:
    existing = node({"kubernetes.io/os": "linux", "team": "a"})
    assert metadata_patch(existing, node({"kubernetes.io/os": "darwin"})) == {
        "metadata": {"labels": {"kubernetes.io/os": "darwin"}}
    }
    assert metadata_patch(existing, node({"kubernetes.io/os": "linux"})) is None
    assert metadata_patch(node(), node({"a": "b"})) == {"metadata": {"labels": {"a": "b"}}}


def test_one_that_had_left_is_back() -> None:
    left = {"metadata": {"name": "mac-1", "annotations": {LEAVING: "true"}}, "status": {}}
    assert metadata_patch(left, node()) == {
        "metadata": {"annotations": {LEAVING: None}},
        "spec": {"unschedulable": None},
    }


def test_resources_of_a_former_life_become_nothing() -> None:
    existing = node(
        capacity={"cpu": "8", "example.com/gpu": "2", "old/one": "0", "hugepages-2Mi": "1", "own/a": "1"}
    )
    zero = {"example.com/gpu": "0"}
    assert leftovers_patch(existing, node(capacity={"cpu": "8", "own/a": "2"})) == {
        "status": {"capacity": zero, "allocatable": zero}
    }
    assert leftovers_patch(node(), node(capacity={})) is None


@pytest.mark.parametrize(
    ("theirs", "ours", "is_another"),
    [("A-1", "a-1", False), ("a", "b", True), ("", "b", False), (None, "b", False), ("a", "", False)],
)
def test_whose_node_it_is(theirs: str | None, ours: str, is_another: bool) -> None:
    info = {} if theirs is None else {"nodeInfo": {"systemUUID": theirs}}
    assert is_another_machine(node(**info), node(nodeInfo={"systemUUID": ours})) is is_another


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({"renewTime": "2025-12-31T23:59:30.000000Z", "leaseDurationSeconds": 40}, True),
        ({"renewTime": "2025-12-31T23:59:10.000000Z", "leaseDurationSeconds": 40}, False),
        ({"renewTime": "yesterday", "leaseDurationSeconds": 40}, False),
        ({}, False),
        (None, False),
    ],
)
def test_a_lease_is_held_or_not(spec: object, expected: bool) -> None:
    assert is_alive({"spec": spec}, NOW) is expected


def test_a_reboot_is_another_boot_id() -> None:
    ours = node(nodeInfo={"bootID": "b"})
    assert has_rebooted(node(nodeInfo={"bootID": "a"}), ours)
    assert not has_rebooted(node(nodeInfo={"bootID": "b"}), ours)
    assert not has_rebooted(node(), ours)
