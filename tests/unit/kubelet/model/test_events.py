"""Event objects."""

from __future__ import annotations

from kubelet.model.decision import EventType, PodEvent
from kubelet.model.events import event_object, node_subject, pod_subject, shortened
from kubelet.model.times import SECOND

POD = {"metadata": {"name": "pod-a", "namespace": "team", "uid": "u", "resourceVersion": "7"}}


def test_of_a_container() -> None:
    event = PodEvent(EventType.NORMAL, "Started", "Started container llm", "spec.containers{llm}")
    assert event_object(pod_subject(POD), event, "mac-1", 1_735_689_600 * SECOND) == {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": "pod-a.1816687ec0570000", "namespace": "team"},
        "involvedObject": {
            "kind": "Pod",
            "namespace": "team",
            "name": "pod-a",
            "uid": "u",
            "apiVersion": "v1",
            "resourceVersion": "7",
            "fieldPath": "spec.containers{llm}",
        },
        "reason": "Started",
        "message": "Started container llm",
        "type": "Normal",
        "count": 1,
        "firstTimestamp": "2025-01-01T00:00:00Z",
        "lastTimestamp": "2025-01-01T00:00:00Z",
        "source": {"component": "kubelet", "host": "mac-1"},
        "reportingComponent": "kubelet",
        "reportingInstance": "mac-1",
    }


def test_of_a_node_in_the_default_namespace_with_its_name_as_uid() -> None:
    body = event_object(node_subject("mac-1"), PodEvent(EventType.NORMAL, "NodeReady", "x"), "mac-1", 0)
    assert body["metadata"]["namespace"] == "default"
    assert body["involvedObject"] == {"kind": "Node", "name": "mac-1", "uid": "mac-1", "apiVersion": "v1"}


def test_messages_are_cut_in_bytes() -> None:
    assert shortened("ä" * 512) == "ä" * 512
    cut = shortened("ä" * 513)
    assert cut.endswith("...")
    assert len(cut.encode()) <= 1024
