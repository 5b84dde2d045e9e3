"""Dialling, a full accept queue included, and resets."""

from __future__ import annotations

import asyncio
import socket
import sys

import pytest

from bronzewillow.proxy.config import HttpLimits, Upstream
from bronzewillow.proxy.errors import ProxyError
from bronzewillow.proxy.transports import dial
from bronzewillow.proxy.upstream import UpstreamPool
from bronzewillow.testing import aio
from bronzewillow.testing.loopback import unix_socket_path

pytestmark = pytest.mark.loopback


def test_an_absent_path_and_a_refused_port() -> None:
    async def main() -> None:
        with pytest.raises(FileNotFoundError):
            await dial(asyncio.Protocol, Upstream(path="/nonexistent/socket"), 1)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            with pytest.raises(ConnectionRefusedError):
                await dial(asyncio.Protocol, Upstream(host="127.0.0.1", port=free.getsockname()[1]), 1)

    aio.run(main())


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a full accept queue refuses")
def test_a_full_accept_queue_is_waited_for() -> None:
    async def main() -> None:
        async with unix_socket_path() as path:
            with socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as first:
                listener.bind(path)
                listener.listen(0)
                first.connect(path)
                dialling = asyncio.get_running_loop().create_task(
                    dial(asyncio.Protocol, Upstream(path=path), 60)
                )
                for _ in range(5):
                    await asyncio.sleep(0)
                assert not dialling.done()
                listener.accept()[0].close()
                transport, _ = await dialling
                assert transport.get_extra_info("peername") == path
                transport.abort()

    aio.run(main())


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a full accept queue refuses")
def test_an_upstream_that_accepts_nothing_is_504() -> None:
    async def main() -> None:
        async with unix_socket_path() as path:
            with socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as first:
                listener.bind(path)
                listener.listen(0)
                first.connect(path)
                pool = UpstreamPool(Upstream(path=path), HttpLimits(connect_timeout_s=0.01))
                with pytest.raises(ProxyError) as caught:
                    await pool.acquire()
                assert (caught.value.status, caught.value.code) == (504, "upstream_timeout")
                await pool.close()

    aio.run(main())
