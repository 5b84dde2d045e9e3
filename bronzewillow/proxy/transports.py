"""Making a connection within a time."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Final, TypeVar

from bronzewillow.proxy.config import Upstream

_BUSY_WAITS_S: Final = (0.001, 0.05)
"""First and longest wait before a full accept queue is tried again."""

_P = TypeVar("_P", bound=asyncio.BaseProtocol)


async def dial(
    factory: Callable[[], _P], upstream: Upstream, timeout_s: float
) -> tuple[asyncio.Transport, _P]:
    """Connect to the upstream's socket; OSError, of which TimeoutError is one."""
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(timeout_s):
        if upstream.path is not None:
            return await loop.create_unix_connection(factory, sock=await _connect_unix(upstream.path))
        assert upstream.host is not None
        return await loop.create_connection(factory, upstream.host, upstream.port)


async def _connect_unix(path: str) -> socket.socket:
    # Linux answers EAGAIN at once where the accept queue is full. asyncio takes that for a connection under
    # way and then, the socket being writable, for one that is made. llama-server's queue holds five.
    wait_s, longest_s = _BUSY_WAITS_S
    while True:
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            sock.setblocking(False)
            sock.connect(path)
        except BlockingIOError:
            sock.close()
            await asyncio.sleep(wait_s)
            wait_s = min(wait_s * 2, longest_s)
        except BaseException:
            sock.close()
            raise
        else:
            return sock
