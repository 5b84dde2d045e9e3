"""parse(emit(x)) == x, and parse(any bytes) returns or raises WireError."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bronzewillow.testing import datagrams as some
from bronzewillow.wire import arp, checksum, ethernet, geneve, icmp, ipv4, seqnum, tcp, udp, vxlan
from bronzewillow.wire.checksum import PartialPolicy
from bronzewillow.wire.errors import WireError
from bronzewillow.wire.packet import TcpPacket, flatten, parse_tcp_packet

quick = settings(deadline=None, max_examples=60)
SOURCE = b"\x0a\0\0\1"
DESTINATION = b"\x0a\0\0\2"

PARSERS: list[Callable[[bytes], object]] = [
    arp.parse_arp,
    ethernet.parse_ethernet,
    geneve.parse_geneve,
    lambda data: icmp.parse_icmp(data, partial=PartialPolicy.ALWAYS),
    icmp.parse_icmp,
    icmp.parse_quoted,
    ipv4.parse_ipv4,
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
    assert parse_tcp_packet(ipv4.parse_ipv4(ipv4.emit_ipv4(flatten(packet)))) == packet


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
