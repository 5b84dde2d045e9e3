"""Into the pod network by the agent's door: HTTP CONNECT on a unix socket (docs/architecture.md)."""

from __future__ import annotations

import asyncio
import re
import ssl
from functools import cache
from pathlib import Path
from typing import cast

_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})")
_LENGTH = re.compile(rb"\r\nContent-Length: *(\d{1,4})\r\n", re.IGNORECASE)


class DialError(OSError):
    """The pod was not reached; the text is that of a kubelet's events."""


class Door:
    """The door of one agent."""

    def __init__(self, path: Path) -> None:
        self.path = path

    async def dial(
        self, protocol: asyncio.Protocol, address: str, port: int, words: bytes = b""
    ) -> asyncio.Transport:
        """On the way to a pod: `protocol` is connected when it is reached, or loses its connection for a
        DialError. `words` go ahead, for the pod to hear first. DialError where there is no agent.
        """
        where = f"dial tcp {address}:{port}"
        head = f"CONNECT {address}:{port} HTTP/1.1\r\nHost: {address}:{port}\r\n\r\n".encode()
        try:
            transport, _ = await asyncio.get_running_loop().create_unix_connection(
                lambda: _Knock(protocol, where, head + words), str(self.path)
            )
        except OSError as error:
            told = f"the network's agent does not answer at {self.path}: {error.strerror}"
            raise DialError(f"{where}: {told}") from None
        return transport

    async def connect(
        self, protocol: asyncio.Protocol, address: str, port: int, *, tls: bool = False
    ) -> asyncio.Transport:
        """`protocol` is connected with a pod; with `tls`, whatever certificate it shows. OSError."""
        arrival = _Arrival()
        transport = await self.dial(arrival, address, port)
        try:
            await arrival.happened
            if tls:
                return await _start_tls(transport, protocol, address)
        except BaseException:
            transport.abort()
            raise
        transport.set_protocol(protocol)
        protocol.connection_made(transport)
        if arrival.data:
            protocol.data_received(bytes(arrival.data))
        return transport

    async def open(self, address: str, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """The same as streams. OSError."""
        reader = asyncio.StreamReader()
        protocol = asyncio.StreamReaderProtocol(reader)
        transport = await self.connect(protocol, address, port)
        return reader, asyncio.StreamWriter(transport, protocol, reader, asyncio.get_running_loop())


class _Knock(asyncio.Protocol):
    """Until the agent has answered."""

    def __init__(self, inner: asyncio.Protocol, where: str, words: bytes) -> None:
        self._inner, self._where, self._words = inner, where, words
        self._transport: asyncio.Transport
        self._heard = b""
        self._is_answered = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.write(self._words)

    def data_received(self, data: bytes) -> None:
        self._heard += data
        head, end, rest = self._heard.partition(b"\r\n\r\n")
        if self._is_answered or not end:
            return
        status, length = _STATUS.match(head), _LENGTH.search(head + b"\r\n")
        if status is not None and status[1] == b"200":
            self._is_answered = True
            self._transport.set_protocol(self._inner)
            self._inner.connection_made(self._transport)
            if rest:
                self._inner.data_received(rest)
        elif length is None or len(rest) >= int(length[1]):
            self._refuse(f"connect: {rest.decode(errors='replace') or 'refused'}")
            self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._refuse("connect: the network's agent went away")

    def _refuse(self, words: str) -> None:
        if not self._is_answered:
            self._is_answered = True
            self._inner.connection_lost(DialError(f"{self._where}: {words}"))


class _Arrival(asyncio.Protocol):
    """Who waits for the pod."""

    def __init__(self) -> None:
        self.happened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """OSError."""
        self.data = bytearray()
        """What the pod has said already."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if not self.happened.done():
            self.happened.set_result(None)

    def data_received(self, data: bytes) -> None:
        self.data += data

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.happened.done():
            self.happened.set_exception(exc or ConnectionResetError("EOF"))
            self.happened.exception()  # whoever dialled may have given up: then nobody misses it


async def _start_tls(
    transport: asyncio.Transport, protocol: asyncio.Protocol, address: str
) -> asyncio.Transport:
    tls = await asyncio.get_running_loop().start_tls(
        transport, protocol, _unverified(), server_hostname=address
    )
    assert tls is not None
    protocol.connection_made(tls)
    return tls


@cache
def _unverified() -> ssl.SSLContext:
    """A kubelet's probes take every certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
