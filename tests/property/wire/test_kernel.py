"""The compiled kernel against the interpreted one, and both against the plain codecs."""

from __future__ import annotations

import dataclasses
import importlib
import random
from types import ModuleType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bronzewillow.testing import datagrams as some
from bronzewillow.testing.datagrams import VNI, Train
from bronzewillow.wire import _kernel, tcp
from bronzewillow.wire.checksum import PartialPolicy
from bronzewillow.wire.encap import Encap, decap
from bronzewillow.wire.errors import WireError
from bronzewillow.wire.ethernet import MacRule, parse_ethernet
from bronzewillow.wire.ip import IpPacket, ethertype_of, parse_ip
from bronzewillow.wire.ipv4 import parse_ipv4
from bronzewillow.wire.ipv6 import parse_ipv6
from bronzewillow.wire.packet import TcpPacket, parse_tcp_packet

quick = settings(deadline=None, max_examples=40)
ACK = int(tcp.Flags.ACK)
mergeable = st.sampled_from((ACK, ACK | int(tcp.Flags.PSH)))
long_payloads = st.binary(min_size=1, max_size=400)


def _native() -> ModuleType:
    return importlib.import_module("bronzewillow.wire._native")


def _kernels() -> list[ModuleType]:
    try:
        return [_kernel, _native()]
    except ImportError:
        return [_kernel]


KERNELS = _kernels()
both = pytest.mark.parametrize("kernel", KERNELS, ids=lambda kernel: kernel.__name__.rpartition(".")[2])
needs_native = pytest.mark.skipif(len(KERNELS) == 1, reason="the compiled kernel is not built here")


def run(
    kernel: ModuleType,
    trains: list[Train],
    encap: Encap,
    policy: PartialPolicy,
    rule: MacRule = MacRule.NOTE,
) -> list[object]:
    """All that can be seen of a Coalescer after these trains, with a flush every 20 of them."""
    coalescer = kernel.Coalescer(encap, VNI, policy, rule, some.MACS[0])
    seen: list[object] = []
    delivered = 0
    for at, train in enumerate(trains):
        coalescer.add(train.data, train.piece_bytes, train.origin)
        if at % 20 == 19 or at == len(trains) - 1:
            flushed = coalescer.flush()
            delivered += some.pieces_of([packet for _, packet in flushed])
            seen.extend(flushed)
    assert coalescer.datagrams == delivered + sum(coalescer.drops.values())
    counts = coalescer.drops, coalescer.partial_checksums, coalescer.foreign_macs, coalescer.datagrams
    return [*seen, *counts]


@needs_native
@pytest.mark.parametrize("encap", list(Encap))
@given(st.integers(0, 2**32), st.sampled_from(PartialPolicy), st.sampled_from(MacRule))
@settings(deadline=None, max_examples=25)
def test_equal_results_on_damaged_trains(
    encap: Encap, seed: int, policy: PartialPolicy, rule: MacRule
) -> None:
    trains = some.random_trains(random.Random(seed), 40, encap)
    assert run(_native(), trains, encap, policy, rule) == run(_kernel, trains, encap, policy, rule)


@needs_native
@given(st.binary(max_size=200), st.integers(0, 100), st.sampled_from(Encap))
@quick
def test_equal_results_on_any_bytes(data: bytes, piece_bytes: int, encap: Encap) -> None:
    trains = [Train(data, piece_bytes, "peer")]
    policy = PartialPolicy.AUTO
    assert run(_native(), trains, encap, policy) == run(_kernel, trains, encap, policy)


@needs_native
@given(some.tcp_packets(payload=long_payloads, mss=st.integers(0, 300)))
@quick
def test_equal_datagrams(packet: TcpPacket) -> None:
    header = some.header(Encap.VXLAN, ethertype_of(packet.source))
    assert _native().segment(header, packet) == _kernel.segment(header, packet)


