from __future__ import annotations

import asyncio

import pytest

from bronzewillow.testing.aio import run
from runtime.registry.together import together


def test_the_first_failure_ends_the_others_and_is_raised_as_it_is() -> None:
    ended: list[str] = []

    async def endless() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("endless")

    async def fails() -> None:
        raise ZeroDivisionError("why")

    async def succeeds() -> None:
        ended.append("succeeds")

    with pytest.raises(ZeroDivisionError, match="why"):
        run(together(endless(), fails()))
    run(together(succeeds(), succeeds()))
    run(together())
    assert ended == ["endless", "succeeds", "succeeds"]
