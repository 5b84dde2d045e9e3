"""Both kernels by hand-made trains; tests/property/wire holds them to each other and to the codecs."""

from __future__ import annotations

import dataclasses
import importlib
from types import ModuleType

import pytest

from bronzewillow.testing.datagrams import MACS, PODS_V6, Train, datagram, header, segmented
from bronzewillow.wire import arp
from bronzewillow.wire.checksum import PartialPolicy, internet_checksum, pseudo_header_sum
from bronzewillow.wire.encap import Encap, decap, emit_encap_header
from bronzewillow.wire.errors import DropReason, WireError
from bronzewillow.wire.ethernet import EthernetFrame, emit_ethernet, parse_ethernet
from bronzewillow.wire.ipv4 import Ipv4Packet, emit_ipv4, parse_ipv4
from bronzewillow.wire.ipv6 import DESTINATION_OPTIONS
from bronzewillow.wire.packet import TcpPacket, flatten_ipv4, flatten_ipv6, parse_tcp_packet
from bronzewillow.wire.tcp import Flags, TcpOptions, TcpSegment

ACK = int(Flags.ACK)
PSH_ACK = int(Flags.PSH | Flags.ACK)
SOURCE = bytes((10, 244, 1, 2))
DESTINATION = bytes((10, 244, 7, 10))
SEGMENT = TcpSegment(40000, 8080, 1000, 77, ACK, 502, TcpOptions(timestamps=(1, 2)), b"abcd")
PACKET = TcpPacket(SOURCE, DESTINATION, SEGMENT)


@pytest.fixture(params=["_kernel", "_native"])
def kernel(request: pytest.FixtureRequest) -> ModuleType:
    name = f"bronzewillow.wire.{request.param}"
    if request.param == "_native":
        pytest.importorskip(name, reason="the compiled kernel is not built here")
    return importlib.import_module(name)


def piece(payload: bytes, **fields: object) -> TcpPacket:
    """PACKET with another payload; fields of the segment or, if it has none such, of the packet."""
    of_packet = {name: fields.pop(name) for name in ("source", "destination", "tos", "ttl") if name in fields}
    segment = dataclasses.replace(SEGMENT, payload=payload, **fields)  # type: ignore[arg-type]
    return dataclasses.replace(PACKET, segment=segment, **of_packet)  # type: ignore[arg-type]


def received(kernel: ModuleType, *packets: TcpPacket) -> list[TcpPacket]:
    coalescer = kernel.Coalescer(Encap.VXLAN, 1)
    for packet in packets:
        coalescer.add(segmented(packet).data, 0, "peer")
    assert not coalescer.drops
    assert coalescer.datagrams == len(packets)
    return [packet for _, packet in coalescer.flush()]


def raw_datagram(data: bytes) -> bytes:
    """An inner IPv4 packet, given as bytes, as the peer sends it."""
    return header(Encap.VXLAN) + data


def drops_of(kernel: ModuleType, data: bytes, encap: Encap = Encap.VXLAN) -> dict[DropReason, int]:
    coalescer = kernel.Coalescer(encap, 1)
    coalescer.add(data, 0, "peer")
    assert coalescer.flush() == []
    drops: dict[DropReason, int] = coalescer.drops
    return drops


def test_consecutive_segments_become_one(kernel: ModuleType) -> None:
    got = received(kernel, piece(b"abcd"), piece(b"efg", seq=1004), piece(b"h", seq=1007))
    assert got == [dataclasses.replace(piece(b"abcdefgh"), pieces=3)]


def test_a_train_is_cut_by_piece(kernel: ModuleType) -> None:
    train = segmented(dataclasses.replace(piece(b"abcdefghi"), mss=4))
    coalescer = kernel.Coalescer(Encap.VXLAN, 1)
    coalescer.add(memoryview(train.data), train.piece_bytes, "peer")
    assert coalescer.flush() == [("peer", dataclasses.replace(piece(b"abcdefghi"), pieces=3))]
    assert coalescer.flush() == []
    assert coalescer.datagrams == 3


