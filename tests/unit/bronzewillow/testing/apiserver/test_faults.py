from __future__ import annotations

import asyncio

import pytest

from bronzewillow.testing.aio import run
from bronzewillow.testing.apiserver.faults import Faults
from bronzewillow.testing.apiserver.refusals import Refused, too_many_requests


def test_refusals_are_used_up() -> None:
    async def main() -> None:
        faults = Faults()
        faults.refuse(too_many_requests("slow", 1), times=2)
        faults.unavailable(lambda method, path: method == "PUT")
        for _ in range(2):
            with pytest.raises(Refused, match="slow"):
                await faults.pass_through("GET", "/a")
        await faults.pass_through("GET", "/a")
        with pytest.raises(Refused, match="currently unable"):
            await faults.pass_through("PUT", "/a")
        await faults.pass_through("PUT", "/a")

    run(main())


def test_silence() -> None:
    async def main() -> None:
        faults = Faults()
        faults.hang()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await faults.pass_through("GET", "/a")
        faults.partition()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await faults.pass_through("GET", "/a")
        faults.heal()
        await faults.pass_through("GET", "/a")

    run(main())
