"""The pool of upstream connections."""

from __future__ import annotations

import asyncio

import pytest

from bronzewillow.proxy.config import HttpLimits, Upstream
from bronzewillow.proxy.upstream import UpstreamPool
from bronzewillow.testing import aio
from bronzewillow.testing.leaping_loop import run_leaping
from bronzewillow.testing.loopback import Wire, unix_server, unix_socket_path

pytestmark = pytest.mark.loopback


async def silent(wire: Wire) -> None:
    await wire.rest()


def test_the_youngest_idle_connection_is_used_first_and_the_number_is_bounded() -> None:
    async def main() -> None:
        async with unix_socket_path() as path, unix_server(path, silent):
            pool = UpstreamPool(Upstream(path=path), HttpLimits(upstream_idle_connections=2))
            first, second, third = [await pool.acquire() for _ in range(3)]
            assert not first.is_reused
            for connection in (first, second, third):
                pool.release(connection)
            assert pool.idle == 2
            assert await pool.acquire() is third
            assert await pool.acquire() is second
            assert second.is_reused
            await first.lost  # the oldest was cut
            await pool.close()
            assert pool.connections == 0

    aio.run(main())


def test_an_idle_connection_is_cut_after_its_time() -> None:
    async def main() -> None:
        async with unix_socket_path() as path, unix_server(path, silent):
            pool = UpstreamPool(Upstream(path=path), HttpLimits(upstream_keep_alive_s=60))
            connection = await pool.acquire()
            pool.release(connection)
            await connection.lost
            assert (pool.idle, pool.connections) == (0, 0)
            await pool.close()

    run_leaping(main(), 1000)


@pytest.mark.parametrize("sends", [b"", b"HTTP/1.1 408 Too Slow\r\n\r\n"])
def test_what_ended_or_spoke_unasked_is_not_used_again(sends: bytes) -> None:
    async def main() -> None:
        release = asyncio.Event()
        acted = asyncio.Event()

        async def serve(wire: Wire) -> None:
            await release.wait()
            wire.send(sends)
            if not sends:
                wire.end()
            acted.set()
            await wire.rest()

        async with unix_socket_path() as path, unix_server(path, serve):
            pool = UpstreamPool(Upstream(path=path), HttpLimits())
            connection = await pool.acquire()
            pool.release(connection)
            release.set()
            await acted.wait()  # the kernel knows; our side of the loop may not have read it yet
            assert await pool.acquire() is not connection
            await connection.lost
            await pool.close()

    aio.run(main())


def test_fresh_never_takes_an_idle_one() -> None:
    async def main() -> None:
        async with unix_socket_path() as path, unix_server(path, silent):
            pool = UpstreamPool(Upstream(path=path), HttpLimits())
            connection = await pool.acquire()
            pool.release(connection)
            assert await pool.acquire(fresh=True) is not connection
            await pool.close()

    aio.run(main())
