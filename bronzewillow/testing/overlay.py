"""Two nodes of one overlay in a test's own process: VXLAN or Geneve over UDP on 127.0.0.1 or ::1."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from bronzewillow.agent.addresses import address_text, pack_address
from bronzewillow.agent.datagram import Rung
from bronzewillow.agent.net import Net
from bronzewillow.overlay.spec import OverlaySpec, Peer, Prefix
from bronzewillow.testing.ports import free_udp_port
from bronzewillow.wire.encap import Encap

LOOPBACK = socket.inet_aton("127.0.0.1")
POD = "10.244.7.10"
OTHER_POD = "10.244.7.11"
LOOPBACK_V6 = bytes(15) + b"\1"
POD_V6 = "fd00:7::a"


def node_spec(
    number: int, port: int, peer_port: int, encap: Encap = Encap.VXLAN, underlay: bytes = LOOPBACK
) -> OverlaySpec:
    """Node `number`, 7 or 8: its pods are 10.244.`number`.0/24, the other's 10.244.(15 - `number`).0/24.

    Over an underlay of IPv6 they are in fd00:`number`::/64, too.
    """

    def pods(of: int) -> tuple[Prefix, ...]:
        v4, v6 = bytes((10, 244, of, 0)), bytes((0xFD, 0, 0, of)) + bytes(12)
        return ((v4, 24), (v6, 64)) if len(underlay) == 16 else ((v4, 24),)

    other = 15 - number
    peer = Peer(f"node-{other}", underlay, peer_port, bytes((2, 0, 0, 0, 0, other)), pods(other))
    mac = bytes((2, 0, 0, 0, 0, number))
    mtu = 1450 if len(underlay) == 4 else 1430
    return OverlaySpec(encap, underlay, port, 1, pods(number), mac, mtu, (peer,))


def node_specs(number: int, ports: tuple[int, int], peer_ports: tuple[int, int]) -> tuple[OverlaySpec, ...]:
    """As `node_spec`, with an underlay for each family: 127.0.0.1 for pods of IPv4, ::1 for those of IPv6."""
    first = node_spec(number, ports[0], peer_ports[0])
    whole = node_spec(number, ports[1], peer_ports[1], underlay=LOOPBACK_V6)
    (peer,) = whole.peers
    second = replace(whole, pod_cidrs=whole.pod_cidrs[1:], peers=(replace(peer, prefixes=peer.prefixes[1:]),))
    return first, second


@dataclass(frozen=True, slots=True)
class TwoNodes:
    """`server` has two pods, `client` dials them from its node address, 10.244.8.1."""

    server: Net
    client: Net


@asynccontextmanager
async def two_nodes(
    rungs: tuple[Rung | None, Rung | None] = (None, None),
    encap: Encap = Encap.VXLAN,
    underlay: bytes = LOOPBACK,
) -> AsyncIterator[TwoNodes]:
    """Both nodes, closed at the end. Over an underlay of IPv6 there is POD_V6, too."""
    here, there = (free_udp_port(address_text(underlay)) for _ in range(2))
    server = Net(node_spec(7, here, there, encap, underlay), rung=rungs[0])
    client = Net(node_spec(8, there, here, encap, underlay), rung=rungs[1])
    async with _closed_at_the_end(server, client, with_v6=len(underlay) == 16) as nodes:
        yield nodes


@asynccontextmanager
async def two_nodes_of_two_underlays() -> AsyncIterator[TwoNodes]:
    """Both nodes, each family of pods on an underlay of its own."""
    here, there = ((free_udp_port(), free_udp_port("::1")) for _ in range(2))
    nodes = Net(*node_specs(7, here, there)), Net(*node_specs(8, there, here))
    async with _closed_at_the_end(*nodes, with_v6=True) as both:
        yield both


@asynccontextmanager
async def _closed_at_the_end(server: Net, client: Net, with_v6: bool) -> AsyncIterator[TwoNodes]:
    for pod in (POD, OTHER_POD, *([POD_V6] if with_v6 else [])):
        server.node.add_stack(pack_address(pod))
    try:
        yield TwoNodes(server, client)
    finally:
        client.close()
        server.close()
