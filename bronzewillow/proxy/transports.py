"""Making a connection within a time, and ending one so that the other end sees it was cut."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable
from typing import TypeVar

from bronzewillow.proxy.config import Upstream

_LINGER_NOT = struct.pack("ii", 1, 0)
_P = TypeVar("_P", bound=asyncio.BaseProtocol)


async def dial(
    factory: Callable[[], _P], upstream: Upstream, timeout_s: float
) -> tuple[asyncio.Transport, _P]:
    """Connect to the upstream's socket; OSError, of which TimeoutError is one."""
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(timeout_s):
        if upstream.path is not None:
            return await loop.create_unix_connection(factory, upstream.path)
        assert upstream.host is not None
        return await loop.create_connection(factory, upstream.host, upstream.port)


def reset(transport: asyncio.Transport) -> None:
    """End a connection with RST. A kernel socket would send FIN on abort(), which reads as a clean end."""
    sock = transport.get_extra_info("socket")
    if sock is not None and sock.family != getattr(socket, "AF_UNIX", None) and not transport.is_closing():
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOT)
    transport.abort()
