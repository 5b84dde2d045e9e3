from __future__ import annotations

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from bronzewillow.testing.aio import run
from runtime.streaming.errors import CallFailed
from runtime.streaming.relay import relay

from .conftest import link_pair

pytestmark = pytest.mark.loopback


class Caller:
    """What comes from a client, and what goes to it."""

    def __init__(self) -> None:
        self.link, self.theirs = link_pair()

    async def read(self) -> bytes:
        return await self.link.read()

    async def write(self, data: bytes) -> None:
        await self.link.write(data)

    async def end(self) -> None: ...


def test_both_directions_and_the_half_close() -> None:
    async def main() -> None:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write((await reader.read()).upper())  # all of it, to its end
            writer.close()

        with TemporaryDirectory(prefix="bw") as folder:
            path = Path(folder) / "8080.sock"
            async with await asyncio.start_unix_server(serve, str(path)):
                caller = Caller()
                await caller.theirs.write(b"hello")
                await caller.theirs.end()
                await relay(caller, path)
                assert await caller.theirs.read() == b"HELLO"

    run(main())


def test_an_end_without_a_word_of_the_caller() -> None:
    async def main() -> None:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.close()

        with TemporaryDirectory(prefix="bw") as folder:
            path = Path(folder) / "8080.sock"
            async with await asyncio.start_unix_server(serve, str(path)):
                await relay(Caller(), path)
            with pytest.raises(CallFailed, match="nothing serves it"):
                await relay(Caller(), path.with_name("none"))

    run(main())
