"""What admission knows of the node."""

from __future__ import annotations

from pathlib import Path

from kubelet.pods.admitting import node_view

NODE = {
    "metadata": {"name": "mac-1", "labels": {"kubernetes.io/os": "darwin"}},
    "spec": {"taints": [{"key": "k", "effect": "NoSchedule"}]},
    "status": {
        "allocatable": {"cpu": "8", "pods": 110},
        "nodeInfo": {"operatingSystem": "linux"},
        "conditions": [
            {"type": "MemoryPressure", "status": "True"},
            {"type": "DiskPressure", "status": "False"},
            {"type": "Ready", "status": "True"},
        ],
    },
}


def test_a_node() -> None:
    found = node_view(NODE, 501, [Path("/models")], is_shutting_down=True)
    assert (found.name, found.os, found.user_id) == ("mac-1", "linux", 501)
    assert found.labels == {"kubernetes.io/os": "darwin"}
    assert found.taints == [{"key": "k", "effect": "NoSchedule"}]
    assert found.allocatable == {"cpu": "8", "pods": "110"}
    assert found.pressures == {"MemoryPressure"}
    assert found.host_path_roots == ["/models"]
    assert found.is_shutting_down


def test_one_that_is_not_known_yet() -> None:
    found = node_view({}, 501, [])
    assert (found.allocatable, found.os, found.is_shutting_down) == ({}, "darwin", False)
