from __future__ import annotations

import asyncio

import pytest

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
