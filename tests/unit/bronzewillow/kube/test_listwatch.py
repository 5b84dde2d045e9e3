from __future__ import annotations

from bronzewillow.kube.cache import Change
from bronzewillow.kube.errors import Expired, KubeError, TooManyRequests, Unavailable, Unreachable
from bronzewillow.kube.listwatch import ListPage, ListWatch, ListWatchConfig, Wait, Watch
from bronzewillow.kube.resources import Object

SECOND = 1_000_000


def pod(name: str, version: str = "1") -> Object:
    metadata = {"name": name, "namespace": "d", "uid": f"uid-{name}", "resourceVersion": version}
    return {"metadata": metadata}


def page(version: str, *names: str, token: str = "") -> Object:
    return {
        "metadata": {"resourceVersion": version, "continue": token},
        "items": [pod(name) for name in names],
    }


def machine() -> ListWatch:
    return ListWatch(ListWatchConfig(), lambda: 0.0)


def watching(version: str = "10", *names: str) -> ListWatch:
    core = machine()
    core.next_step(0)
    taken_over(core, page(version, *names))
    assert isinstance(core.next_step(0), Watch)
    return core


def taken_over(core: ListWatch, last: Object) -> list[list[Change]]:
    """The steps in which the list that ends with this page is."""
    found = core.on_page(last)
    assert found is not None
    return list(found)


def steps(core: ListWatch, now: int = 0) -> list[object]:
    """The next step, and the one behind it if that is a wait."""
    first = core.next_step(now)
    return [first, core.next_step(now)] if isinstance(first, Wait) else [first]


def test_list_then_watch() -> None:
    core = machine()
    assert core.next_step(0) == ListPage(500)
    [changes] = taken_over(core, page("10", "a"))
    assert [change.object["metadata"]["name"] for change in changes] == ["a"]
    assert core.next_step(0) == Watch("10", 80)


def test_nothing_is_known_before_the_last_page() -> None:
    core = machine()
    assert core.on_page(page("10", "a", token="t")) is None
    assert not core.is_synced
    assert not core.cache
    assert core.next_step(0) == ListPage(500, "t")
    [changes] = taken_over(core, page("10", "b"))
    assert len(changes) == 2
    assert core.is_synced


def test_an_empty_list_is_known_too() -> None:
    core = machine()
    assert taken_over(core, page("10")) == [[]]
    assert core.is_synced


def test_a_long_list_is_taken_over_step_by_step() -> None:
    core = ListWatch(ListWatchConfig(step_changes=2), lambda: 0.0)
    found = core.on_page(page("10", *"abcde"))
    assert found is not None
    seen = [(len(changes), len(core.cache), core.is_synced) for changes in found]
    assert seen == [(2, 2, False), (2, 4, False), (1, 5, True)]
    assert core.next_step(0) == Watch("10", 80)
    core.on_error(Expired("too old"), 0)
    gone = taken_over(core, page("20", *"bcd"))
    assert [[change.type.value for change in changes] for changes in gone] == [["DELETED"] * 2, []]
    assert sorted(core.cache) == ["uid-b", "uid-c", "uid-d"]


def test_a_failed_list_leaves_all_as_it_was() -> None:
    core = watching("10", "a")
    core.on_error(Expired("too old"), 0)
    assert steps(core) == [Wait(0.8), ListPage(500)]
    assert core.on_page(page("20", "b", token="t")) is None
    core.on_error(Unreachable("reset"), 0)
    assert [*core.cache] == ["uid-a"]
    assert steps(core) == [Wait(1.6), ListPage(500)]
    [changes] = taken_over(core, page("30", "b"))
    assert [(change.type.value, change.object["metadata"]["name"]) for change in changes] == [
        ("DELETED", "a"),
        ("ADDED", "b"),
    ]


def test_a_token_that_expires_means_no_more_pages() -> None:
    core = machine()
    core.on_page(page("10", "a", token="t"))
    core.on_error(Expired("continue"), 0)
    assert steps(core) == [Wait(0.8), ListPage(0)]


def test_events_move_the_resource_version() -> None:
    core = watching()
    assert [change.type.value for change in core.on_event("ADDED", pod("a", "11"))] == ["ADDED"]
    assert [change.type.value for change in core.on_event("MODIFIED", pod("a", "12"))] == ["MODIFIED"]
    assert core.on_event("BOOKMARK", {"metadata": {"resourceVersion": "20"}}) == []
    core.on_watch_end(SECOND * 400)
    assert core.next_step(0) == Watch("20", 80)
    assert [change.type.value for change in core.on_event("DELETED", pod("a", "21"))] == ["DELETED"]
    assert core.next_step(0) == Watch("21", 80)


def test_an_unknown_event_is_passed_over() -> None:
    core = watching()
    assert core.on_event("LATER", {}) == []
    assert core.next_step(0) == Watch("10", 80)


def test_a_broken_watch_goes_on_from_where_it_was() -> None:
    core = watching()
    core.on_error(Unreachable("silence"), 0)
    assert steps(core) == [Wait(0.8), Watch("10", 80)]


def test_expired_means_list() -> None:
    core = watching()
    core.on_error(Expired("too old"), 0)
    assert steps(core) == [Wait(0.8), ListPage(500)]


def test_who_was_away_and_has_forgotten_is_listed_soon_but_not_in_a_hot_loop() -> None:
    core = watching()
    for _ in range(8):
        core.on_error(Unreachable("away"), 0)
        assert isinstance(steps(core)[-1], Watch)
    core.on_error(Expired("too old"), 0)
    assert steps(core) == [Wait(0.8), ListPage(500)]
    for wait_s in (1.6, 3.2):
        taken_over(core, page("10"))
        assert isinstance(core.next_step(0), Watch)
        core.on_error(Expired("too old"), 0)
        assert steps(core) == [Wait(wait_s), ListPage(500)]


def test_a_version_from_the_future_means_list() -> None:
    core = watching()
    details = {"causes": ["?", {"reason": "ResourceVersionTooLarge"}]}
    core.on_error(Unavailable("Too large", code=504, details=details), 0)
    assert steps(core) == [Wait(0.8), ListPage(500)]


def test_the_server_says_how_long_to_wait() -> None:
    core = watching()
    core.on_error(TooManyRequests("slow down", code=429, retry_after_s=20), 0)
    assert core.next_step(0) == Wait(20)


def test_watches_that_end_at_once_are_slowed() -> None:
    core = watching()
    core.on_watch_end(SECOND // 2)
    assert isinstance(core.next_step(0), Wait)
    assert isinstance(core.next_step(0), Watch)
    core.on_watch_end(SECOND * 2)
    assert isinstance(core.next_step(0), Watch)


def test_waits_grow_and_begin_anew() -> None:
    core, failure = watching(), KubeError("no")
    waits = []
    for now in (0, 2 * SECOND, 4 * SECOND, 200 * SECOND):
        core.on_error(failure, now)
        step = core.next_step(now)
        assert isinstance(step, Wait)
        waits.append(step.seconds)
        core.next_step(now)
    assert waits == [0.8, 1.6, 3.2, 0.8]


def test_a_list_without_a_version_is_still_one() -> None:
    core = machine()
    taken_over(core, {"items": None, "metadata": {}})
    assert core.next_step(0) == Watch("0", 80)