def test_the_buffer_may_be_reused_before_the_flush(kernel: ModuleType) -> None:
    buffer = bytearray(segmented(PACKET).data)
    coalescer = kernel.Coalescer(Encap.VXLAN, 1)
    coalescer.add(memoryview(buffer), 0, "peer")
    buffer[:] = bytes(len(buffer))
    assert coalescer.flush() == [("peer", PACKET)]


def test_psh_joins_and_ends_a_run(kernel: ModuleType) -> None:
    got = received(kernel, piece(b"ab"), piece(b"cd", seq=1002, flags=PSH_ACK), piece(b"ef", seq=1004))
    assert got == [
        dataclasses.replace(piece(b"abcd", flags=PSH_ACK), pieces=2),
        piece(b"ef", seq=1004),
    ]


@pytest.mark.parametrize(
    "other",
    [
        piece(b"cd", seq=1003),
        piece(b"cd", seq=1001),
        piece(b"cd", seq=1002, ack=78),
        piece(b"cd", seq=1002, wnd=501),
        piece(b"cd", seq=1002, tos=3),
        piece(b"cd", seq=1002, ttl=63),
        piece(b"cd", seq=1002, options=TcpOptions(timestamps=(1, 3))),
        piece(b"cd", seq=1002, options=TcpOptions()),
        piece(b"cd", seq=1002, source_port=40001),
        piece(b"cd", seq=1002, destination_port=8081),
        piece(b"cd", seq=1002, source=bytes((10, 244, 1, 3))),
        piece(b"cd", seq=1002, destination=bytes((10, 244, 7, 11))),
        piece(b"", seq=1002),
        *(
            piece(b"cd", seq=1002, flags=ACK | int(flag))
            for flag in (Flags.FIN, Flags.SYN, Flags.RST, Flags.URG, Flags.ECE, Flags.CWR)
        ),
        piece(b"cd", seq=1002, flags=0),
    ],
    ids=str,
)
def test_what_does_not_merge(kernel: ModuleType, other: TcpPacket) -> None:
    assert received(kernel, piece(b"ab"), other) == [piece(b"ab"), other]


def test_origins_are_kept_apart(kernel: ModuleType) -> None:
    coalescer = kernel.Coalescer(Encap.VXLAN, 1)
    coalescer.add(segmented(piece(b"ab")).data, 0, "peer")
    coalescer.add(segmented(piece(b"cd", seq=1002)).data, 0, "other")
    assert coalescer.flush() == [("peer", piece(b"ab")), ("other", piece(b"cd", seq=1002))]


def test_pure_acks_are_never_merged(kernel: ModuleType) -> None:
    assert received(kernel, piece(b""), piece(b""), piece(b"")) == [piece(b"")] * 3


def test_interleaved_flows_merge_each(kernel: ModuleType) -> None:
    got = received(
        kernel,
        piece(b"ab"),
        piece(b"12", source_port=1),
        piece(b"cd", seq=1002),
        piece(b"34", seq=1002, source_port=1),
    )
    assert got == [
        dataclasses.replace(piece(b"abcd"), pieces=2),
        dataclasses.replace(piece(b"1234", source_port=1), pieces=2),
    ]


def test_a_run_does_not_overtake_what_does_not_merge(kernel: ModuleType) -> None:
    got = received(kernel, piece(b"ab"), piece(b"", seq=1002, flags=ACK | Flags.FIN), piece(b"cd", seq=1002))
    assert got == [piece(b"ab"), piece(b"", seq=1002, flags=ACK | Flags.FIN), piece(b"cd", seq=1002)]


