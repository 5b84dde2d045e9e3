from __future__ import annotations

import pytest

from bronzewillow.kube.resources import CONFIG_MAPS, PODS, Object
from bronzewillow.testing.apiserver.calls import ANONYMOUS, Call, parse_call
from bronzewillow.testing.apiserver.kinds import Kinds
from bronzewillow.testing.apiserver.lists import Lists, seen, selection
from bronzewillow.testing.apiserver.refusals import Refused
from bronzewillow.testing.apiserver.store import Event, Store


def call(path: str = "/api/v1/pods", **query: str) -> Call:
    return parse_call(Kinds(), ANONYMOUS, "GET", path, query)


def pod(name: str, node: str = "mac") -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "d"},
        "spec": {"nodeName": node},
    }


def filled(*names: str) -> Store:
    store = Store()
    for name in names:
        store.put(PODS, pod(name))
    return store


def names(page: Object) -> list[str]:
    return [item["metadata"]["name"] for item in page["items"]]


def test_pages_show_one_moment() -> None:
    store = filled("a", "b", "c")
    lists = Lists(store)
    first = lists.page(call(limit="2"))
    store.put(PODS, pod("d"))
    second = lists.page(call(**{"limit": "2", "continue": first["metadata"]["continue"]}))
    assert (names(first), names(second)) == (["a", "b"], ["c"])
    assert first["metadata"]["remainingItemCount"] == 1
    assert first["metadata"]["resourceVersion"] == second["metadata"]["resourceVersion"]
    assert "continue" not in second["metadata"]
    assert "kind" not in first["items"][0]


def test_tokens_expire() -> None:
    lists = Lists(filled("a", "b"))
    token = lists.page(call(limit="1"))["metadata"]["continue"]
    lists.forget()
    with pytest.raises(Refused, match="continue parameter is too old"):
        lists.page(call(**{"continue": token}))


def test_a_version_from_the_future() -> None:
    with pytest.raises(Refused, match="Too large resource version: 9999, current: 101") as caught:
        Lists(filled("a")).page(call(resourceVersion="9999"))
    assert caught.value.details["causes"][0]["reason"] == "ResourceVersionTooLarge"


@pytest.mark.parametrize("query", [{"limit": "x"}, {"fieldSelector": "a.b=c"}, {"labelSelector": "="}])
def test_what_is_no_list(query: dict[str, str]) -> None:
    with pytest.raises(Refused):
        Lists(filled()).page(call(**query))


def test_who_enters_and_leaves_a_selection() -> None:
    watching = call(fieldSelector="spec.nodeName=mac")
    matches = selection(watching)
    ours, theirs = pod("a"), pod("a", "other")

    def kind(old: Object | None, new: Object | None) -> str | None:
        found = seen(Event(5, PODS, old, new), watching, matches)
        return None if found is None else str(found["type"])

    assert kind(None, ours) == "ADDED"
    assert kind(theirs, ours) == "ADDED"
    assert kind(ours, ours) == "MODIFIED"
    assert kind(ours, theirs) == "DELETED"
    assert kind(ours, None) == "DELETED"
    assert kind(theirs, None) is None
    assert seen(Event(5, CONFIG_MAPS, None, ours), watching, matches) is None


def test_a_deleted_object_has_the_version_of_its_end() -> None:
    watching = call()
    found = seen(Event(5, PODS, pod("a"), None), watching, selection(watching))
    assert found is not None
    assert found["object"]["metadata"]["resourceVersion"] == "5"
