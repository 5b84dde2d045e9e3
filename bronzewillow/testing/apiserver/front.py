"""Connections: those that ask for an upgrade leave HTTP and get raw streams, the others are aiohttp's."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, MutableSet
from dataclasses import dataclass
from typing import Any, cast

from multidict import CIMultiDict

from bronzewillow.host.tasks import spawn

_LONGEST_HEAD_BYTES = 65536
_HEAD_END = b"\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Upgrade:
    """A request that wants to leave HTTP."""

    method: str
    target: str
    headers: Mapping[str, str]
    certificate: Mapping[str, Any] | None
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter


class Front(asyncio.Protocol):
    """Reads the first head of a connection, and decides. Clients make a new connection for each upgrade."""

    def __init__(
        self,
        http: Callable[[], asyncio.Protocol],
        on_upgrade: Callable[[Upgrade], Awaitable[None]],
        connected: MutableSet[asyncio.Transport],
    ) -> None:
        """`connected`: where the connection is added."""
        self._http, self._on_upgrade, self._connected = http, on_upgrade, connected
        self._head = bytearray()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """asyncio's."""
        self._transport = cast(asyncio.Transport, transport)
        self._connected.add(self._transport)

    def data_received(self, data: bytes) -> None:
        """asyncio's."""
        assert self._transport is not None
        self._head += data
        end = self._head.find(_HEAD_END)
        if end < 0 and len(self._head) < _LONGEST_HEAD_BYTES:
            return
        if b"\r\nupgrade:" in self._head[:end].lower():
            self._upgrade(bytes(self._head[:end]), bytes(self._head[end + len(_HEAD_END) :]))
            return
        protocol = self._http()
        self._transport.set_protocol(protocol)
        protocol.connection_made(self._transport)
        protocol.data_received(bytes(self._head))

    def _upgrade(self, head: bytes, rest: bytes) -> None:
        assert self._transport is not None
        first, *lines = head.decode("latin-1").split("\r\n")
        method, target, *_ = [*first.split(" "), "", ""]
        headers: CIMultiDict[str] = CIMultiDict()
        for line in lines:
            name, _, value = line.partition(":")
            headers.add(name.strip(), value.strip())
        reader = asyncio.StreamReader()
        protocol = asyncio.StreamReaderProtocol(reader)
        self._transport.set_protocol(protocol)
        protocol.connection_made(self._transport)
        reader.feed_data(rest)
        loop = asyncio.get_running_loop()
        writer = asyncio.StreamWriter(self._transport, protocol, reader, loop)
        certificate = self._transport.get_extra_info("peercert")
        upgrade = Upgrade(method, target, headers, certificate, reader, writer)
        spawn(self._serve(upgrade), name="upgrade")

    async def _serve(self, upgrade: Upgrade) -> None:
        try:
            await self._on_upgrade(upgrade)
        finally:
            upgrade.writer.close()
