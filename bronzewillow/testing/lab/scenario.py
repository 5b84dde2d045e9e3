"""One TCP connection as a random story: how much goes each way, who ends it how. Both ends know its seed.

`play` runs one end on any asyncio streams, so the kernel's TCP and ours are told the same, and says what that
end has seen: the facts that must not depend on whose TCP it was.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import random
import socket
import struct
from dataclasses import dataclass
from enum import StrEnum
from typing import TypedDict

from bronzewillow.host.tasks import spawn

SEED = struct.Struct("!Q")
_BULK = 1 << 63
_WORD_S = 0.2
_ABORTED = b"!"  # what the aborting end waits for: that the other has everything


class Ending(StrEnum):
    """Who ends it, and how."""

    CLIENT_CLOSES = "client closes"
    SERVER_CLOSES = "server closes"
    CLIENT_HALF_CLOSES = "client half-closes"
    SERVER_HALF_CLOSES = "server half-closes"
    CLIENT_ABORTS = "client aborts"
    SERVER_ABORTS = "server aborts"


@dataclass(frozen=True, slots=True)
class Scenario:
    """One story."""

    seed: int
    up: int
    """Bytes from the client to the server, after the eight of the seed."""
    down: int
    ending: Ending
    chunk: int
    """Bytes of a write."""
    pause_s: float
    """Between the reads of the client."""

    def content(self, way: str) -> bytes:
        """What goes `up` or `down`."""
        size = self.up if way == "up" else self.down
        block = random.Random(f"{self.seed} {way}").randbytes(min(size, 65_521))
        return (block * (size // max(len(block), 1) + 1))[:size]


class Facts(TypedDict):
    """What one end has seen."""

    seed: int
    side: str
    received: int
    whole: bool
    """Whether it is what the other end sent, all of it."""
    end: str
    """`eof`, `reset`, `closed` (it closed first) or `aborted` (it did)."""


def scenario(seed: int) -> Scenario:
    """The story of a seed."""
    if seed & _BULK:
        return Scenario(seed, 0, seed & 0xFFFFFFFF, Ending.SERVER_CLOSES, 65_536, 0)
    rng = random.Random(seed)
    up, down = (rng.choice((0, 1, int(2 ** rng.uniform(0, 19)))) for _ in range(2))
    ending = rng.choice(list(Ending))
    return Scenario(seed, up, down, ending, int(2 ** rng.uniform(6, 17)), rng.choice((0, 0, 0.001)))


def bulk(size: int, number: int = 0) -> int:
    """The seed of a story that is `size` bytes down and nothing else."""
    return _BULK | number << 32 | size


class _End:
    """One end of a connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, story: Scenario) -> None:
        self.reader, self.writer, self.story = reader, writer, story
        self.received = bytearray()

    async def send(self, way: str) -> None:
        data, chunk = self.story.content(way), self.story.chunk
        for at in range(0, len(data), chunk):
            self.writer.write(data[at : at + chunk])
            await self.writer.drain()

    async def receive(self, size: int | None, pause_s: float = 0.0) -> str:
        """`size` bytes, or all there are; `full`, `eof` or `reset`."""
        while size is None or len(self.received) < size:
            try:
                data = await self.reader.read(65_536 if size is None else size - len(self.received))
            except ConnectionError:
                return "reset"
            if not data:
                return "eof"
            self.received += data
            if pause_s:
                await asyncio.sleep(pause_s)
        return "full"

    async def await_reset(self) -> str:
        """What comes of going on to speak: a RST may be lost, and each word then brings another."""
        task = spawn(self.receive(None), name="await reset")
        while not task.done():
            await asyncio.wait({task}, timeout=_WORD_S)
            self.writer.write(b"?")
        return task.result()

    async def close(self) -> None:
        self.writer.close()
        with contextlib.suppress(ConnectionError):
            await self.writer.wait_closed()

    async def abort(self) -> None:
        """With a RST, which a kernel socket sends when it may not linger."""
        sock = self.writer.get_extra_info("socket")
        if sock is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()
        await asyncio.sleep(0)


async def play(
    side: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, story: Scenario
) -> Facts:
    """Be the `client` or the `server`; the seed has been sent and read already."""
    end = _End(reader, writer, story)
    sends, gets = ("up", "down") if side == "client" else ("down", "up")
    expected = story.content(gets)
    pause_s = story.pause_s if side == "client" else 0.0
    who, how = story.ending.split(" ", 1)
    acts = who == side
    seen = ""
    if how == "half-closes":
        if acts:
            await end.send(sends)
            writer.write_eof()
            seen = await end.receive(None, pause_s)
        else:
            seen = await end.receive(None, pause_s)
            await end.send(sends)
        await end.close()
    elif how == "closes":
        if acts:
            _, got = await asyncio.gather(end.send(sends), end.receive(len(expected), pause_s))
            seen = "closed" if got == "full" else got
        else:
            _, seen = await asyncio.gather(end.send(sends), end.receive(None, pause_s))
        await end.close()
    elif acts:
        _, got = await asyncio.gather(end.send(sends), end.receive(len(expected) + len(_ABORTED), pause_s))
        seen = "aborted" if got == "full" else got
        await end.abort()
        del end.received[-len(_ABORTED) :]
    else:
        await asyncio.gather(end.send(sends), end.receive(len(expected), pause_s))
        writer.write(_ABORTED)
        seen = await end.await_reset()
        await end.close()
    whole = hashlib.sha256(end.received).digest() == hashlib.sha256(expected).digest()
    return Facts(seed=story.seed, side=side, received=len(end.received), whole=whole, end=seen)
