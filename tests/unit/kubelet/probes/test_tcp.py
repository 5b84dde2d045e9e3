"""tcpSocket."""

from __future__ import annotations

import asyncio

import pytest

from bronzewillow.testing.aio import run
from bronzewillow.testing.loopback import Wire, unix_server
from kubelet.model.outcomes import Probed, ProbeResult
from kubelet.probes.door import Door
from kubelet.probes.tcp import tcp_probe

from ..conftest import door_double

pytestmark = pytest.mark.loopback


def test_a_port_that_accepts() -> None:
    async def main() -> Probed:
        server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
        async with door_double() as door:
            found = await tcp_probe(door, "10.0.0.1", {"port": server.sockets[0].getsockname()[1]}, {}, 60)
        server.close()
        return found

    assert run(main()) == Probed(ProbeResult.SUCCESS)


def test_one_that_does_not() -> None:
    async def main() -> Probed:
        async with door_double("connection refused") as door:
            return await tcp_probe(door, "10.0.0.1", {"port": 81}, {}, 60)

    assert run(main()) == Probed(ProbeResult.FAILURE, "dial tcp 10.0.0.1:81: connect: connection refused")


async def say_nothing(wire: Wire) -> None:
    await wire.rest()


def test_one_that_says_nothing() -> None:
    async def main() -> Probed:
        async with door_double() as door:
            path = door.path.with_name("silent")
            async with unix_server(str(path), say_nothing):
                return await tcp_probe(Door(path), "10.0.0.1", {"port": 80}, {}, 0.02)

    assert run(main()) == Probed(ProbeResult.FAILURE, "dial tcp 10.0.0.1:80: i/o timeout")
