"""tcpdump reads our pcap files and finds nothing wrong in what we emit."""

from __future__ import annotations

import io
import random
import shutil
import subprocess

import pytest

from bronzewillow.testing import datagrams as some
from bronzewillow.wire import arp
from bronzewillow.wire.encap import DEFAULT_PORTS, Encap
from bronzewillow.wire.ethernet import EthernetFrame, emit_ethernet
from bronzewillow.wire.icmp import EchoRequest, emit_icmp
from bronzewillow.wire.ipv4 import Ipv4Packet, emit_ipv4
from bronzewillow.wire.kernel import encap_packet, segment
from bronzewillow.wire.packet import TcpPacket
from bronzewillow.wire.pcap import PcapWriter
from bronzewillow.wire.tcp import Flags, TcpOptions, TcpSegment
from bronzewillow.wire.udp import UdpDatagram, emit_udp

TCPDUMP = shutil.which("tcpdump")
needs_tcpdump = pytest.mark.skipif(TCPDUMP is None, reason="tcpdump is not installed")
UNDERLAY = (b"\xc0\x00\x02\x02", b"\xc0\x00\x02\x01")
PODS = (b"\x0a\xf4\x01\x02", b"\x0a\xf4\x07\x0a")


def outer_frame(encap: Encap, datagram: bytes) -> bytes:
    port = DEFAULT_PORTS[encap]
    payload = emit_udp(UdpDatagram(55555, port, datagram), *UNDERLAY)
    return emit_ethernet(EthernetFrame(*some.MACS, 0x0800, emit_ipv4(Ipv4Packet(*UNDERLAY, 17, payload))))


def datagrams(encap: Encap) -> list[bytes]:
    header = some.header(encap)
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
            train, piece_bytes = segment(header, TcpPacket(*PODS, text, 700))
            result.extend(bytes(train[at : at + piece_bytes]) for at in range(0, len(train), piece_bytes))
    for protocol, payload in (
        (1, emit_icmp(EchoRequest(1, 2, b"odd"))),
        (17, emit_udp(UdpDatagram(5353, 53, b"query"), *PODS)),
    ):
        result.append(bytes(encap_packet(header, Ipv4Packet(*PODS, protocol, payload))))
    request = arp.ArpPacket(arp.REQUEST, some.MACS[1], PODS[0], bytes(6), PODS[1])
    result.append(some.header(encap, arp.ETHERTYPE) + arp.emit_arp(request))
    return result


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
        timeout=20,
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
def test_it_would_have_complained() -> None:
    datagram = bytearray(datagrams(Encap.VXLAN)[0])
    datagram[58] ^= 1
    assert "incorrect" in read_by_tcpdump([outer_frame(Encap.VXLAN, bytes(datagram))])
