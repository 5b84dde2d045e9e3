"""Tasks are held until they end, and their failures are logged."""

from __future__ import annotations

import asyncio

import pytest

from bronzewillow.host import tasks
from bronzewillow.host.tasks import race, together
from bronzewillow.testing.aio import run


def test_a_task_is_held_until_it_ends() -> None:
    async def main() -> tuple[int, int, str]:
        before = tasks.running()
        gate = asyncio.Event()

        async def wait() -> str:
            await gate.wait()
            return "done"

        task = tasks.spawn(wait(), name="waits")
        during = tasks.running() - before
        gate.set()
        result = await task
        await asyncio.sleep(0)
        return during, tasks.running() - before, result

    assert run(main()) == (1, 0, "done")


def test_a_failure_is_logged_with_the_name(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        async def fail() -> None:
            raise ValueError("broken")

        task = tasks.spawn(fail(), name="the one that fails")
        await asyncio.wait([task])
        await asyncio.sleep(0)

    run(main())
    assert "the one that fails" in caplog.text
    assert "broken" in caplog.text


def test_a_cancelled_task_is_silent(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        task = tasks.spawn(asyncio.Event().wait(), name="waits")
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        await asyncio.sleep(0)

    run(main())
    assert caplog.text == ""


def test_the_first_failure_ends_the_others_and_is_raised_as_it_is() -> None:
    ended: list[str] = []

    async def endless() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("endless")

    async def fails() -> None:
        raise ZeroDivisionError("why")

    async def succeeds(number: int) -> int:
        return number

    with pytest.raises(ZeroDivisionError, match="why"):
        run(together(endless(), fails()))
    assert run(together(succeeds(1), succeeds(2))) == [1, 2]
    assert run(together()) == []
    assert ended == ["endless"]


def test_a_race_ends_with_the_first() -> None:
    ended: list[str] = []

    async def never(name: str) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(name)

    async def soon(error: Exception | None = None) -> None:
        await asyncio.sleep(0)
        if error is not None:
            raise error

    run(race(never("a"), soon()))
    with pytest.raises(ValueError, match="as it is"):
        run(race(never("b"), soon(ValueError("as it is"))))
    assert ended == ["a", "b"]
