"""parse(emit(x)) == x, and parse(any bytes) returns or raises WireError."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bronzewillow.testing import datagrams as some
from bronzewillow.wire import (
    arp,
    checksum,
    ethernet,
    geneve,
    icmp,
    icmpv6,
    ip,
    ipv4,
    ipv6,
    nd,
    seqnum,
    tcp,
    udp,
    vxlan,
)
from bronzewillow.wire.checksum import PartialPolicy
from bronzewillow.wire.errors import WireError
from bronzewillow.wire.packet import TcpPacket, flatten, parse_tcp_packet

quick = settings(deadline=None, max_examples=60)
SOURCE = b"\x0a\0\0\1"
DESTINATION = b"\x0a\0\0\2"
PODS_V6 = some.PODS_V6

PARSERS: list[Callable[[bytes], object]] = [
    arp.parse_arp,
    ethernet.parse_ethernet,
    geneve.parse_geneve,
    lambda data: icmp.parse_icmp(data, partial=PartialPolicy.ALWAYS),
    icmp.parse_icmp,
    icmp.parse_quoted,
    lambda data: icmpv6.parse_icmpv6(data, *PODS_V6, partial=PartialPolicy.ALWAYS),
    lambda data: icmpv6.parse_icmpv6(data, *PODS_V6),
    icmpv6.parse_quoted,
    ip.parse_ip,
    ipv4.parse_ipv4,
    ipv6.parse_ipv6,
    lambda data: nd.parse_neighbor(nd.SOLICITATION, data),
    lambda data: nd.parse_neighbor(nd.ADVERTISEMENT, data),
    tcp.parse_options,
    lambda data: tcp.parse_tcp(data, SOURCE, DESTINATION, partial=PartialPolicy.ALWAYS),
    lambda data: tcp.parse_tcp(data, SOURCE, DESTINATION),
    lambda data: udp.parse_udp(data, SOURCE, DESTINATION, partial=PartialPolicy.ALWAYS),
    lambda data: udp.parse_udp(data, SOURCE, DESTINATION),
    vxlan.parse_vxlan,
]


@pytest.mark.parametrize("parse", PARSERS)
@given(st.binary(max_size=120))
@quick
def test_any_bytes_parse_or_raise_wire_error(parse: Callable[[bytes], object], data: bytes) -> None:
    try:
        parse(data)
    except WireError as error:
        assert error.reason


@given(st.binary(max_size=40))
@quick
def test_any_option_area_gives_options_that_survive(data: bytes) -> None:
    options = tcp.parse_options(data)
    again = tcp.parse_options(tcp.emit_options(options))
    assert again.mss == options.mss
    assert again.window_scale == options.window_scale
    assert again.timestamps == options.timestamps
    assert again.sack == options.sack[: len(again.sack)]


@given(some.tcp_packets())
@quick
def test_tcp(packet: TcpPacket) -> None:
    assert parse_tcp_packet(ip.parse_ip(ip.emit_ip(flatten(packet)))) == packet


@given(some.tcp_options())
@quick
def test_tcp_options(options: tcp.TcpOptions) -> None:
    data = tcp.emit_options(options)
    assert len(data) % 4 == 0 and len(data) <= 40
    assert tcp.parse_options(data) == options


@given(some.ipv4_packets())
@quick
def test_ipv4(packet: ipv4.Ipv4Packet) -> None:
    assert ipv4.parse_ipv4(ipv4.emit_ipv4(packet)) == packet


@given(some.ipv6_packets())
@quick
def test_ipv6(packet: ipv6.Ipv6Packet) -> None:
    assert ipv6.parse_ipv6(ipv6.emit_ipv6(packet)) == packet


@given(some.ipv6_packets(), some.ipv6_packets())
@quick
def test_headers_within_a_payload_are_those_in_front(outer: ipv6.Ipv6Packet, inner: ipv6.Ipv6Packet) -> None:
    """What reassembly gives: a payload that begins with the rest of the chain."""
    chain = tuple(header for header in inner.extensions if header[0] != ipv6.HOP_BY_HOP)
    whole = replace(outer, identification=0, more_fragments=False, fragment_offset_bytes=0, extensions=chain)
    data = ipv6.emit_ipv6(whole)
    packed = replace(whole, extensions=(), protocol=data[6], payload=data[ipv6.HEADER_BYTES :])
    assert ipv6.unwrap(packed) == whole


@given(st.binary(max_size=80), st.sampled_from((0, 43, 44, 60)), st.integers(0, 80))
@quick
def test_any_chain_is_walked_or_refused(chain: bytes, first: int, claimed: int) -> None:
    head = b"\x60\0\0\0" + claimed.to_bytes(2, "big") + bytes((first, 64)) + b"".join(PODS_V6)
    try:
        packet = ipv6.parse_ipv6(head + chain)
    except WireError as error:
        assert error.reason
    else:
        assert len(packet.payload) <= claimed and len(packet.extensions) <= ipv6.MAX_EXTENSIONS


@given(some.arp_packets())
@quick
def test_arp(packet: arp.ArpPacket) -> None:
    assert arp.parse_arp(arp.emit_arp(packet)) == packet


@given(st.builds(udp.UdpDatagram, some.u16, some.u16, some.payloads))
@quick
def test_udp(datagram: udp.UdpDatagram) -> None:
    data = udp.emit_udp(datagram, SOURCE, DESTINATION)
    assert data[6:8] != b"\0\0"
    assert udp.parse_udp(data, SOURCE, DESTINATION) == datagram
    data = udp.emit_udp(datagram, *PODS_V6)
    assert data[6:8] != b"\0\0"
    assert udp.parse_udp(data, *PODS_V6) == datagram


echoes = st.builds(icmp.EchoRequest, some.u16, some.u16, some.payloads)
replies = st.builds(icmp.EchoReply, some.u16, some.u16, some.payloads)
frag_needed = st.builds(icmp.DestinationUnreachable, st.just(4), some.payloads, some.u16)
unreachable = st.builds(icmp.DestinationUnreachable, some.u8.filter(lambda code: code != 4), some.payloads)
exceeded = st.builds(icmp.TimeExceeded, some.u8, some.payloads)
problems = st.builds(icmp.ParameterProblem, some.u8, some.payloads, some.u8)


@given(echoes | replies | frag_needed | unreachable | exceeded | problems)
@quick
def test_icmp(message: icmp.IcmpMessage) -> None:
    assert icmp.parse_icmp(icmp.emit_icmp(message)) == message


too_big = st.builds(icmpv6.PacketTooBig, some.u32, some.payloads)
v6_unreachable = st.builds(icmp.DestinationUnreachable, some.u8, some.payloads)
v6_problems = st.builds(icmp.ParameterProblem, some.u8, some.payloads, some.u32)
targets = some.ipv6_addresses.filter(lambda address: address[0] != 0xFF)
optional_macs = st.none() | some.macs
solicitations = st.builds(nd.NeighborSolicitation, targets, optional_macs)
flags = st.booleans()
advertisements = st.builds(nd.NeighborAdvertisement, targets, optional_macs, flags, flags, flags)


@given(
    echoes | replies | v6_unreachable | too_big | exceeded | v6_problems | solicitations | advertisements,
    some.ipv6_addresses,
    some.ipv6_addresses,
)
@quick
def test_icmpv6(message: icmpv6.Icmpv6Message, source: bytes, destination: bytes) -> None:
    data = icmpv6.emit_icmpv6(message, source, destination)
    assert icmpv6.parse_icmpv6(data, source, destination) == message


@given(st.builds(vxlan.VxlanDatagram, some.u24, some.payloads))
@quick
def test_vxlan(datagram: vxlan.VxlanDatagram) -> None:
    assert vxlan.parse_vxlan(vxlan.emit_vxlan(datagram)) == datagram


@given(st.builds(geneve.GeneveDatagram, some.u24, some.payloads))
@quick
def test_geneve(datagram: geneve.GeneveDatagram) -> None:
    assert geneve.parse_geneve(geneve.emit_geneve(datagram)) == datagram


@given(some.u32, st.integers(-(2**31), 2**31 - 1))
@quick
def test_sequence_arithmetic(a: int, n: int) -> None:
    b = seqnum.add(a, n)
    assert seqnum.diff(b, a) == n
    if n != -(2**31):
        assert seqnum.lt(a, b) == (n > 0) == (not seqnum.ge(a, b))
        assert seqnum.gt(a, b) == (n < 0) == (not seqnum.le(a, b))


@given(st.binary(max_size=300), some.u32)
@quick
def test_checksum_agrees_with_words(data: bytes, initial: int) -> None:
    total = initial
    for at in range(0, len(data), 2):
        total += int.from_bytes(data[at : at + 2].ljust(2, b"\0"), "big")
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    assert checksum.ones_complement_sum(data, initial) == total
