"""Underlays on loopback: all of a node's sockets or none, and taps that see both."""

from __future__ import annotations

import asyncio
import socket

import pytest

from bronzewillow.agent.addresses import pack_address
from bronzewillow.agent.net import Net
from bronzewillow.agent.underlay import Underlay, open_underlays
from bronzewillow.testing.aio import run
from bronzewillow.testing.loopback import until
from bronzewillow.testing.overlay import node_specs, two_nodes_of_two_underlays
from bronzewillow.testing.ports import free_udp_port

pytestmark = [pytest.mark.loopback, pytest.mark.ipv6]


def ignore(underlay: Underlay) -> None:
    """Of what has arrived."""


def ports() -> tuple[int, int]:
    return free_udp_port(), free_udp_port("::1")


def test_where_one_socket_cannot_be_had_the_other_is_given_back() -> None:
    async def main() -> None:
        specs = node_specs(7, ports(), ports())
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as other:
            other.bind(("::1", specs[1].port))
            with pytest.raises(OSError, match="in use"):
                open_underlays(specs, ignore, [], lambda: 0)
        for underlay in open_underlays(specs, ignore, [], lambda: 0):
            underlay.close()

    run(main())


def test_taps_see_the_underlays_of_both_families() -> None:
    async def main() -> None:
        async with two_nodes_of_two_underlays() as nodes:
            seen: list[tuple[bytes, bytes]] = []
            nodes.server.node.taps.append(lambda train, piece, source, to: seen.append((source[0], to[0])))
            for address in ("10.244.7.1", "fd00:7::1"):
                await refused(nodes.client, address)
            await until(lambda: len(seen) == 4)
            v4, v6 = (pack_address(text) for text in ("127.0.0.1", "::1"))
            assert sorted(seen) == [(v6, v6), (v6, v6), (v4, v4), (v4, v4)]

    async def refused(net: Net, address: str) -> None:
        with pytest.raises(ConnectionRefusedError):
            await net.create_connection(asyncio.Protocol, address, 81)

    run(main())
