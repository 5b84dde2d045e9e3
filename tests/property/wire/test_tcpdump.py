"""tcpdump reads our pcap files and finds nothing wrong in what we emit."""

from __future__ import annotations

import io
import random
import shutil
import subprocess

import pytest

from bronzewillow.testing import datagrams as some
from bronzewillow.wire import arp, icmpv6, nd
from bronzewillow.wire.encap import DEFAULT_PORTS, Encap
from bronzewillow.wire.ethernet import EthernetFrame, emit_ethernet
from bronzewillow.wire.icmp import EchoRequest, emit_icmp
from bronzewillow.wire.ip import emit_ip, ethertype_of
from bronzewillow.wire.ipv4 import Ipv4Packet
from bronzewillow.wire.ipv6 import DESTINATION_OPTIONS, HOP_BY_HOP, Ipv6Packet
from bronzewillow.wire.kernel import encap_packet, segment
from bronzewillow.wire.packet import TcpPacket
from bronzewillow.wire.pcap import PcapWriter
from bronzewillow.wire.tcp import Flags, TcpOptions, TcpSegment
from bronzewillow.wire.udp import UdpDatagram, emit_udp

TCPDUMP = shutil.which("tcpdump")
needs_tcpdump = pytest.mark.skipif(TCPDUMP is None, reason="tcpdump is not installed")
UNDERLAY = (b"\xc0\x00\x02\x02", b"\xc0\x00\x02\x01")
UNDERLAY_V6 = (
    bytes.fromhex("20010db8000000000000000000000002"),
    bytes.fromhex("20010db8000000000000000000000001"),
)
PODS = some.PODS
PODS_V6 = some.PODS_V6


def outer_frame(encap: Encap, datagram: bytes, underlay: tuple[bytes, bytes] = UNDERLAY) -> bytes:
    port = DEFAULT_PORTS[encap]
    payload = emit_udp(UdpDatagram(55555, port, datagram), *underlay)
    kind = Ipv4Packet if underlay is UNDERLAY else Ipv6Packet
    packet = emit_ip(kind(*underlay, 17, payload))
    return emit_ethernet(EthernetFrame(*some.MACS, ethertype_of(underlay[0]), packet))


def tcp_datagrams(encap: Encap, pods: tuple[bytes, bytes]) -> list[bytes]:
    header = some.header(encap, ethertype_of(pods[0]))
    rng = random.Random(1)
    result: list[bytes] = []
    for options in (
        TcpOptions(),
        TcpOptions(1410, 7, True, (1, 2)),
        TcpOptions(timestamps=(3, 4), sack=((5, 6),)),
    ):
        for length in (0, 1, 7, 1500):
            text = TcpSegment(
                40000, 8080, rng.getrandbits(32), 1, int(Flags.ACK), 502, options, rng.randbytes(length)
            )
            train, piece_bytes = segment(header, TcpPacket(*pods, text, 700))
            result.extend(bytes(train[at : at + piece_bytes]) for at in range(0, len(train), piece_bytes))
    return result


def datagrams(encap: Encap) -> list[bytes]:
    header = some.header(encap)
    result = tcp_datagrams(encap, PODS)
    for protocol, payload in (
        (1, emit_icmp(EchoRequest(1, 2, b"odd"))),
        (17, emit_udp(UdpDatagram(5353, 53, b"query"), *PODS)),
    ):
        result.append(bytes(encap_packet(header, Ipv4Packet(*PODS, protocol, payload))))
    request = arp.ArpPacket(arp.REQUEST, some.MACS[1], PODS[0], bytes(6), PODS[1])
    result.append(some.header(encap, arp.ETHERTYPE) + arp.emit_arp(request))
    return result


def datagrams_v6(encap: Encap) -> list[bytes]:
    echo = icmpv6.emit_icmpv6(EchoRequest(1, 2, b"odd"), *PODS_V6)
    asking = icmpv6.emit_icmpv6(nd.NeighborSolicitation(PODS_V6[1], some.MACS[0]), *PODS_V6)
    query = emit_udp(UdpDatagram(5353, 53, b"query"), *PODS_V6)
    chain = ((HOP_BY_HOP, bytes(6)), (DESTINATION_OPTIONS, b"\x01\x04\0\0\0\0"))
    big = Ipv6Packet(*PODS_V6, icmpv6.PROTOCOL, echo)
    error = icmpv6.emit_icmpv6(icmpv6.PacketTooBig(1400, icmpv6.quote(big)), *PODS_V6)
    packets = (
        big,
        Ipv6Packet(*PODS_V6, icmpv6.PROTOCOL, asking, nd.HOP_LIMIT),
        Ipv6Packet(*PODS_V6, icmpv6.PROTOCOL, error),
        Ipv6Packet(*PODS_V6, 17, query, extensions=chain),
        Ipv6Packet(*PODS_V6, 17, bytes(16), 64, 0, 0, 9, True, 8),
    )
    return [*tcp_datagrams(encap, PODS_V6), *(some.datagram(packet, encap) for packet in packets)]


def read_by_tcpdump(frames: list[bytes]) -> str:
    file = io.BytesIO()
    writer = PcapWriter(file)
    for at, frame in enumerate(frames):
        writer.write(frame, 1_700_000_000_000_000 + at)
    assert TCPDUMP is not None
    done = subprocess.run(
        [TCPDUMP, "-nn", "-tt", "-vv", "-r", "-"],
        input=file.getvalue(),
        capture_output=True,
        check=True,
        timeout=60,
    )
    return done.stdout.decode()


@needs_tcpdump
@pytest.mark.parametrize("encap", list(Encap))
def test_no_complaint(encap: Encap) -> None:
    frames = [outer_frame(encap, datagram) for datagram in datagrams(encap)]
    text = read_by_tcpdump(frames)
    assert text.count("10.244.1.2.40000 > 10.244.7.10.8080") == len(frames) - 3
    assert text.count("cksum 0x") >= len(frames) - 3
    assert text.count("(correct)") >= len(frames) - 3
    assert "incorrect" not in text and "bad" not in text and "wrong" not in text
    assert "ICMP echo request" in text and "Request who-has 10.244.7.10" in text
    assert f"1700000000.{len(frames) - 1:06}" in text


@needs_tcpdump
@pytest.mark.parametrize("encap", list(Encap))
def test_no_complaint_about_ipv6(encap: Encap) -> None:
    frames = [outer_frame(encap, datagram, UNDERLAY_V6) for datagram in datagrams_v6(encap)]
    text = read_by_tcpdump(frames)
    assert text.count("2001:db8::2.55555 > 2001:db8::1.") == len(frames)
    assert text.count("fd00:a::a102.40000 > fd00:a::a70a.8080") == len(frames) - 5
    assert text.count("(correct)") >= len(frames) - 5
    assert "incorrect" not in text and "bad" not in text and "wrong" not in text
    assert (
        "[icmp6 sum ok] ICMP6, echo request" in text
        and "[icmp6 sum ok] ICMP6, packet too big, mtu 1400" in text
    )
    assert "ICMP6, neighbor solicitation" in text and "who has fd00:a::a70a" in text
    assert "HBH" in text and "DSTOPT" in text and "frag (0x00000009:8|16)" in text


@needs_tcpdump
def test_it_would_have_complained() -> None:
    datagram = bytearray(datagrams(Encap.VXLAN)[0])
    datagram[58] ^= 1
    assert "incorrect" in read_by_tcpdump([outer_frame(Encap.VXLAN, bytes(datagram))])