def test_an_optioned_packet_ends_the_run_of_its_flow(kernel: ModuleType) -> None:
    middle = piece(b"cd", seq=1002)
    coalescer = kernel.Coalescer(Encap.VXLAN, 1)
    coalescer.add(segmented(piece(b"ab")).data, 0, "peer")
    packet = dataclasses.replace(flatten_ipv4(middle), options=b"\1\1\1\1")
    coalescer.add(raw_datagram(emit_ipv4(packet)), 0, "peer")
    coalescer.add(segmented(piece(b"ef", seq=1002)).data, 0, "peer")
    assert [packet for _, packet in coalescer.flush()] == [piece(b"ab"), middle, piece(b"ef", seq=1002)]


def test_a_run_ends_at_65535_bytes(kernel: ModuleType) -> None:
    first = piece(bytes(40_000))
    got = received(kernel, first, piece(bytes(25_535), seq=41_000))
    assert [(packet.pieces, len(packet.segment.payload)) for packet in got] == [(2, 65_535)]
    got = received(kernel, first, piece(bytes(25_536), seq=41_000))
    assert [(packet.pieces, len(packet.segment.payload)) for packet in got] == [(1, 40_000), (1, 25_536)]


def test_sequence_numbers_wrap_within_a_run(kernel: ModuleType) -> None:
    got = received(kernel, piece(b"ab", seq=0xFFFFFFFE), piece(b"cd", seq=0))
    assert got == [dataclasses.replace(piece(b"abcd", seq=0xFFFFFFFE), pieces=2)]
    got = received(kernel, piece(b"abc", seq=0xFFFFFFFE), piece(b"d", seq=1))
    assert got == [dataclasses.replace(piece(b"abcd", seq=0xFFFFFFFE), pieces=2)]


def test_inner_packets_larger_than_any_mtu(kernel: ModuleType) -> None:
    big = piece(bytes(range(256)) * 255)
    assert received(kernel, big) == [big]


def test_frame_padding_is_cut(kernel: ModuleType) -> None:
    coalescer = kernel.Coalescer(Encap.VXLAN, 1)
    coalescer.add(segmented(piece(b"a")).data + b"pad", 0, "peer")
    assert coalescer.flush() == [("peer", piece(b"a"))]


def test_any_vni(kernel: ModuleType) -> None:
    coalescer = kernel.Coalescer(Encap.GENEVE, None)
    for vni in (0, 1, 0xFFFFFF):
        data = emit_encap_header(Encap.GENEVE, vni, *MACS) + emit_ipv4(flatten_ipv4(piece(b"")))
        coalescer.add(data, 0, "peer")
    assert coalescer.flush() == [("peer", piece(b""))] * 3


def test_geneve_with_options_takes_the_other_way(kernel: ModuleType) -> None:
    data = bytearray(segmented(PACKET, Encap.GENEVE).data)
    data[0] = 1
    data[8:8] = bytes.fromhex("01020300")
    coalescer = kernel.Coalescer(Encap.GENEVE, 1)
    coalescer.add(data, 0, "peer")
    assert coalescer.flush() == [("peer", PACKET)]


def test_other_packets_pass_with_their_header_verified(kernel: ModuleType) -> None:
    coalescer = kernel.Coalescer(Encap.VXLAN, 1)
    request = arp.ArpPacket(arp.REQUEST, MACS[0], SOURCE, bytes(6), DESTINATION)
    coalescer.add(header(Encap.VXLAN, arp.ETHERTYPE) + arp.emit_arp(request) + bytes(18), 0, "peer")
    udp = Ipv4Packet(SOURCE, DESTINATION, 17, b"not verified here")
    coalescer.add(kernel.encap_packet(header(Encap.VXLAN), udp), 0, "peer")
    fragment = Ipv4Packet(SOURCE, DESTINATION, 6, bytes(16), more_fragments=True, dont_fragment=False)
    coalescer.add(kernel.encap_packet(header(Encap.VXLAN), fragment), 0, "peer")
    assert coalescer.flush() == [("peer", request), ("peer", udp), ("peer", fragment)]
    corrupt = bytearray(raw_datagram(emit_ipv4(udp)))
    corrupt[30] ^= 1
    assert drops_of(kernel, bytes(corrupt)) == {DropReason.BAD_IP_CHECKSUM: 1}


