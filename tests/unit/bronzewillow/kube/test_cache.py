from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from bronzewillow.kube.cache import Cache, Change, ChangeType
from bronzewillow.kube.resources import Object


def pod(name: str, uid: str, version: str = "1", **more: Any) -> Object:
    return {"metadata": {"name": name, "namespace": "d", "uid": uid, "resourceVersion": version, **more}}


def told(changes: list[Change]) -> list[tuple[str, str]]:
    return [(change.type.value, change.object["metadata"]["uid"]) for change in changes]


def listed(cache: Cache, objects: list[Object]) -> list[Change]:
    """A whole list, as list and watch takes it in."""
    uids = {obj["metadata"]["uid"] for obj in objects}
    return list(cache.reconcile(uids, [obj for obj in objects if not cache.has(obj)]))


def test_a_list_is_what_there_is() -> None:
    cache = Cache()
    assert told(listed(cache, [pod("a", "1"), pod("b", "2")])) == [("ADDED", "1"), ("ADDED", "2")]
    assert told(listed(cache, [pod("b", "2", "7"), pod("c", "3")])) == [
        ("DELETED", "1"),
        ("MODIFIED", "2"),
        ("ADDED", "3"),
    ]
    assert set(cache) == {"2", "3"}


def test_what_has_not_changed_is_no_change() -> None:
    cache = Cache()
    listed(cache, [pod("a", "1")])
    assert listed(cache, [pod("a", "1")]) == []


def test_a_namesake_ends_the_first() -> None:
    for by_list in (False, True):
        cache = Cache()
        cache.put(pod("a", "1"))
        new = pod("a", "2")
        assert told(listed(cache, [new]) if by_list else cache.put(new)) == [("DELETED", "1"), ("ADDED", "2")]
        assert cache.named("a", "d") == pod("a", "2")


def test_a_late_delete_leaves_the_namesake() -> None:
    cache = Cache()
    cache.put(pod("a", "2"))
    assert cache.delete(pod("a", "1")) == []
    assert cache.named("a", "d") is not None


def test_a_deleted_object_shows_how_it_ended() -> None:
    cache = Cache()
    cache.put(pod("a", "1", "1"))
    last = pod("a", "1", "2")
    assert cache.delete(last) == [Change(ChangeType.DELETED, last, pod("a", "1", "1"))]
    assert cache.named("a", "d") is None


def test_an_added_object_that_is_known_is_a_modified_one() -> None:
    cache = Cache()
    cache.put(pod("a", "1"))
    assert told(cache.put(pod("a", "1", "2"))) == [("MODIFIED", "1")]


def test_managed_fields_are_not_kept() -> None:
    cache = Cache()
    cache.put(pod("a", "1", managedFields=[{}]))
    assert "managedFields" not in cache["1"]["metadata"]


_lists = st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("12345")), max_size=6)


@given(st.lists(_lists, max_size=6))
def test_changes_lead_from_any_state_to_any_other(states: list[list[tuple[str, str]]]) -> None:
    """Who follows the changes has what the cache has."""
    cache = Cache()
    followed: dict[str, Object] = {}
    for number, state in enumerate(states):
        one_each = {name: pod(name, f"{name}{uid}", str(number)) for name, uid in state}
        for change in listed(cache, [*one_each.values()]):
            uid = change.object["metadata"]["uid"]
            if change.type is ChangeType.DELETED:
                assert followed.pop(uid) is change.old
            else:
                assert followed.get(uid) is change.old
                followed[uid] = change.object
        assert followed == dict(cache)
        assert [cache.named(name, "d") for name in one_each] == list(one_each.values())


def test_a_version_that_is_known_is_told_from_another() -> None:
    cache = Cache()
    cache.put(pod("a", "1", "7"))
    assert cache.has(pod("a", "1", "7"))
    assert not cache.has(pod("a", "1", "8"))
    assert not cache.has(pod("b", "2", "7"))
    assert told([*cache.reconcile({"2"}, [pod("b", "2")])]) == [("DELETED", "1"), ("ADDED", "2")]
