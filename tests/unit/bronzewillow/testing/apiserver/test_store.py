from __future__ import annotations

import pytest

from bronzewillow.kube.resources import PODS, Object
from bronzewillow.testing.apiserver.refusals import Refused
from bronzewillow.testing.apiserver.store import Store


def pod(name: str) -> Object:
    return {"metadata": {"name": name, "namespace": "d"}, "spec": {}}


def test_each_write_has_a_version() -> None:
    store = Store()
    first = store.put(PODS, pod("a"))
    second = store.put(PODS, first)
    gone = store.remove(PODS, second)
    versions = [int(obj["metadata"]["resourceVersion"]) for obj in (first, second, gone)]
    assert versions == [101, 102, 103]
    assert store.get(PODS, "d", "a") is None


def test_what_it_gives_is_a_copy() -> None:
    store = Store()
    store.put(PODS, pod("a"))
    found = store.get(PODS, "d", "a")
    assert found is not None
    found["spec"]["x"] = 1
    assert store.list(PODS)[0]["spec"] == {}


def test_lists_are_in_order_and_of_a_namespace() -> None:
    store = Store()
    for name in ("b", "a"):
        store.put(PODS, pod(name))
    assert [obj["metadata"]["name"] for obj in store.list(PODS, "d")] == ["a", "b"]
    assert store.list(PODS, "other") == []
    assert list(store.resources()) == [PODS]


def test_what_happened_since() -> None:
    store = Store()
    version = int(store.put(PODS, pod("a"))["metadata"]["resourceVersion"])
    store.put(PODS, pod("b"))
    assert [event.version for event in store.since(version)] == [version + 1]
    assert store.since(version + 1) == []


def test_history_is_bounded_and_can_be_forgotten() -> None:
    store = Store(history_events=10)
    for _ in range(30):
        store.put(PODS, pod("a"))
    with pytest.raises(Refused, match="too old resource version: 100"):
        store.since(100)
    assert len(store.since(store.version - 3)) == 3
    version = store.version
    store.compact()
    with pytest.raises(Refused):
        store.since(version)
    assert store.since(store.version) == []


def test_who_listens_is_told() -> None:
    store, told = Store(), []
    store.on_change.append(lambda: told.append(store.version))
    store.put(PODS, pod("a"))
    assert told == [101]