@pytest.mark.parametrize(
    ("at", "value", "reason"),
    [
        (0, 0x00, DropReason.VXLAN_FLAGS),
        (0, 0x88, DropReason.VXLAN_FLAGS),
        (2, 0x01, DropReason.VXLAN_RESERVED),
        (6, 0x02, DropReason.WRONG_VNI),
        (7, 0x01, DropReason.VXLAN_RESERVED),
        (20, 0x81, DropReason.VLAN_TAGGED),
        (21, 0x01, DropReason.UNSUPPORTED_ETHERTYPE),
        (22, 0x65, DropReason.IP_VERSION),
        (22, 0x44, DropReason.IP_HEADER),
        (25, 0xFF, DropReason.TRUNCATED),
        (30, 0x3F, DropReason.BAD_IP_CHECKSUM),
        (54, 0x40, DropReason.TCP_HEADER),
        (54, 0xF0, DropReason.TCP_HEADER),
        (60, 0x01, DropReason.BAD_TCP_CHECKSUM),
        (77, 0x01, DropReason.BAD_TCP_CHECKSUM),
    ],
)
@pytest.mark.case("case-23")
def test_drops_are_counted_by_reason(kernel: ModuleType, at: int, value: int, reason: DropReason) -> None:
    data = bytearray(segmented(PACKET).data)
    data[at] = value
    if at == 20:
        data[21] = 0
    assert drops_of(kernel, bytes(data)) == {reason: 1}


@pytest.mark.parametrize("length", [0, 7, 8, 21, 22, 41, 42, 61, 77])
@pytest.mark.case("case-23")
def test_cut_short_anywhere(kernel: ModuleType, length: int) -> None:
    assert drops_of(kernel, segmented(PACKET).data[:length]) == {DropReason.TRUNCATED: 1}


@pytest.mark.parametrize("fields", [{"more_fragments": True}, {"fragment_offset_bytes": 8}], ids=str)
def test_a_fragment_is_no_segment_even_if_it_looks_like_one(
    kernel: ModuleType, fields: dict[str, int]
) -> None:
    fragment = dataclasses.replace(flatten_ipv4(PACKET), **fields)  # type: ignore[arg-type]
    coalescer = kernel.Coalescer(Encap.VXLAN, 1)
    coalescer.add(raw_datagram(emit_ipv4(fragment)), 0, "peer")
    assert coalescer.flush() == [("peer", fragment)]


@pytest.mark.parametrize("offset", [0x00, 0x40, 0xF0])
def test_a_data_offset_out_of_bounds_with_a_right_checksum(kernel: ModuleType, offset: int) -> None:
    flat = flatten_ipv4(PACKET)
    payload = bytearray(flat.payload)
    payload[12] = offset
    payload[16:18] = b"\0\0"
    pseudo_sum = pseudo_header_sum(SOURCE, DESTINATION, 6, len(payload))
    payload[16:18] = internet_checksum(payload, pseudo_sum).to_bytes(2, "big")
    data = raw_datagram(emit_ipv4(dataclasses.replace(flat, payload=bytes(payload))))
    assert drops_of(kernel, data) == {DropReason.TCP_HEADER: 1}


def test_a_partial_checksum_whose_sum_is_negative_zero(kernel: ModuleType) -> None:
    length = len(flatten_ipv4(PACKET).payload)
    rest = 0xFFFF - length - 6 - 0x0AF4 - 0x0102
    source, destination = SOURCE, b"\0\0" + rest.to_bytes(2, "big")
    assert pseudo_header_sum(source, destination, 6, length) == 0xFFFF
    flat = flatten_ipv4(dataclasses.replace(PACKET, destination=destination))
    unfinished = dataclasses.replace(flat, payload=flat.payload[:16] + b"\xff\xff" + flat.payload[18:])
    coalescer = kernel.Coalescer(Encap.VXLAN, 1)
    coalescer.add(raw_datagram(emit_ipv4(unfinished)), 0, "peer")
    assert coalescer.flush() == [("peer", dataclasses.replace(PACKET, destination=destination))]
    assert coalescer.partial_checksums == {"peer": 1}


