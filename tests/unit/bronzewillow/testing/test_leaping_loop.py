from __future__ import annotations

import asyncio

import pytest

from bronzewillow.testing.leaping_loop import LeapingLoop, run_leaping

pytestmark = pytest.mark.loopback


def test_a_minute_is_over_at_once() -> None:
    async def main() -> tuple[float, float]:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, LeapingLoop)
        begun, wall_ns, monotonic_ns = loop.time(), loop.time_ns(), loop.monotonic_ns()
        await asyncio.sleep(60)
        slept_s = loop.time() - begun
        for ns in (loop.time_ns() - wall_ns, loop.monotonic_ns() - monotonic_ns):
            assert ns / 1e9 >= 60
        return slept_s, loop.leapt_s

    slept_s, leapt_s = run_leaping(main(), 100)
    assert slept_s >= 60
    assert leapt_s > 30


def test_what_arrives_comes_before_the_timer() -> None:
    async def main() -> bytes:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(await reader.readline())
            writer.close()

        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        async with server, asyncio.timeout(15):
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            writer.write(b"hello\n")
            found = await reader.readline()
            writer.close()
        return found

    assert run_leaping(main(), 100) == b"hello\n"


def test_too_long_is_an_error() -> None:
    async def main() -> None:
        await asyncio.sleep(1000)

    with pytest.raises(TimeoutError):
        run_leaping(main(), 10)
