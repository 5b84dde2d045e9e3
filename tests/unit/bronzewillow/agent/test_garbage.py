from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Iterator

import pytest

from bronzewillow.agent.garbage import GarbageSearch
from bronzewillow.host.tasks import spawn


class Cycle:
    """Freed by a search alone."""

    def __init__(self) -> None:
        self.itself = self


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    threshold = gc.get_threshold()
    yield
    gc.set_threshold(*threshold)
    gc.unfreeze()


def many() -> list[list[None]]:
    """More than go meanwhile of what was set aside before, which is the interpreter's own."""
    return [[] for _ in range(1_000)]


def cycle() -> weakref.ref[Cycle]:
    return weakref.ref(Cycle())


def test_what_is_there_is_set_aside_once_and_later_garbage_is_found() -> None:
    search = GarbageSearch()
    search.begin()
    before = gc.get_freeze_count()
    come = many()
    search.look(is_all_there=False, now_s=1.0)
    assert gc.get_freeze_count() <= before
    first = cycle()
    search.look(is_all_there=True, now_s=2.0)
    assert first() is None  # what is garbage already is not set aside
    kept = gc.get_freeze_count()
    assert kept > before
    come += many()
    second = cycle()
    search.look(is_all_there=True, now_s=3.0)
    assert second() is None
    assert gc.get_freeze_count() <= kept


def test_what_grows_old_is_looked_at_less_often() -> None:
    search = GarbageSearch()
    search.begin()
    search.look(is_all_there=True, now_s=2.0)
    alive, old = Cycle(), Cycle()
    search.look(is_all_there=True, now_s=3.0)  # both are young no longer
    middle = weakref.ref(alive)
    del alive
    search.look(is_all_there=True, now_s=61.0)
    assert middle() is not None
    search.look(is_all_there=True, now_s=62.0)
    assert middle() is None
    oldest = weakref.ref(old)
    del old
    search.look(is_all_there=True, now_s=122.0)
    assert oldest() is not None
    search.look(is_all_there=True, now_s=602.0)
    assert oldest() is None


def test_young_ones_are_few_where_each_takes_the_place_of_another() -> None:
    search = GarbageSearch()
    search.begin()
    there: list[list[None]] = [[] for _ in range(50_000)]
    search.look(is_all_there=True, now_s=2.0)
    for second in range(5):
        for number in range(10_000):
            there[10_000 * second + number] = []
        search.look(is_all_there=True, now_s=3.0 + second)
        assert len(gc.get_objects(generation=0)) < 10_000


def test_it_is_looked_after_until_that_is_cancelled() -> None:
    async def main() -> None:
        before, frozen = gc.get_threshold(), gc.get_freeze_count()
        searching = spawn(GarbageSearch().run(lambda: True), name="garbage")
        await asyncio.sleep(0)
        assert gc.get_threshold()[2] > 1_000_000
        assert gc.get_freeze_count() > frozen
        searching.cancel()
        await asyncio.wait([searching])
        assert gc.get_threshold() == before
        assert gc.get_freeze_count() == 0

    asyncio.run(main())


def test_many_that_come_are_set_aside_before_all_are_there() -> None:
    search = GarbageSearch()
    search.begin()
    search.look(is_all_there=False, now_s=1.0)
    before = gc.get_freeze_count()
    trees: list[list[list[None]]] = []
    for _ in range(6):
        trees.append([[] for _ in range(10_000)])
    search.look(is_all_there=False, now_s=2.0)
    assert gc.get_freeze_count() > before + 59_000
    kept = gc.get_freeze_count()
    trees.append(many())
    search.look(is_all_there=False, now_s=3.0)  # these are few
    assert gc.get_freeze_count() <= kept
    search.look(is_all_there=True, now_s=4.0)
    assert gc.get_freeze_count() > kept


def test_the_interpreter_begins_no_full_search_by_itself() -> None:
    GarbageSearch().begin()
    assert gc.get_threshold()[2] > 1_000_000
