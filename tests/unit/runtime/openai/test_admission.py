"""Slots and the queue for them."""

from __future__ import annotations

import asyncio

import pytest

from bronzewillow.host.tasks import spawn
from bronzewillow.testing import aio
from runtime.openai.admission import Admission
from runtime.openai.errors import ApiError


class User:
    """Holds slots until told to leave."""

    def __init__(self, admission: Admission, slots: int, log: list[str], name: str) -> None:
        self.leave = asyncio.Event()
        self.task = spawn(self._main(admission, slots, log, name), name=name)

    async def _main(self, admission: Admission, slots: int, log: list[str], name: str) -> None:
        async with admission.enter(slots):
            log.append(name)
            await self.leave.wait()


async def settle() -> None:
    for _ in range(6):
        await asyncio.sleep(0)


def test_first_come_first_served_and_wide_requests_are_not_overtaken() -> None:
    async def main() -> None:
        admission, log = Admission(2, 10), list[str]()
        first = User(admission, 1, log, "first")
        await settle()
        wide = User(admission, 2, log, "wide")
        await settle()
        narrow = User(admission, 1, log, "narrow")
        await settle()
        assert log == ["first"] and admission.waiting == 2
        first.leave.set()
        await settle()
        assert log == ["first", "wide"]
        wide.leave.set()
        await settle()
        assert log == ["first", "wide", "narrow"]
        narrow.leave.set()
        await settle()
        assert (admission.busy, admission.waiting) == (0, 0)

    aio.run(main())


def test_full_queue_refuses() -> None:
    async def main() -> None:
        admission, log = Admission(1, 1), list[str]()
        users = [User(admission, 1, log, str(number)) for number in range(2)]
        await settle()
        with pytest.raises(ApiError) as caught:
            async with admission.enter(1):
                pass
        assert caught.value.status == 429
        for user in users:
            user.leave.set()
        await settle()

    aio.run(main())


def test_one_who_leaves_the_queue_makes_room() -> None:
    async def main() -> None:
        admission, log = Admission(2, 10), list[str]()
        first = User(admission, 1, log, "first")
        await settle()
        wide = User(admission, 2, log, "wide")
        narrow = User(admission, 1, log, "narrow")
        await settle()
        wide.task.cancel()
        await settle()
        assert log == ["first", "narrow"]
        first.leave.set()
        narrow.leave.set()
        await settle()
        assert admission.busy == 0

    aio.run(main())


def test_one_who_is_cancelled_in_the_moment_of_its_turn_gives_the_slot_back() -> None:
    async def main() -> None:
        admission, log = Admission(1, 10), list[str]()
        first = User(admission, 1, log, "first")
        await settle()
        second = User(admission, 1, log, "second")
        third = User(admission, 1, log, "third")
        await settle()
        first.leave.set()
        await asyncio.sleep(0)  # first has left, second's turn is set, second has not run yet
        second.task.cancel()
        await settle()
        assert log in (["first", "third"], ["first", "second", "third"])
        third.leave.set()
        await settle()
        assert (admission.busy, admission.waiting) == (0, 0)

    aio.run(main())
