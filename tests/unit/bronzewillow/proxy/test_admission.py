from __future__ import annotations

import asyncio
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bronzewillow.proxy.admission import Admission
from bronzewillow.proxy.errors import ProxyError
from bronzewillow.testing import aio


async def _enter(admission: Admission) -> asyncio.Task[None]:
    task = asyncio.get_running_loop().create_task(admission.enter())
    await asyncio.sleep(0)
    return task


def test_turns_are_given_first_come_first_served() -> None:
    async def main() -> None:
        admission = Admission(1, 10, 60, 1)
        await admission.enter()
        first, second = await _enter(admission), await _enter(admission)
        assert admission.queued == 2
        admission.leave()
        await first
        assert not second.done()
        admission.leave()
        await second
        admission.leave()
        await admission.enter()  # all turns came back

    aio.run(main())


def test_a_full_queue_refuses_with_429() -> None:
    async def main() -> None:
        admission = Admission(1, 1, 60, 7)
        await admission.enter()
        waiting = await _enter(admission)
        with pytest.raises(ProxyError) as caught:
            await admission.enter()
        assert (caught.value.status, caught.value.code) == (429, "rate_limit_exceeded")
        assert caught.value.retry_after_s == 7
        admission.leave()
        await waiting

    aio.run(main())


def test_a_wait_that_is_too_long_ends_with_429() -> None:
    async def main() -> None:
        admission = Admission(1, 5, 0.001, 1)
        await admission.enter()
        with pytest.raises(ProxyError) as caught:
            await admission.enter()
        assert caught.value.status == 429
        assert admission.queued == 0

    aio.run(main())


def test_a_wait_at_another_gate_is_part_of_the_wait() -> None:
    async def main() -> None:
        admission = Admission(1, 5, 3600, 1)
        await admission.enter(waited_s=3600)  # a turn that is free needs no wait
        with pytest.raises(ProxyError) as caught:
            await admission.enter(waited_s=3600)
        assert caught.value.status == 429

    aio.run(main())


def test_a_waiter_that_leaves_is_removed() -> None:
    async def main() -> None:
        admission = Admission(1, 5, 60, 1)
        await admission.enter()
        leaver, stayer = await _enter(admission), await _enter(admission)
        leaver.cancel()
        await asyncio.gather(leaver, return_exceptions=True)
        assert admission.queued == 1
        admission.leave()
        await stayer

    aio.run(main())


def test_a_turn_given_to_one_who_leaves_in_the_same_step_is_handed_on() -> None:
    async def main() -> None:
        admission = Admission(1, 5, 60, 1)
        await admission.enter()
        leaver, stayer = await _enter(admission), await _enter(admission)
        admission.leave()
        leaver.cancel()
        await asyncio.gather(leaver, return_exceptions=True)
        await stayer
        admission.leave()
        await admission.enter()

    aio.run(main())


def test_one_client_has_no_more_than_its_share_of_turns_and_of_the_queue() -> None:
    async def main() -> None:
        admission = Admission(4, 4, 60, 1, share=0.5)
        for _ in range(2):
            await admission.enter("greedy")
        waiting = [asyncio.get_running_loop().create_task(admission.enter("greedy")) for _ in range(2)]
        await asyncio.sleep(0)
        assert admission.queued == 2
        with pytest.raises(ProxyError) as caught:
            await admission.enter("greedy")
        assert caught.value.status == 429
        for _ in range(2):
            await admission.enter("other")  # past those that wait for their own
        third = asyncio.get_running_loop().create_task(admission.enter("third"))
        await asyncio.sleep(0)
        admission.leave("other")
        await third
        assert admission.queued == 2
        for task in waiting:
            admission.leave("greedy")
            await task

    aio.run(main())


def test_of_a_single_turn_one_client_may_have_it() -> None:
    async def main() -> None:
        await Admission(1, 0, 60, 1, share=0.5).enter("one")

    aio.run(main())


class _Crowd:
    """Clients of a gate, each entry a task, and what must hold of them at any time."""

    def __init__(self, turns: int, queue: int, share: float) -> None:
        self.admission = Admission(turns, queue, 3600, 1, share=share)
        self._turns, self._queue = turns, queue
        self._share, self._queue_share = max(int(turns * share), 1), max(int(queue * share), 1)
        self._entries: list[tuple[str, asyncio.Task[None]]] = []

    def enter(self, client: str) -> None:
        task = asyncio.get_running_loop().create_task(self.admission.enter(client))
        self._entries.append((client, task))

    def cancel(self, number: int) -> None:
        """One that waits, or has been given a turn in this very step."""
        waiting = [task for _, task in self._entries if not task.done()]
        if waiting:
            waiting[number % len(waiting)].cancel()

    def leave(self, number: int) -> None:
        working = self._in()
        if working:
            entry = working[number % len(working)]
            self._entries.remove(entry)
            self.admission.leave(entry[0])

    async def settle(self) -> None:
        for _ in range(4):
            await asyncio.sleep(0)
        working = Counter(client for client, _ in self._in())
        waiting = Counter(client for client, task in self._entries if not task.done())
        assert working.total() <= self._turns
        assert all(count <= self._share for count in working.values())
        assert waiting.total() == self.admission.queued <= self._queue
        assert all(count <= self._queue_share for count in waiting.values())
        if working.total() < self._turns:  # nobody waits for a turn that it may have
            assert all(working[client] == self._share for client in waiting)

    async def end(self) -> None:
        while self.admission.queued:
            self.cancel(0)
            await self.settle()
        while self._in():
            self.leave(0)
        await self.settle()
        for number in range(self._turns):  # all turns came back, and no more
            self.enter(f"late {number}")
        await self.settle()
        assert len(self._in()) == self._turns
        self.enter("one too many")
        await self.settle()
        assert len(self._in()) == self._turns
        self.cancel(0)
        await self.settle()

    def _in(self) -> list[tuple[str, asyncio.Task[None]]]:
        return [
            (client, task)
            for client, task in self._entries
            if task.done() and not task.cancelled() and task.exception() is None
        ]


@given(
    st.integers(1, 5),
    st.integers(0, 6),
    st.sampled_from([0.25, 0.5, 1.0]),
    st.lists(
        st.one_of(
            st.tuples(st.sampled_from(["enter", "enter at once"]), st.integers(0, 2)),
            st.tuples(st.sampled_from(["leave", "cancel"]), st.integers(0, 4)),
            st.tuples(st.just("settle"), st.just(0)),
        ),
        min_size=10,
        max_size=60,
    ),
)
def test_no_turn_is_lost_nor_given_twice(
    turns: int, queue: int, share: float, steps: list[tuple[str, int]]
) -> None:
    async def main() -> None:
        crowd = _Crowd(turns, queue, share)
        for verb, number in steps:
            if verb.startswith("enter"):
                crowd.enter(f"client {number}")
                if verb == "enter":
                    await crowd.settle()
            elif verb == "leave":
                crowd.leave(number)
            elif verb == "cancel":
                crowd.cancel(number)
            else:
                await crowd.settle()
        await crowd.settle()
        await crowd.end()

    aio.run(main())


def test_close_refuses_who_waits_and_who_comes() -> None:
    async def main() -> None:
        admission = Admission(1, 5, 60, 1)
        await admission.enter()
        waiting = await _enter(admission)
        admission.close()
        for attempt in (waiting, admission.enter()):
            with pytest.raises(ProxyError) as caught:
                await attempt
            assert caught.value.status == 503

    aio.run(main())