@both
@given(some.tcp_packets(mergeable, long_payloads, st.integers(0, 300)))
@quick
def test_what_was_cut_comes_back_whole(kernel: ModuleType, packet: TcpPacket) -> None:
    train, piece_bytes = kernel.segment(some.header(Encap.GENEVE, ethertype_of(packet.source)), packet)
    coalescer = kernel.Coalescer(Encap.GENEVE, VNI)
    coalescer.add(train, piece_bytes, "peer")
    pieces = -(-len(packet.segment.payload) // packet.mss) if packet.mss else 1
    assert coalescer.flush() == [("peer", dataclasses.replace(packet, mss=0, pieces=pieces))]


@both
@given(some.tcp_packets(payload=long_payloads, mss=st.integers(0, 300)))
@quick
def test_every_piece_is_right_by_the_codecs(kernel: ModuleType, packet: TcpPacket) -> None:
    train, piece_bytes = kernel.segment(some.header(Encap.VXLAN, ethertype_of(packet.source)), packet)
    parsed = []
    for start in range(0, len(train), piece_bytes):
        vni, frame = decap(Encap.VXLAN, bytes(train[start : start + piece_bytes]))
        assert vni == VNI
        parsed.append(parse_tcp_packet(parse_ip(parse_ethernet(frame).payload)))
    assert b"".join(piece.segment.payload for piece in parsed) == packet.segment.payload
    assert sum(piece.segment.len for piece in parsed) == packet.segment.len
    seq = packet.segment.seq
    for piece in parsed:
        assert piece.segment.seq == seq
        seq = (seq + piece.segment.len) & 0xFFFFFFFF
        assert len(piece.segment.payload) <= (packet.mss or len(packet.segment.payload))
        assert dataclasses.replace(piece.segment, seq=0, flags=0, payload=b"") == dataclasses.replace(
            packet.segment, seq=0, flags=0, payload=b""
        )
    flags = 0
    for piece in parsed:
        flags |= piece.segment.flags
    assert flags == packet.segment.flags


@both
@given((some.ipv4_packets() | some.ipv6_packets()).filter(lambda packet: packet.protocol != 6))
@quick
def test_other_packets_pass_unchanged(kernel: ModuleType, packet: IpPacket) -> None:
    coalescer = kernel.Coalescer(Encap.VXLAN, VNI)
    header = some.header(Encap.VXLAN, ethertype_of(packet.source))
    coalescer.add(kernel.encap_packet(header, packet), 0, "peer")
    assert coalescer.flush() == [("peer", packet)]


@both
@given(st.lists(st.tuples(st.integers(0, 3), st.binary(max_size=50), st.booleans()), max_size=30))
@quick
def test_each_flow_keeps_its_bytes_and_order(
    kernel: ModuleType, writes: list[tuple[int, bytes, bool]]
) -> None:
    sent = [b""] * 4
    coalescer = kernel.Coalescer(Encap.VXLAN, VNI)
    for flow, payload, push in writes:
        flags = ACK | (int(tcp.Flags.PSH) if push else 0)
        segment = tcp.TcpSegment(flow, 80, len(sent[flow]), 1, flags, 9, payload=payload)
        sent[flow] += payload
        address = bytes(16 if flow & 1 else 4)
        train = some.segmented(TcpPacket(address, address, segment))
        coalescer.add(train.data, train.piece_bytes, "peer")
    received = [b""] * 4
    for _, packet in coalescer.flush():
        segment = packet.segment
        assert segment.seq == len(received[segment.source_port])
        received[segment.source_port] += segment.payload
    assert received == sent


@both
@pytest.mark.parametrize("encap", list(Encap))
def test_ten_thousand_datagrams_are_all_counted(kernel: ModuleType, encap: Encap) -> None:
    trains = some.random_trains(random.Random(20), 3_500, encap)
    seen = run(kernel, trains, encap, PartialPolicy.AUTO)
    datagrams, drops = seen[-1], seen[-4]
    assert isinstance(datagrams, int) and datagrams >= 10_000
    assert isinstance(drops, dict) and len(drops) >= 12


@both
@pytest.mark.parametrize(
    ("ethertype", "start"),
    [(0x0800, b"\x45\x00"), (0x86DD, b"\x60\0\0\0"), (0x86DD, b"\x60\0\0\0\0\x14\6\x40")],
)
@given(st.binary(max_size=100))
@quick
def test_the_plain_codecs_agree_on_a_single_datagram(
    kernel: ModuleType, ethertype: int, start: bytes, tail: bytes
) -> None:
    """A well-made outer part with any inner packet: the fast way and the plain way judge alike."""
    data = some.header(Encap.VXLAN, ethertype) + start + tail
    coalescer = kernel.Coalescer(Encap.VXLAN, VNI, PartialPolicy.NEVER)
    coalescer.add(data, 0, "peer")
    flushed = coalescer.flush()
    try:
        packet = parse_ip(data[22:])
        expected = packet if packet.protocol != 6 or packet.is_fragment else parse_tcp_packet(packet)
    except WireError as error:
        assert (flushed, coalescer.drops) == ([], {error.reason: 1})
    else:
        assert flushed == [("peer", expected)]


@both
@given(some.tcp_packets(payload=long_payloads), st.data())
@quick
def test_one_flipped_bit_is_judged_alike(kernel: ModuleType, packet: TcpPacket, data: st.DataObject) -> None:
    """Of a right packet, whose checksums most flips make wrong: fast way and plain codecs again."""
    train = bytearray(some.segmented(packet).data)
    bit = data.draw(st.integers(22 * 8, len(train) * 8 - 1))
    train[bit >> 3] ^= 0x80 >> (bit & 7)
    coalescer = kernel.Coalescer(Encap.VXLAN, VNI, PartialPolicy.NEVER)
    coalescer.add(train, 0, "peer")
    try:
        inner = parse_ipv6(train[22:]) if len(packet.source) == 16 else parse_ipv4(train[22:])
        expected = inner if inner.protocol != 6 or inner.is_fragment else parse_tcp_packet(inner)
    except WireError as error:
        assert (coalescer.flush(), coalescer.drops) == ([], {error.reason: 1})
    else:
        assert coalescer.flush() == [("peer", expected)]
