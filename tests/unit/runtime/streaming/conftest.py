from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bronzewillow.host.tasks import spawn
from runtime.streaming.calls import Attach, CommandStreams, Duplex, Exec, PortForward
from runtime.streaming.errors import CallFailed
from runtime.streaming.session import Session
from runtime.streaming.spdy import SpdyConnection


class MemoryLink:
    """One end of a pair; what is written at one comes out of the other, and a bound holds the writer back."""

    def __init__(self, incoming: asyncio.Queue[bytes], outgoing: asyncio.Queue[bytes]) -> None:
        self.incoming, self.outgoing = incoming, outgoing
        self.is_cut = False

    async def read(self) -> bytes:
        return await self.incoming.get()

    async def write(self, data: bytes) -> None:
        if self.is_cut:
            raise ConnectionResetError("cut")
        await self.outgoing.put(bytes(data))

    async def end(self) -> None:
        await self.outgoing.put(b"")


def link_pair(bound: int = 0) -> tuple[MemoryLink, MemoryLink]:
    one: asyncio.Queue[bytes] = asyncio.Queue(bound)
    other: asyncio.Queue[bytes] = asyncio.Queue(bound)
    return MemoryLink(one, other), MemoryLink(other, one)


@asynccontextmanager
async def spdy_pair(bound: int = 0) -> AsyncIterator[tuple[SpdyConnection, SpdyConnection]]:
    """A client and a server, both of which read."""
    ours, theirs = link_pair(bound)
    client = SpdyConnection(ours, Session(is_client=True))
    server = SpdyConnection(theirs, Session())
    readers = [spawn(one.run(), name="reading") for one in (client, server)]
    try:
        yield client, server
    finally:
        for reader in readers:
            reader.cancel()
        await asyncio.wait(readers)


class Rot13:
    """A runtime: a program that turns its input around, a container that says one line, ports that echo."""

    def __init__(self) -> None:
        self.calls: list[object] = []
        self.sizes: list[tuple[int, int]] = []
        self.called, self.cancelled = asyncio.Event(), asyncio.Event()

    async def exec(self, call: Exec, streams: CommandStreams) -> int:
        self.calls.append(call)
        self.called.set()
        if call.command[0] == "missing":
            raise CallFailed("missing: No such file")
        try:
            if call.command[0] == "forever":
                await asyncio.Event().wait()
            if streams.sizes is not None:
                async for size in streams.sizes:
                    self.sizes.append((size.width, size.height))
                    break
            if streams.stderr is not None:
                await streams.stderr.write(b"err")
            while streams.stdin is not None and (data := await streams.stdin.read()):
                assert streams.stdout is not None
                await streams.stdout.write(data[::-1])
                if data.endswith(b"."):
                    break  # for protocols without an end of input
        except asyncio.CancelledError:
            self.cancelled.set()
            raise
        return int(call.command[1]) if call.command[1:] else 0

    async def attach(self, call: Attach, streams: CommandStreams) -> None:
        self.calls.append(call)
        assert streams.stdout is not None
        await streams.stdout.write(b"a line\n")

    async def port_forward(self, call: PortForward, port: int, data: Duplex) -> None:
        self.calls.append((call, port))
        if port == 9:
            raise CallFailed("nothing serves it")
        try:
            while block := await data.read():
                await data.write(b"%d:" % port + block)
        except asyncio.CancelledError:
            self.cancelled.set()
            raise
