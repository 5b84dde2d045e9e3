"""The two nodes of tests reach each other."""

from __future__ import annotations

import asyncio

import pytest

from bronzewillow.testing.aio import run
from bronzewillow.testing.overlay import POD, two_nodes
from bronzewillow.wire.encap import Encap

pytestmark = pytest.mark.loopback


@pytest.mark.parametrize("encap", list(Encap))
def test_they_reach_each_other(encap: Encap) -> None:
    async def main() -> object:
        accepted: asyncio.Future[object] = asyncio.get_running_loop().create_future()

        class Server(asyncio.Protocol):
            def connection_made(self, transport: asyncio.BaseTransport) -> None:
                accepted.set_result(transport.get_extra_info("peername")[0])

        async with two_nodes(encap=encap) as nodes:
            await nodes.server.create_server(Server, POD, 80)
            await nodes.client.create_connection(asyncio.Protocol, POD, 80)
            return await accepted

    assert run(main()) == "10.244.8.1"
