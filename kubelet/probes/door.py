"""Into the pod network by the agent's door: HTTP CONNECT on a unix socket (docs/architecture.md)."""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.client_reqrep import ClientRequest
from aiohttp.tracing import Trace

_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})")
_LENGTH = re.compile(rb"\r\nContent-Length: *(\d{1,4})\r\n", re.IGNORECASE)

_Protocol = TypeVar("_Protocol", bound=asyncio.BaseProtocol)


class DialError(OSError):
    """The pod was not reached; the text is that of a kubelet's events."""


class Door:
    """One agent's."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._http: aiohttp.ClientSession | None = None

    def http(self) -> aiohttp.ClientSession:
        """The client of pods' servers. It has no headers of its own, and keeps no cookies, no connections."""
        if self._http is None:
            self._http = aiohttp.ClientSession(
                connector=DoorConnector(self),
                cookie_jar=aiohttp.DummyCookieJar(),
                skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding"),
            )
        return self._http

    async def close(self) -> None:
        """What `http` holds."""
        if self._http is not None:
            await self._http.close()
            self._http = None

    async def connect(
        self, factory: Callable[[], _Protocol], address: str, port: int
    ) -> tuple[asyncio.Transport, _Protocol]:
        """As the event loop's `create_connection`, with a pod. DialError."""
        where = f"dial tcp {address}:{port}"
        loop = asyncio.get_running_loop()
        try:
            transport, knock = await loop.create_unix_connection(_Knock, str(self.path))
        except OSError as error:
            told = f"the network's agent does not answer at {self.path}: {error.strerror}"
            raise DialError(f"{where}: {told}") from None
        try:
            transport.write(f"CONNECT {address}:{port} HTTP/1.1\r\nHost: {address}:{port}\r\n\r\n".encode())
            refusal = await knock.answer
        except BaseException:
            transport.abort()
            raise
        if refusal:
            transport.abort()
            raise DialError(f"{where}: connect: {refusal}")
        protocol = factory()
        transport.set_protocol(protocol)
        protocol.connection_made(transport)
        if knock.data and isinstance(protocol, asyncio.Protocol):
            protocol.data_received(bytes(knock.data))
        return transport, protocol

    async def open(self, address: str, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """The same as streams. DialError."""
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader()
        transport, protocol = await self.connect(lambda: asyncio.StreamReaderProtocol(reader), address, port)
        return reader, asyncio.StreamWriter(transport, protocol, reader, loop)


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


class DoorConnector(aiohttp.BaseConnector):
    """For an aiohttp client whose URLs have addresses of pods."""

    def __init__(self, door: Door) -> None:
        super().__init__(force_close=True, limit=0)  # a probe waits for no other
        self._door = door

    async def _create_connection(
        self, req: ClientRequest, traces: list[Trace], timeout: aiohttp.ClientTimeout
    ) -> ResponseHandler:
        host, port = req.url.host, req.url.port
        assert host is not None
        assert port is not None
        if not req.is_ssl():
            _, protocol = await self._door.connect(self._factory, host, port)
            return protocol
        transport, _ = await self._door.connect(asyncio.Protocol, host, port)
        protocol = self._factory()
        try:
            tls = await self._loop.start_tls(transport, protocol, unverified(), server_hostname=host)
        except BaseException:
            transport.abort()
            raise
        assert tls is not None
        protocol.connection_made(tls)
        return protocol


def unverified() -> ssl.SSLContext:
    """A kubelet's probes take every certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
