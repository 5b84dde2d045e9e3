"""What carries a protocol's bytes: a socket, or a tunnel in one."""

from __future__ import annotations

import asyncio
from typing import Protocol

_BLOCK = 64 << 10


class Link(Protocol):
    """Bytes in both directions."""

    async def read(self) -> bytes:
        """At least one byte, or nothing at the end. ConnectionError."""

    async def write(self, data: bytes) -> None:
        """Return when more is welcome. ConnectionError."""


class SocketLink:
    """A connection after its upgrade."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, first: bytes = b""
    ) -> None:
        """`first`: what was read already."""
        self._reader, self._writer, self._first = reader, writer, first
        self._now = asyncio.get_running_loop().time
        self.active_s = self._now()
        """When the peer was heard last, in the loop's time."""

    async def read(self) -> bytes:
        """What came next, as Link has it."""
        data, self._first = self._first, b""
        data = data or await self._reader.read(_BLOCK)
        self.active_s = self._now()
        return data

    async def write(self, data: bytes) -> None:
        """Send all of `data`, as Link has it."""
        self._writer.write(data)
        await self._writer.drain()
