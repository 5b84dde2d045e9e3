from __future__ import annotations

import asyncio

import pytest

from bronzewillow.host.tasks import spawn
from bronzewillow.testing.aio import run
from runtime.streaming.errors import StreamReset
from runtime.streaming.frames import FrameReader, GoAway
from runtime.streaming.inbox import MOST_BYTES
from runtime.streaming.spdy import SpdyConnection, SpdyStream

from .conftest import link_pair, spdy_pair


async def accepted(connection: SpdyConnection) -> SpdyStream:
    stream = await connection.accept()
    assert stream is not None
    return stream


async def all_of(stream: SpdyStream) -> bytes:
    found = b""
    while data := await stream.read():
        found += data
    return found


def test_many_streams_at_once() -> None:
    async def main() -> None:
        async with spdy_pair() as (client, server):

            async def echo() -> None:
                stream = await accepted(server)
                await stream.write(await all_of(stream))
                await stream.end()

            async def ask(number: int) -> None:
                stream = await client.open({"n": str(number)})
                await stream.write(str(number).encode() * 1000)
                await stream.end()
                assert await all_of(stream) == str(number).encode() * 1000

            await asyncio.gather(*(echo() for _ in range(20)), *map(ask, range(20)))

    run(main())


def test_what_is_not_read_holds_the_writer_back() -> None:
    async def main() -> None:
        async with spdy_pair(bound=4) as (client, server):
            stream = await client.open({})
            writing = spawn(stream.write(bytes(4 * MOST_BYTES)), name="write")
            theirs = await accepted(server)
            for _ in range(200):
                await asyncio.sleep(0)
            assert not writing.done()
            read = 0
            while read < 4 * MOST_BYTES:
                read += len(await theirs.read())
            await writing

    run(main())


def test_resets_and_ends() -> None:
    async def main() -> None:
        async with spdy_pair() as (client, server):
            stream = await client.open({})
            theirs = await accepted(server)
            await stream.reset()
            await theirs.was_reset.wait()
            with pytest.raises(StreamReset):
                await theirs.read()
            with pytest.raises(StreamReset):
                await theirs.write(b"x")
            half = await client.open({})
            await half.end()
            theirs = await accepted(server)
            assert await theirs.read() == b""
            await half.reset()
            await theirs.was_reset.wait()  # though nothing more could come on it

    run(main())


def test_a_peer_that_goes() -> None:
    async def main() -> None:
        ours, theirs = link_pair()
        server = SpdyConnection(theirs)
        reading = spawn(server.run(), name="reading")
        async with spdy_pair() as (client, other):
            stream = await client.open({})
            there = await accepted(other)
            client._link.is_cut = True  # type: ignore[attr-defined]
            with pytest.raises(ConnectionResetError):
                await stream.write(b"x")
            with pytest.raises(ConnectionResetError):
                await client.ping()
            await client._link.end()  # type: ignore[attr-defined]
            with pytest.raises(ConnectionResetError, match="gone"):
                await there.read()
            assert there.was_reset.is_set() and await other.accept() is None
        await ours.write(b"\x80\x02nonsense")
        await reading
        assert await server.accept() is None
        (end,) = FrameReader().feed(await ours.read())
        assert isinstance(end, GoAway) and end.status == 1

    run(main())


def test_finishing_takes_what_still_comes() -> None:
    async def main() -> None:
        async with spdy_pair(bound=4) as (client, server):
            stream = await client.open({})
            await accepted(server)
            writing = spawn(stream.write(bytes(4 * MOST_BYTES)), name="write")
            for _ in range(100):
                await asyncio.sleep(0)
            await server.finish()
            await writing

    run(main())
