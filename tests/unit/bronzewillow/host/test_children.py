"""A child is signalled, and its end is still told as it was."""

from __future__ import annotations

import asyncio
import signal
import time

from bronzewillow.host.children import send_signal
from bronzewillow.testing.aio import run


async def start(*command: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(*command, stdin=asyncio.subprocess.PIPE)


def test_one_that_lives_gets_it() -> None:
    async def main() -> int:
        process = await start("cat")
        send_signal(process, signal.SIGTERM)
        return await process.wait()

    assert run(main()) == -signal.SIGTERM


def test_one_that_has_ended_does_not() -> None:
    async def main() -> int:
        process = await start("true")
        await process.wait()
        send_signal(process, signal.SIGKILL)
        return await process.wait()

    assert run(main()) == 0


def test_one_that_ends_meanwhile_keeps_its_exit_code() -> None:
    async def main() -> set[int]:
        codes = set()
        for attempt in range(40):
            process = await start("sh", "-c", "exit 3")
            until = time.perf_counter() + attempt % 20 / 5_000
            while time.perf_counter() < until:
                pass  # the loop hears of nothing
            send_signal(process, 0)
            codes.add(await process.wait())
        return codes

    assert run(main()) == {3}
