"""scapy builds and dissects every header as a second opinion."""

from __future__ import annotations

import warnings
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from bronzewillow.testing import datagrams as some
from bronzewillow.wire import arp, checksum, geneve, icmp, icmpv6, ip, ipv4, ipv6, nd, tcp, udp, vxlan
from bronzewillow.wire._kernel import segment
from bronzewillow.wire.encap import Encap
from bronzewillow.wire.ethernet import EthernetFrame, emit_ethernet, parse_ethernet
from bronzewillow.wire.packet import TcpPacket, flatten_ipv4

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # scapy warns of its own dependencies' deprecations
    from scapy.contrib.geneve import GENEVE
    from scapy.layers import inet, inet6, l2
    from scapy.layers.vxlan import VXLAN
    from scapy.packet import Raw
    from scapy.utils import checksum as scapy_checksum

quick = settings(deadline=None, max_examples=25)
SOURCE, DESTINATION = b"\x0a\xf4\x01\x02", b"\x0a\xf4\x07\x0a"
S, D = "10.244.1.2", "10.244.7.10"
S6, D6 = "fd00:a::a102", "fd00:a::a70a"


def built(packet: Any) -> bytes:
    return bytes(packet)


def test_a_tcp_syn() -> None:
    options = [("MSS", 1410), ("SAckOK", b""), ("Timestamp", (1, 0)), ("NOP", None), ("WScale", 7)]
    theirs = inet.IP(src=S, dst=D, id=0, flags="DF", ttl=63) / inet.TCP(
        sport=40000, dport=8080, seq=0xFFFFFFFF, flags="S", window=64240, options=options
    )
    mine = tcp.TcpSegment(
        40000, 8080, 0xFFFFFFFF, 0, int(tcp.Flags.SYN), 64240, tcp.TcpOptions(1410, 7, True, (1, 0))
    )
    assert ipv4.emit_ipv4(flatten_ipv4(TcpPacket(SOURCE, DESTINATION, mine, ttl=63))) == built(theirs)
    assert tcp.parse_tcp(ipv4.parse_ipv4(built(theirs)).payload, SOURCE, DESTINATION) == mine


def test_sack_blocks() -> None:
    theirs = inet.IP(src=S, dst=D) / inet.TCP(
        options=[("NOP", None)] * 2 + [("SAck", (1, 2, 3, 4))], flags="A"
    )
    parsed = tcp.parse_tcp(ipv4.parse_ipv4(built(theirs)).payload, SOURCE, DESTINATION)
    assert parsed.options == tcp.TcpOptions(sack=((1, 2), (3, 4)))


def test_udp() -> None:
    theirs = inet.IP(src=S, dst=D, id=0, flags="DF") / inet.UDP(sport=5353, dport=53) / Raw(b"query")
    datagram = udp.UdpDatagram(5353, 53, b"query")
    payload = udp.emit_udp(datagram, SOURCE, DESTINATION)
    assert ipv4.emit_ipv4(ipv4.Ipv4Packet(SOURCE, DESTINATION, 17, payload)) == built(theirs)
    assert udp.parse_udp(ipv4.parse_ipv4(built(theirs)).payload, SOURCE, DESTINATION) == datagram


def test_icmp() -> None:
    quoted = ipv4.emit_ipv4(ipv4.Ipv4Packet(SOURCE, DESTINATION, 17, bytes(8)))
    pairs: list[tuple[icmp.IcmpMessage, Any]] = [
        (icmp.EchoRequest(7, 9, b"data"), inet.ICMP(type=8, id=7, seq=9) / Raw(b"data")),
        (icmp.EchoReply(7, 9, b"data"), inet.ICMP(type=0, id=7, seq=9) / Raw(b"data")),
        (
            icmp.DestinationUnreachable(icmp.FRAGMENTATION_NEEDED, quoted, 1450),
            inet.ICMP(type=3, code=4, nexthopmtu=1450) / Raw(quoted),
        ),
        (icmp.TimeExceeded(0, quoted), inet.ICMP(type=11, code=0) / Raw(quoted)),
        (icmp.ParameterProblem(0, quoted, 20), inet.ICMP(type=12, code=0, ptr=20) / Raw(quoted)),
    ]
    for mine, theirs in pairs:
        assert icmp.emit_icmp(mine) == built(theirs)
        assert icmp.parse_icmp(built(theirs)) == mine


def test_ipv6_with_extension_headers() -> None:
    theirs = (
        inet6.IPv6(src=S6, dst=D6, tc=0xB9, fl=0x12345, hlim=63)
        / inet6.IPv6ExtHdrHopByHop(options=[inet6.RouterAlert(value=1)])
        / inet6.IPv6ExtHdrDestOpt(options=[inet6.PadN(optdata=bytes(4))])
        / inet6.UDP(sport=5353, dport=53)
        / Raw(b"query")
    )
    parsed = ipv6.parse_ipv6(built(theirs))
    assert (parsed.traffic_class, parsed.flow_label, parsed.hop_limit) == (0xB9, 0x12345, 63)
    assert [kind for kind, _ in parsed.extensions] == [ipv6.HOP_BY_HOP, ipv6.DESTINATION_OPTIONS]
    assert parsed.payload == udp.emit_udp(udp.UdpDatagram(5353, 53, b"query"), *some.PODS_V6)
    assert ipv6.emit_ipv6(parsed) == built(theirs)


