from __future__ import annotations

import random

from bronzewillow.testing import datagrams
from bronzewillow.wire import _kernel
from bronzewillow.wire.encap import Encap
from bronzewillow.wire.packet import TcpPacket
from bronzewillow.wire.tcp import TcpSegment


def test_equal_seeds_give_equal_trains() -> None:
    first = datagrams.random_trains(random.Random(7), 50)
    assert first == datagrams.random_trains(random.Random(7), 50)
    assert first != datagrams.random_trains(random.Random(8), 50)


def test_trains_reach_every_part_of_the_kernel() -> None:
    coalescer = _kernel.Coalescer(Encap.VXLAN, datagrams.VNI)
    for train in datagrams.random_trains(random.Random(7), 1500):
        coalescer.add(train.data, train.piece_bytes, train.origin)
    delivered = [packet for _, packet in coalescer.flush()]
    kinds = {type(packet).__name__ for packet in delivered}
    assert kinds == {"TcpPacket", "Ipv4Packet", "Ipv6Packet", "ArpPacket"}
    assert any(isinstance(packet, TcpPacket) and packet.pieces > 3 for packet in delivered)
    assert set(coalescer.partial_checksums) == {"peer", "other"}
    assert len(coalescer.drops) >= 12


def test_pieces_of_counts_datagrams() -> None:
    packet = TcpPacket(bytes(4), bytes(4), TcpSegment(1, 2, 3, 4, 16, 5), pieces=3)
    assert datagrams.pieces_of([packet, object()]) == 4


def test_whoever_has_an_address_is_asked_on_one_of_few() -> None:
    asked = bytes.fromhex("ff0200000000000000000001ff00a70a")
    assert datagrams.solicited_node(datagrams.PODS_V6[1]) == asked
