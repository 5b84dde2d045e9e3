"""Both kernels on frames whose inner MACs are right, or not, by each rule."""

from __future__ import annotations

import dataclasses
import importlib
from types import ModuleType

import pytest

from bronzewillow.testing.datagrams import MACS, PODS_V6, segmented
from bronzewillow.wire import arp, ipv6
from bronzewillow.wire.encap import Encap, emit_encap_header
from bronzewillow.wire.errors import DropReason
from bronzewillow.wire.ethernet import MacRule
from bronzewillow.wire.ipv4 import Ipv4Packet, emit_ipv4
from bronzewillow.wire.ipv6 import Ipv6Packet
from bronzewillow.wire.packet import TcpPacket, flatten_ipv4
from bronzewillow.wire.tcp import Flags, TcpSegment

SOURCE = bytes((10, 244, 1, 2))
DESTINATION = bytes((10, 244, 7, 10))
SEGMENT = TcpSegment(40000, 8080, 1000, 77, int(Flags.ACK), 502, payload=b"abcdefghi")
PACKET = TcpPacket(SOURCE, DESTINATION, SEGMENT)
OURS, THEIRS = MACS


@pytest.fixture(params=["_kernel", "_native"])
def kernel(request: pytest.FixtureRequest) -> ModuleType:
    name = f"bronzewillow.wire.{request.param}"
    if request.param == "_native":
        pytest.importorskip(name, reason="the compiled kernel is not built here")
    return importlib.import_module(name)


def frame(destination: bytes, source: bytes, *, udp: bool = False) -> bytes:
    """A datagram with these MACs: TCP, which goes the quick way, or UDP, which does not."""
    packet = Ipv4Packet(SOURCE, DESTINATION, 17, b"any") if udp else flatten_ipv4(PACKET)
    return emit_encap_header(Encap.VXLAN, 1, destination, source) + emit_ipv4(packet)


@pytest.mark.parametrize("udp", [False, True])
@pytest.mark.parametrize("at", [None, *range(12)])
def test_macs_that_are_not_right(kernel: ModuleType, at: int | None, udp: bool) -> None:
    """Of the destination each byte counts; the source is anybody's but ours."""
    macs = bytearray(OURS + THEIRS)
    if at is not None:
        macs[at] ^= 2
    data = frame(bytes(macs[:6]), bytes(macs[6:]), udp=udp)
    is_wrong = at is not None and at < 6
    for rule in MacRule:
        coalescer = kernel.Coalescer(Encap.VXLAN, 1, mac_rule=rule, mac=OURS)
        coalescer.add(data, 0, "peer")
        is_dropped = is_wrong and rule is MacRule.OWN
        assert len(coalescer.flush()) == (0 if is_dropped else 1)
        assert coalescer.drops == ({DropReason.FOREIGN_MAC: 1} if is_dropped else {})
        assert coalescer.foreign_macs == ({"peer": 1} if is_wrong and rule is MacRule.NOTE else {})


@pytest.mark.parametrize("udp", [False, True])
@pytest.mark.parametrize("destination", [OURS, THEIRS])
def test_a_frame_that_says_it_comes_from_us(kernel: ModuleType, destination: bytes, udp: bool) -> None:
    data = frame(destination, OURS, udp=udp)
    strict = kernel.Coalescer(Encap.VXLAN, 1, mac_rule=MacRule.OWN, mac=OURS)
    strict.add(data, 0, "peer")
    assert strict.flush() == []
    assert strict.drops == {DropReason.LOOPED_FRAME: 1}
    lenient = kernel.Coalescer(Encap.VXLAN, 1, mac_rule=MacRule.NOTE, mac=OURS)
    lenient.add(data, 0, "peer")
    assert len(lenient.flush()) == 1
    assert lenient.foreign_macs == {"peer": 1}


def test_questions_to_everybody_are_for_us_too(kernel: ModuleType) -> None:
    coalescer = kernel.Coalescer(Encap.VXLAN, 1, mac_rule=MacRule.OWN, mac=OURS)
    request = arp.ArpPacket(arp.REQUEST, THEIRS, SOURCE, bytes(6), DESTINATION)
    to_all = emit_encap_header(Encap.VXLAN, 1, b"\xff" * 6, THEIRS, arp.ETHERTYPE)
    coalescer.add(to_all + arp.emit_arp(request), 0, "peer")
    to_group = emit_encap_header(Encap.VXLAN, 1, b"\x33\x33\xff\0\0\x0a", THEIRS, ipv6.ETHERTYPE)
    for destination in (bytes.fromhex("ff0200000000000000000001ff00000a"), PODS_V6[1]):
        asked = Ipv6Packet(PODS_V6[0], destination, 58, bytes(24))
        coalescer.add(kernel.encap_packet(to_group, asked), 0, "peer")
    assert len(coalescer.flush()) == 2
    assert coalescer.drops == {DropReason.FOREIGN_MAC: 1}


def test_segments_with_foreign_macs_are_merged_all_the_same(kernel: ModuleType) -> None:
    coalescer = kernel.Coalescer(Encap.VXLAN, 1, mac_rule=MacRule.NOTE, mac=b"\x02other")
    train = segmented(dataclasses.replace(PACKET, mss=4))
    coalescer.add(train.data, train.piece_bytes, "peer")
    assert coalescer.flush() == [("peer", dataclasses.replace(PACKET, pieces=3))]
    assert coalescer.foreign_macs == {"peer": 3}
