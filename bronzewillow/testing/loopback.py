"""Raw byte clients and real servers on loopback sockets."""

from __future__ import annotations

import asyncio
import socket
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

Serve = Callable[["Wire"], Awaitable[None]]


@dataclass(slots=True)
class HttpMessage:
    """A response or request as it was on the wire."""

    start_line: bytes
    fields: list[tuple[bytes, bytes]]
    body: bytes = b""
    interim: list[HttpMessage] = field(default_factory=list)
    """1xx responses before this one."""

    @property
    def status(self) -> int:
        """Status code of a response."""
        return int(self.start_line.split(b" ")[1])

    def get(self, name: bytes) -> bytes | None:
        """The value of the first field of that name, in any case."""
        return next((value for key, value in self.fields if key.lower() == name.lower()), None)


class Wire:
    """One connection, byte by byte; leaving its `async with` cuts it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    async def connect(cls, port: int) -> Wire:
        """Connect to a port of this machine."""
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    async def __aenter__(self) -> Wire:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def send(self, data: bytes) -> None:
        """Write without waiting."""
        self.writer.write(data)

    async def drain(self) -> None:
        """Wait until what was sent is mostly taken."""
        await self.writer.drain()

    def end(self) -> None:
        """Send FIN and go on reading."""
        self.writer.write_eof()

    async def close(self) -> None:
        """Send what is buffered, then close both directions."""
        self.writer.close()
        try:
            await self.writer.wait_closed()
        except OSError:
            return  # the other end had reset the connection

    def reset(self) -> None:
        """Close with RST (TCP); a unix socket just closes."""
        sock = self.writer.get_extra_info("socket")
        if sock.family != socket.AF_UNIX:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.writer.transport.abort()

    async def until(self, mark: bytes) -> bytes:
        """Bytes up to and including `mark`."""
        return await self.reader.readuntil(mark)

    async def rest(self) -> bytes:
        """All bytes to the end."""
        return await self.reader.read()

    async def head(self) -> HttpMessage:
        """The next message head."""
        lines = (await self.until(b"\r\n\r\n")).split(b"\r\n")
        pairs = [line.split(b": ", 1) for line in lines[1:] if line]
        return HttpMessage(lines[0], [(name, value) for name, value in pairs])

    async def chunk(self) -> bytes:
        """The next chunk of a chunked body; empty at the body's end."""
        size = int(await self.until(b"\r\n"), 16)
        data = await self.reader.readexactly(size)
        assert await self.reader.readexactly(2) == b"\r\n"
        return data

    async def request(self) -> HttpMessage:
        """The next request with its body."""
        message = await self.head()
        await self._read_body(message, to_end=False)
        return message

    async def response(self, *, head_only: bool = False) -> HttpMessage:
        """The next final response with its body."""
        interim = []
        while True:
            message = await self.head()
            if 100 <= message.status < 200 and message.status != 101:
                interim.append(message)
                continue
            message.interim = interim
            if not head_only and message.status not in (101, 204, 304):
                await self._read_body(message, to_end=True)
            return message

    async def _read_body(self, message: HttpMessage, *, to_end: bool) -> None:
        length = message.get(b"content-length")
        if message.get(b"transfer-encoding") == b"chunked":
            while data := await self.chunk():
                message.body += data
        elif length is not None:
            message.body = await self.reader.readexactly(int(length))
        elif to_end:
            message.body = await self.rest()


async def until(holds: Callable[[], bool]) -> None:
    """Let the loop turn until `holds()`; the caller's deadline bounds it."""
    while not holds():  # noqa: ASYNC110 - the product has no event for what only tests ask
        await asyncio.sleep(0)


async def until_still(amount: Callable[[], int], turns: int = 200) -> None:
    """Let the loop turn until `amount()` has not changed for so many turns."""
    before = -1
    while amount() != before:
        before = amount()
        for _ in range(turns):
            await asyncio.sleep(0)


@asynccontextmanager
async def listening(factory: Callable[[], asyncio.Protocol]) -> AsyncIterator[int]:
    """Accept connections for a protocol factory; gives the port."""
    server = await asyncio.get_running_loop().create_server(factory, "127.0.0.1", 0, backlog=1024)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


@asynccontextmanager
async def unix_socket_path() -> AsyncIterator[str]:
    """A path short enough for a unix socket, in a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="bw") as folder:
        yield str(Path(folder) / "s")


@asynccontextmanager
async def unix_server(path: str, serve: Serve, backlog: int = 128) -> AsyncIterator[asyncio.Server]:
    """A server that runs `serve` for every connection, and closes the connection after it."""
    tasks: set[asyncio.Task[None]] = set()

    async def run(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        wire = Wire(reader, writer)
        try:
            await serve(wire)
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass  # the client left, or the test ended; tests that care see it in what they wait for
        finally:
            tasks.discard(task)
            await wire.close()

    server = await asyncio.start_unix_server(run, path, backlog=backlog)
    try:
        yield server
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
