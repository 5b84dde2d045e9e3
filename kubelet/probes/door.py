"""Into the pod network by the agent's door: HTTP CONNECT on a unix socket (docs/architecture.md)."""

from __future__ import annotations

import asyncio
import re
import ssl
from functools import cache
from pathlib import Path

_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})")
_LENGTH = re.compile(rb"\r\nContent-Length: *(\d{1,4})\r\n", re.IGNORECASE)


class DialError(OSError):
    """The pod was not reached; the text is that of a kubelet's events."""


class Door:
    """One agent's."""

    def __init__(self, path: Path) -> None:
        self.path = path

    async def connect(
        self, protocol: asyncio.Protocol, address: str, port: int, *, tls: bool = False
    ) -> asyncio.Transport:
        """`protocol` is connected with a pod; with `tls`, whatever certificate it shows. OSError."""
        where = f"dial tcp {address}:{port}"
        loop = asyncio.get_running_loop()
        try:
            transport, knock = await loop.create_unix_connection(_Knock, str(self.path))
        except OSError as error:
            told = f"the network's agent does not answer at {self.path}: {error.strerror}"
            raise DialError(f"{where}: {told}") from None
        try:
            transport.write(f"CONNECT {address}:{port} HTTP/1.1\r\nHost: {address}:{port}\r\n\r\n".encode())
            if refusal := await knock.answer:
                raise DialError(f"{where}: connect: {refusal}")
            if tls:
                return await _start_tls(transport, protocol, address)
        except BaseException:
            transport.abort()
            raise
        transport.set_protocol(protocol)
        protocol.connection_made(transport)
        if knock.data:
            protocol.data_received(bytes(knock.data))
        return transport

    async def open(self, address: str, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """The same as streams. OSError."""
        reader = asyncio.StreamReader()
        protocol = asyncio.StreamReaderProtocol(reader)
        transport = await self.connect(protocol, address, port)
        return reader, asyncio.StreamWriter(transport, protocol, reader, asyncio.get_running_loop())


class _Knock(asyncio.Protocol):
    """Until the agent has answered."""

    def __init__(self) -> None:
        self.data = bytearray()
        """After the answer: what the pod has said already."""
        self.answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        """Empty for yes, else why not."""

    def data_received(self, data: bytes) -> None:
        self.data += data
        head, end, rest = bytes(self.data).partition(b"\r\n\r\n")
        if self.answer.done() or not end:
            return
        status, length = _STATUS.match(head), _LENGTH.search(head + b"\r\n")
        if status is not None and status[1] == b"200":
            self.data = bytearray(rest)
            self.answer.set_result("")
        elif length is None or len(rest) >= int(length[1]):
            self.answer.set_result(rest.decode(errors="replace") or "refused")

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.answer.done():
            self.answer.set_result("the network's agent went away")


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
