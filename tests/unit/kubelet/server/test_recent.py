"""Many ask, one question is asked."""

from __future__ import annotations

import asyncio

import pytest

from bronzewillow.testing.aio import run
from kubelet.server.recent import Recent


class Source:
    def __init__(self) -> None:
        self.asked = 0
        self.error: Exception | None = None

    async def ask(self) -> int:
        self.asked += 1
        await asyncio.sleep(0)
        if self.error is not None:
            raise self.error
        return self.asked


def test_those_who_ask_at_once_hear_one_answer() -> None:
    async def main() -> None:
        source = Source()
        recent = Recent(source.ask)
        assert await asyncio.gather(*(recent.get() for _ in range(50))) == [1] * 50

    run(main())


def test_an_answer_does_not_hold_for_long() -> None:
    async def main() -> None:
        recent = Recent(Source().ask, holds_s=0)
        assert [await recent.get() for _ in range(3)] == [1, 2, 3]

    run(main())


def test_an_error_is_not_remembered() -> None:
    async def main() -> None:
        source = Source()
        recent, source.error = Recent(source.ask), OSError("away")
        with pytest.raises(OSError, match="away"):
            await recent.get()
        source.error = None
        assert await recent.get() == 2

    run(main())


def test_who_leaves_while_it_is_asked_takes_nothing_away() -> None:
    async def main() -> None:
        source = Source()
        recent = Recent(source.ask)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0):
                await recent.get()
        assert isinstance(await recent.get(), int)

    run(main())
