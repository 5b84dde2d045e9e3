"""Evictions."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from kubelet.model.eviction import (
    MemorySignal,
    PodUsage,
    PressureLevel,
    disk_message,
    empty_dir_eviction,
    memory_eviction,
    over_memory_limit,
    rank,
)

GIB = 1 << 30

SIGNAL = MemorySignal(PressureLevel.CRITICAL, 52 << 20, 100 << 20, 20 * GIB, 30 * GIB)


def usage(name: str, used_gib: int, request: str = "0", **spec: Any) -> PodUsage:
    container = {"name": "llm", "resources": {"requests": {"memory": request}}}
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


def test_the_words() -> None:
    chosen = memory_eviction([usage("a", 9, "4Gi")], SIGNAL)
    assert chosen is not None
    _, ending = chosen
    assert ending.reason == "Evicted"
    assert ending.message == (
        "The node was low on resource: memory. Threshold quantity: 100Mi, available: 52Mi. Container llm was "
        "using 9Gi, request is 4Gi, has larger consumption of memory. "
    )
    assert disk_message() == "The node was low on resource: ephemeral-storage. "


def test_nobody_goes_while_it_is_not_ours_or_not_critical() -> None:
    usages = [usage("a", 9)]
    assert memory_eviction(usages, replace(SIGNAL, ours_bytes=14 * GIB)) is None
    warned = replace(SIGNAL, level=PressureLevel.WARN, available_bytes=GIB)
    assert warned.is_pressed
    assert memory_eviction(usages, warned) is None
    assert not replace(warned, level=PressureLevel.NORMAL).is_pressed
    assert memory_eviction([], SIGNAL) is None


def test_an_empty_dir_over_its_limit() -> None:
    volumes = [{"name": "v", "emptyDir": {"sizeLimit": "1Gi"}}, {"name": "w", "emptyDir": {}}]
    pod = {"spec": {"volumes": volumes}}
    assert empty_dir_eviction(pod, {"v": GIB, "w": 99 * GIB}) is None
    ending = empty_dir_eviction(pod, {"v": GIB + 1})
    assert ending is not None
    assert ending.message == 'Usage of EmptyDir volume "v" exceeds the limit "1Gi". '
    assert (
        empty_dir_eviction({"spec": {"volumes": [{"name": "v", "emptyDir": {"sizeLimit": "x"}}]}}, {"v": 1})
        is None
    )


def test_over_its_memory_limit() -> None:
    container = {"name": "llm", "resources": {"limits": {"memory": "1Gi"}}}
    pod = {"spec": {"containers": [container, {"name": "free"}]}}
    assert over_memory_limit(PodUsage(pod, {"llm": GIB, "free": 9 * GIB})) == []
    assert over_memory_limit(PodUsage(pod, {"llm": GIB + 1})) == ["llm"]
