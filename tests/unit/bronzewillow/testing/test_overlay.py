"""The two nodes of tests reach each other."""

from __future__ import annotations

import asyncio

import pytest

from bronzewillow.testing.aio import run
from bronzewillow.testing.overlay import POD, POD_V6, TwoNodes, two_nodes, two_nodes_of_two_underlays
from bronzewillow.wire.encap import Encap

pytestmark = pytest.mark.loopback


async def reach(nodes: TwoNodes, address: str) -> object:
    """The address from which the client's connection comes."""
    accepted: asyncio.Future[object] = asyncio.get_running_loop().create_future()

    class Server(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            accepted.set_result(transport.get_extra_info("peername")[0])

    await nodes.server.create_server(Server, address, 80)
    await nodes.client.create_connection(asyncio.Protocol, address, 80)
    return await accepted


@pytest.mark.parametrize("encap", list(Encap))
def test_they_reach_each_other(encap: Encap) -> None:
    async def main() -> object:
        async with two_nodes(encap=encap) as nodes:
            return await reach(nodes, POD)

    assert run(main()) == "10.244.8.1"


def test_they_reach_each_other_by_two_underlays() -> None:
    async def main() -> list[object]:
        async with two_nodes_of_two_underlays() as nodes:
            return [await reach(nodes, address) for address in (POD, POD_V6)]

    assert run(main()) == ["10.244.8.1", "fd00:8::1"]