def test_ipv6_fragments() -> None:
    whole = inet6.IPv6(src=S6, dst=D6) / inet6.IPv6ExtHdrFragment(id=7) / inet6.UDP() / Raw(bytes(3000))
    for theirs in inet6.fragment6(whole, 1280):
        parsed = ipv6.parse_ipv6(built(theirs))
        assert parsed.is_fragment and parsed.identification == 7
        assert parsed.fragment_offset_bytes == theirs[inet6.IPv6ExtHdrFragment].offset * 8
        assert ipv6.emit_ipv6(parsed) == built(theirs)


def test_icmpv6_and_neighbor_discovery() -> None:
    quoted = ipv6.emit_ipv6(ipv6.Ipv6Packet(*some.PODS_V6, 17, bytes(8)))
    mac = "02:bb:bb:bb:bb:01"
    source_option, target_option = inet6.ICMPv6NDOptSrcLLAddr, inet6.ICMPv6NDOptDstLLAddr
    pairs: list[tuple[icmpv6.Icmpv6Message, Any]] = [
        (icmp.EchoRequest(7, 9, b"data"), inet6.ICMPv6EchoRequest(id=7, seq=9, data=b"data")),
        (icmp.EchoReply(7, 9, b"data"), inet6.ICMPv6EchoReply(id=7, seq=9, data=b"data")),
        (icmp.DestinationUnreachable(4, quoted), inet6.ICMPv6DestUnreach(code=4) / Raw(quoted)),
        (icmpv6.PacketTooBig(1400, quoted), inet6.ICMPv6PacketTooBig(mtu=1400) / Raw(quoted)),
        (icmp.TimeExceeded(1, quoted), inet6.ICMPv6TimeExceeded(code=1) / Raw(quoted)),
        (icmp.ParameterProblem(1, quoted, 6), inet6.ICMPv6ParamProblem(code=1, ptr=6) / Raw(quoted)),
        (
            nd.NeighborSolicitation(some.PODS_V6[1], some.MACS[0]),
            inet6.ICMPv6ND_NS(tgt=D6) / source_option(lladdr=mac),
        ),
        (
            nd.NeighborAdvertisement(some.PODS_V6[1], some.MACS[0], False, True, True),
            inet6.ICMPv6ND_NA(tgt=D6, R=0, S=1, O=1) / target_option(lladdr=mac),
        ),
    ]
    for mine, message in pairs:
        theirs = built(inet6.IPv6(src=S6, dst=D6) / message)[40:]
        assert icmpv6.emit_icmpv6(mine, *some.PODS_V6) == theirs
        assert icmpv6.parse_icmpv6(theirs, *some.PODS_V6) == mine


def test_arp_and_ethernet() -> None:
    mac, broadcast = "02:bb:bb:bb:bb:01", "ff:ff:ff:ff:ff:ff"
    theirs = l2.Ether(src=mac, dst=broadcast) / l2.ARP(
        op=1, hwsrc=mac, psrc=S, hwdst="00:00:00:00:00:00", pdst=D
    )
    mine = arp.ArpPacket(arp.REQUEST, some.MACS[0], SOURCE, bytes(6), DESTINATION)
    frame = emit_ethernet(EthernetFrame(b"\xff" * 6, some.MACS[0], arp.ETHERTYPE, arp.emit_arp(mine)))
    assert frame == built(theirs)
    assert arp.parse_arp(parse_ethernet(built(theirs)).payload) == mine


def test_vxlan_and_geneve() -> None:
    assert vxlan.emit_vxlan(vxlan.VxlanDatagram(4096)) == built(VXLAN(flags=8, vni=4096))
    assert vxlan.parse_vxlan(built(VXLAN(flags=8, vni=0xABCDEF))).vni == 0xABCDEF
    assert geneve.emit_geneve(geneve.GeneveDatagram(4096)) == built(GENEVE(vni=4096, proto=0x6558))
    assert geneve.parse_geneve(built(GENEVE(vni=0xABCDEF, proto=0x6558))).vni == 0xABCDEF


@given(some.payloads)
@quick
def test_checksums(data: bytes) -> None:
    assert checksum.internet_checksum(data) == scapy_checksum(data)


@given(some.tcp_packets(mss=st.integers(0, 60)))
@quick
def test_our_datagrams_have_the_checksums_that_scapy_computes(packet: TcpPacket) -> None:
    header = some.header(Encap.VXLAN)  # what stands in it is not read here
    train, piece_bytes = segment(header, packet)
    for start in range(len(header), len(train), piece_bytes):
        mine = bytes(train[start : start - len(header) + piece_bytes])
        theirs = inet.IP(mine) if len(packet.source) == 4 else inet6.IPv6(mine)
        if len(packet.source) == 4:
            del theirs.chksum
        else:
            del theirs.plen
        del theirs[inet.TCP].chksum
        assert built(theirs) == mine
        assert ip.emit_ip(ip.parse_ip(mine)) == mine
