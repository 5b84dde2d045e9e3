"""A stream of a caller joined to a unix socket."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from pathlib import Path

from bronzewillow.host.tasks import race
from runtime.streaming.calls import Duplex
from runtime.streaming.errors import CallFailed

_BLOCK = 64 << 10
_BUSY_WAIT_S = 0.01
_CONNECT_LIMIT_S = 10.0


async def relay(data: Duplex, path: Path) -> None:
    """Until the socket's side has said all; the caller's end is passed on. CallFailed, ConnectionError."""
    try:
        async with asyncio.timeout(_CONNECT_LIMIT_S):
            reader, writer = await asyncio.open_unix_connection(sock=await _connect(path))
    except TimeoutError:
        raise CallFailed(f"nobody has taken the connection in {_CONNECT_LIMIT_S:g} s") from None
    except OSError as error:
        raise CallFailed(f"nothing serves it ({error.strerror})") from None

    async def down() -> None:
        while block := await _read(reader):
            await data.write(block)

    try:
        await race(down(), _up(data, writer))
    finally:
        writer.transport.abort()


async def _up(data: Duplex, writer: asyncio.StreamWriter) -> None:
    while block := await data.read():
        with contextlib.suppress(ConnectionError):  # the other direction will tell
            writer.write(block)
            await writer.drain()
    with contextlib.suppress(OSError):
        writer.write_eof()
    await asyncio.Event().wait()  # there is an answer to come


async def _read(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.read(_BLOCK)
    except ConnectionError as error:
        raise CallFailed(f"the connection broke off ({error.strerror or error})") from None


async def _connect(path: Path) -> socket.socket:
    """asyncio takes Linux' EAGAIN of a full accept queue for a connection that is made."""
    while True:
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            sock.setblocking(False)
            sock.connect(str(path))
        except BlockingIOError:
            sock.close()
            await asyncio.sleep(_BUSY_WAIT_S)
        except BaseException:
            sock.close()
            raise
        else:
            return sock
