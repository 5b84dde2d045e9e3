from __future__ import annotations

import asyncio

import pytest

from bronzewillow.host.tasks import spawn
from bronzewillow.testing.aio import end, run


def test_it_returns_what_the_coroutine_returns() -> None:
    async def main() -> int:
        return 5

    assert run(main()) == 5


def test_it_has_a_deadline() -> None:
    async def main() -> None:
        await asyncio.Event().wait()

    with pytest.raises(TimeoutError):
        run(main(), timeout_s=0.01)


def test_a_task_can_be_ended_and_what_it_failed_with_is_not_lost() -> None:
    async def main() -> None:
        waiting = spawn(asyncio.Event().wait(), name="waiting")
        await asyncio.sleep(0)
        await end(waiting)
        assert waiting.cancelled()
        failing = spawn(failed(), name="failing")
        await asyncio.wait({failing})
        with pytest.raises(ValueError, match="no"):
            await end(failing)

    async def failed() -> None:
        raise ValueError("no")

    run(main())
