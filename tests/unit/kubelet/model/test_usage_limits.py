"""Limits that the kubelet alone holds a pod to."""

from __future__ import annotations

from typing import Any

from kubelet.model.eviction import PodUsage
from kubelet.model.usage_limits import empty_dir_eviction, has_limit, over_memory_limit, storage_eviction

GIB = 1 << 30


def limited(name: str, resource: str, limit: str = "1Gi") -> dict[str, Any]:
    return {"name": name, "resources": {"limits": {resource: limit}}}


def test_an_empty_dir_over_its_limit() -> None:
    volumes = [{"name": "v", "emptyDir": {"sizeLimit": "1Gi"}}, {"name": "w", "emptyDir": {}}]
    pod = {"spec": {"volumes": volumes}}
    assert empty_dir_eviction(pod, {"v": GIB, "w": 99 * GIB}) is None
    ending = empty_dir_eviction(pod, {"v": GIB + 1})
    assert ending is not None
    assert ending.message == 'Usage of EmptyDir volume "v" exceeds the limit "1Gi". '
    odd = {"spec": {"volumes": [{"name": "v", "emptyDir": {"sizeLimit": "x"}}]}}
    assert empty_dir_eviction(odd, {"v": 1}) is None


def test_over_its_memory_limit() -> None:
    pod = {"spec": {"containers": [limited("llm", "memory"), {"name": "free"}]}}
    assert over_memory_limit(PodUsage(pod, {"llm": GIB, "free": 9 * GIB})) == []
    assert over_memory_limit(PodUsage(pod, {"llm": GIB + 1})) == ["llm"]
    assert has_limit(pod, "memory")
    assert not has_limit(pod, "ephemeral-storage")


def test_a_pods_storage_counts_when_every_container_has_a_limit() -> None:
    both = [limited("a", "ephemeral-storage"), limited("b", "ephemeral-storage", "2Gi")]
    pod = {"spec": {"containers": both}}
    assert storage_eviction(PodUsage(pod, {"a": GIB, "b": GIB}, shared=GIB)) is None
    ending = storage_eviction(PodUsage(pod, {"a": GIB, "b": GIB}, shared=GIB + 1))
    assert ending is not None
    assert ending.message == "Pod ephemeral local storage usage exceeds the total limit of containers 3Gi. "
    one_only = {"spec": {"containers": [both[0], {"name": "free"}]}}
    assert storage_eviction(PodUsage(one_only, {"a": GIB, "free": 9 * GIB}, shared=9 * GIB)) is None


def test_and_a_containers_own() -> None:
    pod = {
        "spec": {"containers": [limited("a", "ephemeral-storage"), limited("x", "ephemeral-storage", "?")]}
    }
    ending = storage_eviction(PodUsage(pod, {"a": GIB + 1}))
    assert ending is not None
    assert ending.message == 'Container a exceeded its local ephemeral storage limit "1Gi". '
