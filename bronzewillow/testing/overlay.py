"""Two nodes of one overlay in a test's own process: VXLAN or Geneve over UDP on 127.0.0.1."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from bronzewillow.agent.datagram import Rung
from bronzewillow.agent.net import Net
from bronzewillow.overlay.spec import OverlaySpec, Peer
from bronzewillow.wire.encap import Encap

LOOPBACK = socket.inet_aton("127.0.0.1")
POD = "10.244.7.10"
OTHER_POD = "10.244.7.11"


def free_udp_port() -> int:
    """A UDP port of 127.0.0.1 that nobody uses now."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def node_spec(number: int, port: int, peer_port: int, encap: Encap = Encap.VXLAN) -> OverlaySpec:
    """Node `number`, 7 or 8: its pods are 10.244.`number`.0/24, the other's 10.244.(15 - `number`).0/24."""
    other = 15 - number
    peer = Peer(
        f"node-{other}",
        LOOPBACK,
        peer_port,
        bytes((2, 0, 0, 0, 0, other)),
        ((bytes((10, 244, other, 0)), 24),),
    )
    mac = bytes((2, 0, 0, 0, 0, number))
    return OverlaySpec(encap, LOOPBACK, port, 1, ((bytes((10, 244, number, 0)), 24),), mac, 1450, (peer,))


@dataclass(frozen=True, slots=True)
class TwoNodes:
    """`server` has two pods, `client` dials them from its node address, 10.244.8.1."""

    server: Net
    client: Net


@asynccontextmanager
async def two_nodes(
    rungs: tuple[Rung | None, Rung | None] = (None, None), encap: Encap = Encap.VXLAN
) -> AsyncIterator[TwoNodes]:
    """Both nodes, closed at the end."""
    here, there = free_udp_port(), free_udp_port()
    server = Net(node_spec(7, here, there, encap), rungs[0])
    client = Net(node_spec(8, there, here, encap), rungs[1])
    for pod in (POD, OTHER_POD):
        server.node.add_stack(socket.inet_aton(pod))
    try:
        yield TwoNodes(server, client)
    finally:
        client.close()
        server.close()