def test_a_tcp_header_cut_by_the_ip_length(kernel: ModuleType) -> None:
    packet = Ipv4Packet(SOURCE, DESTINATION, 6, bytes(19))
    assert drops_of(kernel, raw_datagram(emit_ipv4(packet) + bytes(30))) == {DropReason.TRUNCATED: 1}


@pytest.mark.parametrize("options", [b"", b"\1\1\1\1"])
@pytest.mark.parametrize("policy", list(PartialPolicy))
def test_partial_checksums(kernel: ModuleType, policy: PartialPolicy, options: bytes) -> None:
    flat = dataclasses.replace(flatten_ipv4(PACKET), options=options)
    left = pseudo_header_sum(SOURCE, DESTINATION, 6, len(flat.payload)).to_bytes(2, "big")
    unfinished = dataclasses.replace(flat, payload=flat.payload[:16] + left + flat.payload[18:])
    wrong = dataclasses.replace(flat, payload=flat.payload[:-1] + b"?")
    coalescer = kernel.Coalescer(Encap.VXLAN, 1, policy)
    for packet in (unfinished, flat, wrong, unfinished):
        coalescer.add(raw_datagram(emit_ipv4(packet)), 0, "peer")
    delivered = [packet for _, packet in coalescer.flush()]
    changed = piece(b"abc?")
    if policy is PartialPolicy.AUTO:
        assert delivered == [PACKET] * 3
        assert coalescer.partial_checksums == {"peer": 2}
        assert coalescer.drops == {DropReason.BAD_TCP_CHECKSUM: 1}
    elif policy is PartialPolicy.NEVER:
        assert delivered == [PACKET]
        assert coalescer.partial_checksums == {}
        assert coalescer.drops == {DropReason.BAD_TCP_CHECKSUM: 3}
    else:
        assert delivered == [PACKET, PACKET, changed, PACKET]
        assert coalescer.partial_checksums == {}


def cut(kernel: ModuleType, packet: TcpPacket) -> list[TcpPacket]:
    """The segments of `packet` one by one, each parsed by the plain codecs."""
    data, piece_bytes = kernel.segment(header(Encap.VXLAN), packet)
    segments = []
    for start in range(0, len(data), piece_bytes):
        _, frame = decap(Encap.VXLAN, data[start : start + piece_bytes])
        inner = parse_ipv4(parse_ethernet(frame).payload)
        assert (inner.identification, inner.dont_fragment) == (0, True)
        segments.append(parse_tcp_packet(inner))
    return segments


def test_segment_cuts_by_mss(kernel: ModuleType) -> None:
    packet = dataclasses.replace(piece(b"abcdefghi", tos=2, ttl=9), mss=4)
    assert cut(kernel, packet) == [
        piece(b"abcd", tos=2, ttl=9),
        piece(b"efgh", seq=1004, tos=2, ttl=9),
        piece(b"i", seq=1008, tos=2, ttl=9),
    ]


@pytest.mark.parametrize("mss", [0, 9, 10, 5000])
def test_segment_leaves_what_fits_whole(kernel: ModuleType, mss: int) -> None:
    packet = dataclasses.replace(piece(b"abcdefghi"), mss=mss)
    data, piece_bytes = kernel.segment(header(Encap.VXLAN), packet)
    assert piece_bytes == len(data)
    expected = emit_ethernet(EthernetFrame(*MACS, 0x0800, emit_ipv4(flatten_ipv4(packet))))
    assert data[8:] == expected


