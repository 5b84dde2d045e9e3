"""The two datagrams checked against real peers, byte for byte; and the two encapsulations seen as one."""

from __future__ import annotations

import pytest

from bronzewillow.wire.encap import HEADER_BYTES, Encap, decap, emit_encap_header, encap_frame
from bronzewillow.wire.errors import WireError
from bronzewillow.wire.ethernet import EthernetFrame, emit_ethernet, parse_ethernet
from bronzewillow.wire.ipv4 import Ipv4Packet, emit_ipv4, parse_ipv4
from bronzewillow.wire.packet import parse_tcp_packet
from bronzewillow.wire.tcp import Flags, TcpOptions, TcpSegment, emit_tcp
from bronzewillow.wire.udp import UdpDatagram, emit_udp, parse_udp

CALICO = bytes.fromhex(
    "52540000000152540000000208004500"
    "005e000200004011f689c0000202c000"
    "020112b512b5004a955e080000000010"
    "000066937f54d55366360037a47c0800"
    "4500002c00014000400625420a410002"
    "0a4001079c401f901122334400000000"
    "6002ffff82980000020405 82"
)
ANTREA = bytes.fromhex(
    "52540000000152540000000208004500"
    "005e000200004011f689c0000202c000"
    "020117c117c1004a18a4000065580000"
    "0000aabbccddeeff02bbbbbbbb020800"
    "4500002c000140003f0621af0a0a0502"
    "0a0a01079c401f901122334400000000"
    "6002ffff7e050000020405 82"
)
UNDERLAY = (b"\xc0\x00\x02\x02", b"\xc0\x00\x02\x01")
SYN = TcpSegment(40000, 8080, 0x11223344, 0, Flags.SYN, 0xFFFF, TcpOptions(mss=1410))


def outer(port: int, payload: bytes) -> bytes:
    """The frame on the underlay, as the host's kernel would send it."""
    udp = emit_udp(UdpDatagram(port, port, payload), *UNDERLAY)
    packet = Ipv4Packet(*UNDERLAY, 17, udp, identification=2, dont_fragment=False)
    return emit_ethernet(EthernetFrame(b"\x52\x54\0\0\0\1", b"\x52\x54\0\0\0\2", 0x0800, emit_ipv4(packet)))


def test_a_syn_to_a_calico_peer() -> None:
    source, destination = bytes((10, 65, 0, 2)), bytes((10, 64, 1, 7))
    header = emit_encap_header(Encap.VXLAN, 4096, b"\x66\x93\x7f\x54\xd5\x53", b"\x66\x36\x00\x37\xa4\x7c")
    packet = Ipv4Packet(source, destination, 6, emit_tcp(SYN, source, destination), identification=1)
    assert outer(4789, header + emit_ipv4(packet)) == CALICO


def test_a_syn_to_an_antrea_peer() -> None:
    source, destination = bytes((10, 10, 5, 2)), bytes((10, 10, 1, 7))
    header = emit_encap_header(Encap.GENEVE, 0, b"\xaa\xbb\xcc\xdd\xee\xff", b"\x02\xbb\xbb\xbb\xbb\x02")
    packet = Ipv4Packet(source, destination, 6, emit_tcp(SYN, source, destination), ttl=63, identification=1)
    assert outer(6081, header + emit_ipv4(packet)) == ANTREA


@pytest.mark.parametrize(("frame", "encap", "vni"), [(CALICO, Encap.VXLAN, 4096), (ANTREA, Encap.GENEVE, 0)])
def test_and_back(frame: bytes, encap: Encap, vni: int) -> None:
    datagram = parse_udp(parse_ipv4(parse_ethernet(frame).payload).payload, *UNDERLAY)
    got_vni, inner = decap(encap, datagram.payload)
    assert got_vni == vni
    assert parse_tcp_packet(parse_ipv4(parse_ethernet(inner).payload)).segment == SYN


@pytest.mark.parametrize("encap", list(Encap))
def test_round_trip(encap: Encap) -> None:
    assert decap(encap, encap_frame(encap, 77, b"frame")) == (77, b"frame")
    header = emit_encap_header(encap, 77, b"\1" * 6, b"\2" * 6, 0x0806)
    assert len(header) == HEADER_BYTES + 14
    assert decap(encap, header) == (77, b"\1" * 6 + b"\2" * 6 + b"\x08\x06")


def test_one_is_not_the_other() -> None:
    with pytest.raises(WireError):
        decap(Encap.GENEVE, encap_frame(Encap.VXLAN, 1, bytes(64)))
    with pytest.raises(WireError):
        decap(Encap.VXLAN, encap_frame(Encap.GENEVE, 1, bytes(64)))
