from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta

import pytest

from kubelet.model.node_facts import Image, Machine, NodeSettings, NodeState, Runtime
from kubelet.model.node_object import label_value, node_images, node_labels, node_object

NOW = datetime(2026, 1, 1, tzinfo=UTC)
MAC = Machine(
    "darwin", "arm64", "Apple M2 Pro", "Mac14,12", 12, 19, 32 << 30, 0, 1 << 39, "24.6.0", "macOS 15.6",
    "boot", "564d", "564D",
)  # fmt: skip
STATE = NodeState(
    MAC, NodeSettings("mac-1"), ("192.0.2.7",), Runtime("llm-containerd", "0.1.0", ""), (Image(("a",), 5),)
)


def test_the_whole_node() -> None:
    node = node_object(STATE, None, NOW)
    assert node["metadata"]["name"] == "mac-1"
    assert node["spec"]["taints"] == [{"key": "bronzewillow.io/llm", "value": "true", "effect": "NoSchedule"}]
    status = node["status"]
    assert status["addresses"] == [
        {"type": "InternalIP", "address": "192.0.2.7"},
        {"type": "Hostname", "address": "mac-1"},
    ]
    assert status["daemonEndpoints"] == {"kubeletEndpoint": {"Port": 10250}}
    assert status["nodeInfo"]["containerRuntimeVersion"] == "llm-containerd://0.1.0"
    assert status["nodeInfo"]["operatingSystem"] == "darwin"
    assert status["images"] == [{"names": ["a"], "sizeBytes": 5}]
    assert [one["type"] for one in status["conditions"]][-1] == "Ready"
    json.dumps(node)


def test_what_was_before_gives_the_times_of_its_conditions() -> None:
    before = node_object(STATE, None, NOW)
    after = node_object(STATE, before, NOW + timedelta(minutes=1))
    assert {one["lastTransitionTime"] for one in after["status"]["conditions"]} == {"2026-01-01T00:00:00Z"}


def test_labels_say_what_the_machine_is_and_nodes_may_set_all_of_them() -> None:
    labels = node_labels(MAC, NodeSettings("mac-1", labels={"example.com/rack": "r1"}))
    assert labels["bronzewillow.io/chip"] == "Apple-M2-Pro"
    assert (labels["bronzewillow.io/gpu-cores"], labels["bronzewillow.io/memory-gib"]) == ("19", "32")
    assert labels["example.com/rack"] == "r1"
    # NodeRestriction's list of what a node may say of itself below kubernetes.io
    allowed = re.compile(
        r"(beta\.)?kubernetes\.io/(hostname|os|arch)|node\.kubernetes\.io/.+|bronzewillow\.io/.+|example\.com/rack"
    )
    assert all(allowed.fullmatch(key) for key in labels)


def test_what_is_not_known_is_not_said() -> None:
    unknown = Machine("linux", "amd64", "", "", 1, 0, 0, 0, 0, "", "", "", "", "")
    assert not [key for key in node_labels(unknown, NodeSettings("a")) if key.startswith("bronzewillow.io/")]


def test_the_largest_fifty_images_with_five_names_each() -> None:
    images = tuple(Image(tuple(f"n{number}-{name}" for name in range(9)), number) for number in range(60))
    found = node_images(images)
    assert [one["sizeBytes"] for one in found] == list(range(59, 9, -1))
    assert found[0]["names"] == [f"n59-{name}" for name in range(5)]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("Apple M2 Pro", "Apple-M2-Pro"),
        ("Mac14,12", "Mac14-12"),
        (" (x) ", "x"),
        ("", ""),
        ("é" * 80, ""),
        ("a" * 80, "a" * 63),
    ],
)
def test_a_label_value_is_one(text: str, value: str) -> None:
    assert label_value(text) == value