def test_checksums_of_zero_are_sent_as_zero(kernel: ModuleType) -> None:
    bare = flatten_ipv4(piece(b"\0\0"))
    zero = piece(bare.payload[16:18])  # the payload makes the TCP sum up to 0xFFFF
    assert flatten_ipv4(zero).payload[16:18] == b"\0\0"
    data, _ = kernel.segment(header(Encap.VXLAN), zero)
    assert data[22:] == emit_ipv4(flatten_ipv4(zero))
    unset = emit_ipv4(flatten_ipv4(dataclasses.replace(zero, source=b"\x0a\xf4\0\0")))
    packet = dataclasses.replace(zero, source=b"\x0a\xf4" + unset[10:12])  # likewise the IPv4 header's sum
    assert emit_ipv4(flatten_ipv4(packet))[10:12] == b"\0\0"
    data, _ = kernel.segment(header(Encap.VXLAN), packet)
    assert data[22:] == emit_ipv4(flatten_ipv4(packet))


def test_segment_without_payload(kernel: ModuleType) -> None:
    syn = piece(b"", flags=int(Flags.SYN), options=TcpOptions(1410, 7, True, (1, 0)))
    assert cut(kernel, dataclasses.replace(syn, mss=1400)) == [syn]


def test_segment_places_flags(kernel: ModuleType) -> None:
    flags = int(Flags.ACK | Flags.PSH | Flags.FIN | Flags.CWR | Flags.ECE | Flags.URG)
    pieces = cut(kernel, dataclasses.replace(piece(b"abc", flags=flags, urgent=3), mss=1))
    assert [Flags(packet.segment.flags) for packet in pieces] == [
        Flags.ACK | Flags.CWR | Flags.ECE | Flags.URG,
        Flags.ACK | Flags.ECE,
        Flags.ACK | Flags.ECE | Flags.PSH | Flags.FIN,
    ]


def test_segment_counts_syn_in_the_sequence(kernel: ModuleType) -> None:
    pieces = cut(kernel, dataclasses.replace(piece(b"abc", flags=int(Flags.SYN), seq=0xFFFFFFFF), mss=1))
    assert [packet.segment.seq for packet in pieces] == [0xFFFFFFFF, 1, 2]
    assert [packet.segment.flags for packet in pieces] == [int(Flags.SYN), 0, 0]


def test_segment_wraps_sequence_numbers(kernel: ModuleType) -> None:
    pieces = cut(kernel, dataclasses.replace(piece(b"abcdef", seq=0xFFFFFFFD), mss=2))
    assert [packet.segment.seq for packet in pieces] == [0xFFFFFFFD, 0xFFFFFFFF, 1]


@pytest.mark.case("report-9")
def test_the_largest_datagram(kernel: ModuleType) -> None:
    fits = piece(bytes(65_535 - 52))
    assert received(kernel, fits) == [fits]
    with pytest.raises(WireError) as caught:
        kernel.segment(header(Encap.VXLAN), piece(bytes(65_535 - 51)))
    assert caught.value.reason is DropReason.OVERSIZE


def test_segment_refuses_addresses_of_no_family_or_of_two(kernel: ModuleType) -> None:
    pairs = [
        (b"", DESTINATION),
        (b"", b""),
        (bytes(16), DESTINATION),
        (bytes(8), bytes(8)),
        (bytes(24), bytes(8)),
    ]
    for source, destination in pairs:
        packet = dataclasses.replace(PACKET, source=source, destination=destination)
        with pytest.raises(ValueError, match="of 4 or of 16 bytes"):
            kernel.segment(header(Encap.VXLAN), packet)


def v6_piece(payload: bytes, **fields: object) -> TcpPacket:
    """`piece` between two IPv6 pods."""
    return dataclasses.replace(piece(payload, **fields), source=PODS_V6[0], destination=PODS_V6[1])


def test_ipv6_segments_become_one_and_tell_their_traffic_class(kernel: ModuleType) -> None:
    first, second = v6_piece(b"abcd", tos=0xA5, ttl=63), v6_piece(b"efg", seq=1004, tos=0xA5, ttl=63)
    whole = v6_piece(b"abcdefg", tos=0xA5, ttl=63)
    assert received(kernel, first, second) == [dataclasses.replace(whole, pieces=2)]
    other = v6_piece(b"efg", seq=1004, tos=0x25, ttl=63)
    assert received(kernel, first, other) == [first, other]


