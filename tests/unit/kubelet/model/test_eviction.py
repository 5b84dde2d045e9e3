"""Evictions."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from kubelet.model.eviction import PodUsage, can_help, eviction, eviction_message, rank
from kubelet.model.pressure import Breach
from kubelet.model.thresholds import Amount, Signal, Threshold

GIB = 1 << 30
MEMORY = Breach(Threshold(Signal.MEMORY, Amount(100 << 20)), 52 << 20, 100 << 20, 48 << 20, 30 * GIB)
DISK = Breach(Threshold(Signal.NODE_DISK, Amount(share=0.1)), 9 * GIB, 10 * GIB, GIB, 90 * GIB)


def usage(name: str, used_gib: int, request: str = "0", resource: str = "memory", **spec: Any) -> PodUsage:
    container = {"name": "llm", "resources": {"requests": {resource: request}}}
    pod = {"metadata": {"name": name, "uid": name}, "spec": {"containers": [container], **spec}}
    return PodUsage(pod, {"llm": used_gib * GIB})


def test_over_the_request_then_priority_then_excess() -> None:
    usages = [
        usage("within", 9, "10Gi"),
        usage("important", 9, priority=100),
        usage("little", 2, "1Gi"),
        usage("much", 9, "4Gi"),
        usage("critical", 99, priority=2_000_000_000),
    ]
    assert [one.pod["metadata"]["name"] for one in rank(usages)] == ["much", "little", "important", "within"]


def test_of_the_disk_volumes_count_and_its_own_requests() -> None:
    volume = replace(usage("volume", 0), shared=3 * GIB)
    asked = usage("asked", 9, "10Gi", "ephemeral-storage")
    usages = [asked, usage("logs", 1), volume]
    ranked = rank(usages, "ephemeral-storage")
    assert [one.pod["metadata"]["name"] for one in ranked] == ["volume", "logs", "asked"]


def test_the_words() -> None:
    chosen = eviction([usage("a", 9, "4Gi")], MEMORY)
    assert chosen is not None
    _, ending = chosen
    assert (ending.reason, ending.grace_s) == ("Evicted", 0)
    assert ending.message == (
        "The node was low on resource: memory. Threshold quantity: 100Mi, available: 52Mi. Container llm was "
        "using 9Gi, request is 4Gi, has larger consumption of memory. "
    )
    assert eviction_message(usage("a", 2, "1Gi", "ephemeral-storage"), DISK) == (
        "The node was low on resource: ephemeral-storage. Threshold quantity: 10Gi, available: 9Gi. "
        "Container llm was using 2Gi, request is 1Gi, has larger consumption of ephemeral-storage. "
    )
    files = replace(DISK, threshold=Threshold(Signal.NODE_FILES, Amount(share=0.05)), available=7, least=2048)
    assert eviction_message(usage("a", 2), files) == (
        "The node was low on resource: inodes. Threshold quantity: 2048, available: 7. "
    )


def test_a_soft_threshold_leaves_a_grace() -> None:
    soft = replace(MEMORY, threshold=replace(MEMORY.threshold, grace=60))
    chosen = eviction([usage("a", 9)], soft, most_grace_s=20)
    assert chosen is not None
    assert chosen[1].grace_s == 20


def test_nobody_goes_where_that_does_not_help() -> None:
    assert can_help([usage("a", 15)], MEMORY)
    assert not can_help([usage("a", 14)], MEMORY)
    assert can_help([usage("a", 1)], DISK)
    assert not can_help([usage("a", 0)], DISK)
    assert eviction([], MEMORY) is None
    assert eviction([usage("critical", 99, priority=2_000_000_000)], MEMORY) is None