def test_flow_labels_may_differ_within_a_run(kernel: ModuleType) -> None:
    train = segmented(dataclasses.replace(v6_piece(b"abcdef"), mss=3))
    data = bytearray(train.data)
    data[25] ^= 0x5A  # the label is in no checksum
    coalescer = kernel.Coalescer(Encap.VXLAN, 1)
    coalescer.add(data, train.piece_bytes, "peer")
    assert coalescer.flush() == [("peer", dataclasses.replace(v6_piece(b"abcdef"), pieces=2))]


def test_families_with_equal_ports_are_two_flows(kernel: ModuleType) -> None:
    got = received(kernel, piece(b"ab"), v6_piece(b"xy"), piece(b"cd", seq=1002), v6_piece(b"z", seq=1002))
    assert got == [
        dataclasses.replace(piece(b"abcd"), pieces=2),
        dataclasses.replace(v6_piece(b"xyz"), pieces=2),
    ]


def test_ipv6_segments_behind_extension_headers_are_parsed(kernel: ModuleType) -> None:
    flat = flatten_ipv6(v6_piece(b"abcd"))
    long_way = dataclasses.replace(flat, extensions=((DESTINATION_OPTIONS, bytes(6)),))
    coalescer = kernel.Coalescer(Encap.VXLAN, 1)
    coalescer.add(segmented(v6_piece(b"yz", seq=998)).data, 0, "peer")
    coalescer.add(datagram(long_way), 0, "peer")
    coalescer.add(segmented(v6_piece(b"ef", seq=1004)).data, 0, "peer")
    got = [packet for _, packet in coalescer.flush()]
    assert got == [v6_piece(b"yz", seq=998), v6_piece(b"abcd"), v6_piece(b"ef", seq=1004)]


def test_a_wrong_checksum_over_ipv6(kernel: ModuleType) -> None:
    data = bytearray(segmented(v6_piece(b"abcd")).data)
    data[-1] ^= 1
    assert drops_of(kernel, bytes(data)) == {DropReason.BAD_TCP_CHECKSUM: 1}


def test_an_unfinished_checksum_over_ipv6(kernel: ModuleType) -> None:
    flat = flatten_ipv6(v6_piece(b"abcd"))
    left = pseudo_header_sum(*PODS_V6, 6, len(flat.payload)).to_bytes(2, "big")
    unfinished = dataclasses.replace(flat, payload=flat.payload[:16] + left + flat.payload[18:])
    coalescer = kernel.Coalescer(Encap.VXLAN, 1)
    coalescer.add(datagram(unfinished), 0, "peer")
    assert coalescer.flush() == [("peer", v6_piece(b"abcd"))]
    assert coalescer.partial_checksums == {"peer": 1}


def test_the_largest_datagram_over_ipv6(kernel: ModuleType) -> None:
    fits = v6_piece(bytes(65_535 - 32))
    assert received(kernel, fits) == [fits]
    with pytest.raises(WireError) as caught:
        kernel.segment(header(Encap.VXLAN), v6_piece(bytes(65_535 - 31)))
    assert caught.value.reason is DropReason.OVERSIZE


def test_sums_have_room_for_the_largest_words(kernel: ModuleType) -> None:
    fits = v6_piece(b"\xff" * (65_535 - 32))
    assert received(kernel, fits) == [fits]
    assert kernel.segment(header(Encap.VXLAN, ethertype=0x86DD), fits)[0] == segmented(fits).data


def test_a_full_size_super_segment_survives(kernel: ModuleType) -> None:
    packet = dataclasses.replace(piece(bytes(range(256)) * 255), mss=1398)
    train: Train = segmented(packet)
    coalescer = kernel.Coalescer(Encap.VXLAN, 1)
    coalescer.add(train.data, train.piece_bytes, "peer")
    assert coalescer.flush() == [("peer", dataclasses.replace(packet, mss=0, pieces=47))]
