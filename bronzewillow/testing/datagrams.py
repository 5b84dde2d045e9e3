"""Hypothesis strategies for the values of `bronzewillow.wire`, and trains of datagrams, right and damaged."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

from hypothesis import strategies as st

from bronzewillow.wire import _kernel, arp, icmpv6, ipv6
from bronzewillow.wire.checksum import pseudo_header_sum
from bronzewillow.wire.encap import Encap, emit_encap_header
from bronzewillow.wire.icmp import EchoRequest, emit_icmp
from bronzewillow.wire.ip import IpPacket, ethertype_of
from bronzewillow.wire.ipv4 import Ipv4Packet
from bronzewillow.wire.ipv6 import Extension, Ipv6Packet
from bronzewillow.wire.packet import TcpPacket, flatten, flatten_ipv6
from bronzewillow.wire.tcp import Flags, TcpOptions, TcpSegment
from bronzewillow.wire.udp import UdpDatagram, emit_udp

VNI = 1
PODS = (b"\x0a\xf4\x01\x02", b"\x0a\xf4\x07\x0a")
PODS_V6 = (
    bytes.fromhex("fd00000a00000000000000000000a102"),
    bytes.fromhex("fd00000a00000000000000000000a70a"),
)
MACS = (b"\x02\xbb\xbb\xbb\xbb\x01", b"\x02\xbb\xbb\xbb\xbb\x02")

_SOLICITED_NODE = bytes.fromhex("ff0200000000000000000001ff")
_FLOWS = 5

u8 = st.integers(0, 0xFF)
u16 = st.integers(0, 0xFFFF)
u32 = st.integers(0, 0xFFFFFFFF)
u24 = st.integers(0, 0xFFFFFF)
u20 = st.integers(0, 0xFFFFF)
ipv4_addresses = st.binary(min_size=4, max_size=4)
ipv6_addresses = st.binary(min_size=16, max_size=16)
address_pairs = st.tuples(ipv4_addresses, ipv4_addresses) | st.tuples(ipv6_addresses, ipv6_addresses)
macs = st.binary(min_size=6, max_size=6)
payloads = st.binary(max_size=100)


def solicited_node(address: bytes) -> bytes:
    """The multicast address on which `address` is asked for (RFC 4291 2.7.1)."""
    return _SOLICITED_NODE + address[13:]


@st.composite
def tcp_options(draw: st.DrawFn) -> TcpOptions:
    """Only options that fit a header together, so that what is emitted can be parsed back."""
    mss = draw(st.none() | u16)
    window_scale = draw(st.none() | st.integers(0, 14))
    sack_permitted = draw(st.booleans())
    timestamps = draw(st.none() | st.tuples(u32, u32))
    used = (4 if mss is not None else 0) + (4 if window_scale is not None else 0)
    used += 12 if timestamps is not None else 4 if sack_permitted else 0
    room = (40 - used - 4) // 8
    sack = tuple(draw(st.lists(st.tuples(u32, u32), max_size=max(room, 0))))
    return TcpOptions(mss, window_scale, sack_permitted, timestamps, sack)


def tcp_segments(
    flags: st.SearchStrategy[int] = u8, payload: st.SearchStrategy[bytes] = payloads
) -> st.SearchStrategy[TcpSegment]:
    return st.builds(TcpSegment, u16, u16, u32, u32, flags, u16, tcp_options(), payload, u16)


def tcp_packets(
    flags: st.SearchStrategy[int] = u8,
    payload: st.SearchStrategy[bytes] = payloads,
    mss: st.SearchStrategy[int] = st.just(0),  # noqa: B008
) -> st.SearchStrategy[TcpPacket]:
    """Of either family."""
    return st.builds(
        lambda pair, *others: TcpPacket(*pair, *others),
        address_pairs,
        tcp_segments(flags, payload),
        mss,
        u8,
        u8,
        st.just(1),
    )


def ipv4_packets() -> st.SearchStrategy[Ipv4Packet]:
    return st.builds(
        Ipv4Packet,
        ipv4_addresses,
        ipv4_addresses,
        u8,
        payloads,
        u8,
        u8,
        u16,
        st.booleans(),
        st.booleans(),
        st.integers(0, 0x1FFF).map(lambda n: n * 8),
        st.integers(0, 10).map(lambda n: b"\x01" * (n * 4)),
    )


def extensions() -> st.SearchStrategy[tuple[Extension, ...]]:
    """Hop-by-hop options only in front; padding and an option that may be skipped (RFC 8200 4.2)."""
    options = st.sampled_from((b"\x01\x04\0\0\0\0", bytes(6), b"\x05\x02\0\0\0\0", b"\x1e\x0c" + bytes(12)))
    headers = st.tuples(st.just(ipv6.DESTINATION_OPTIONS), options) | st.tuples(
        st.just(ipv6.ROUTING), st.just(b"\x04\0\0\0\0\0")
    )
    first = st.lists(st.tuples(st.just(ipv6.HOP_BY_HOP), options), max_size=1)
    return st.builds(lambda front, rest: (*front, *rest), first, st.lists(headers, max_size=4))


def ipv6_packets() -> st.SearchStrategy[Ipv6Packet]:
    """Whole packets, and fragments but the first, of any protocol that is no extension header."""
    protocols = u8.filter(lambda kind: kind not in (0, 43, 44, 60))
    plain = (ipv6_addresses, ipv6_addresses, protocols, payloads, u8, u8, u20)
    offsets = st.integers(1, 0x1FFF).map(lambda n: n * 8)
    return st.builds(Ipv6Packet, *plain, extensions=extensions()) | st.builds(
        Ipv6Packet, *plain, u32, st.booleans(), offsets, extensions()
    )


def arp_packets() -> st.SearchStrategy[arp.ArpPacket]:
    return st.builds(arp.ArpPacket, u16, macs, ipv4_addresses, macs, ipv4_addresses)


@dataclass(frozen=True, slots=True)
class Train:
    """What one read of a socket gives: see `Coalescer.add`."""

    data: bytes
    piece_bytes: int
    origin: str


def header(encap: Encap, ethertype: int = 0x0800) -> bytes:
    return emit_encap_header(encap, VNI, *MACS, ethertype)


def segmented(packet: TcpPacket, encap: Encap = Encap.VXLAN, origin: str = "peer") -> Train:
    """The train that the (interpreted) kernel makes of one super-segment."""
    data, piece_bytes = _kernel.segment(header(encap, ethertype_of(packet.source)), packet)
    return Train(bytes(data), piece_bytes, origin)


def datagram(packet: IpPacket, encap: Encap = Encap.VXLAN) -> bytes:
    """One that carries `packet`."""
    return bytes(_kernel.encap_packet(header(encap, ethertype_of(packet.source)), packet))


def random_trains(rng: random.Random, count: int, encap: Encap = Encap.VXLAN) -> list[Train]:
    """`count` trains of every kind: interleaved flows, other packets among them, and damage to a third."""
    trains: list[Train] = []
    seqs = [rng.getrandbits(32) for _ in range(_FLOWS)]
    while len(trains) < count:
        kind = rng.randrange(13)
        origin = rng.choice(("peer", "other"))
        if kind < 8:
            flow = rng.randrange(_FLOWS)
            packet = _next_of_flow(rng, flow, seqs)
            if kind == 0:
                trains.append(_partial(packet, encap, origin))
            else:
                trains.append(segmented(packet, encap, origin))
        elif kind == 12:
            trains.append(Train(_other_v6(rng, encap), 0, origin))
        else:
            trains.append(Train(_other(rng, kind, encap), 0, origin))
        if rng.randrange(3) == 0:
            trains[-1] = damaged(rng, trains[-1])
    return trains


def damaged(rng: random.Random, train: Train) -> Train:
    """A copy with a few bytes changed, most of them in a header; or cut short; or cut in other pieces."""
    data = bytearray(train.data)
    for _ in range(rng.choice((0, 1, 1, 1, 2, 5))):
        reach = len(data) if rng.randrange(3) == 0 else min(len(data), 110)
        if reach:
            data[rng.randrange(reach)] = rng.choice((0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)))
    if rng.randrange(4) == 0:
        del data[rng.randrange(len(data) + 1) :]
    piece_bytes = (
        train.piece_bytes if rng.randrange(8) else rng.choice((0, 1, 8, 22, 61, 62, 63, 81, 82, 100))
    )
    if piece_bytes == 1:
        del data[64:]
    return Train(bytes(data), piece_bytes, train.origin)


def _next_of_flow(rng: random.Random, flow: int, seqs: list[int]) -> TcpPacket:
    """The next super-segment of a flow; now and then one that may not merge with what came before.

    The last two flows are IPv6.
    """
    options = TcpOptions(timestamps=(rng.choice((5, 5, 6)), 7)) if flow != 2 else TcpOptions()
    payload = rng.randbytes(rng.choice((0, 1, 60, 300, 301, 2500)))
    flags = int(rng.choice((Flags.ACK, Flags.ACK, Flags.ACK | Flags.PSH)))
    if rng.randrange(8) == 0:
        flags = rng.randrange(256)
    seq = seqs[flow] if rng.randrange(10) else rng.getrandbits(32)
    ack = 9 if rng.randrange(8) else 10
    segment = TcpSegment(40000 + flow, 8080, seq, ack, flags, 502, options, payload)
    seqs[flow] = (seq + segment.len) & 0xFFFFFFFF
    pods = PODS if flow < 3 else PODS_V6
    return TcpPacket(*pods, segment, rng.choice((0, 60, 300, 1400)), tos=rng.choice((0, 0, 0, 0x2B)))


def _partial(packet: TcpPacket, encap: Encap, origin: str) -> Train:
    """What a kernel tunnel device leaves unfinished: the folded pseudo-header sum for a checksum."""
    flat = flatten(packet)
    left = pseudo_header_sum(flat.source, flat.destination, 6, len(flat.payload)).to_bytes(2, "big")
    payload = flat.payload[:16] + left + flat.payload[18:]
    return Train(datagram(replace(flat, payload=payload), encap), 0, origin)


def _other(rng: random.Random, kind: int, encap: Encap) -> bytes:
    """A datagram that is no plain TCP segment."""
    source, destination = PODS
    if kind == 8:
        request = arp.ArpPacket(arp.REQUEST, MACS[0], source, bytes(6), destination)
        return header(encap, arp.ETHERTYPE) + arp.emit_arp(request)
    if kind == 9:
        return rng.randbytes(rng.choice((0, 7, 8, 21, 22, 61, 62, 200)))
    if kind == 10:
        payload = emit_icmp(EchoRequest(1, rng.getrandbits(16), b"ping"))
        return datagram(Ipv4Packet(source, destination, 1, payload), encap)
    if rng.randrange(2):
        payload = emit_udp(UdpDatagram(53, 53, b"name"), source, destination)
        return datagram(Ipv4Packet(source, destination, 17, payload), encap)
    segment = TcpSegment(40000, 8080, rng.getrandbits(32), 9, int(Flags.ACK), 502, TcpOptions(), b"routed")
    flat = flatten(TcpPacket(source, destination, segment))
    odd = Ipv4Packet(
        source, destination, 6, flat.payload, options=rng.choice((b"\1\1\1\1", b"\x83\4\0\0", b"\7\0\0\0"))
    )
    return datagram(odd, encap)


def _other_v6(rng: random.Random, encap: Encap) -> bytes:
    """An echo, a fragment, or a TCP segment behind extension headers, right ones and wrong ones."""
    kind = rng.randrange(3)
    if kind == 0:
        echo = icmpv6.emit_icmpv6(EchoRequest(1, rng.getrandbits(16), b"ping"), *PODS_V6)
        return datagram(Ipv6Packet(*PODS_V6, icmpv6.PROTOCOL, echo), encap)
    if kind == 1:
        offset_bytes = rng.choice((0, 8, 1448))
        return datagram(Ipv6Packet(*PODS_V6, 17, bytes(40), 64, 0, 0, 7, True, offset_bytes), encap)
    segment = TcpSegment(40003, 8080, rng.getrandbits(32), 9, int(Flags.ACK), 502, TcpOptions(), b"routed")
    chains: tuple[tuple[Extension, ...], ...] = (
        ((ipv6.HOP_BY_HOP, bytes(6)), (ipv6.DESTINATION_OPTIONS, b"\x1e\4\0\0\0\0")),
        ((ipv6.DESTINATION_OPTIONS, bytes(6)), (ipv6.HOP_BY_HOP, bytes(6))),
        ((ipv6.ROUTING, b"\0\1\0\0\0\0"),),
        ((ipv6.DESTINATION_OPTIONS, b"\xc2\4\0\1\0\0"),),
    )
    flat = flatten_ipv6(TcpPacket(*PODS_V6, segment))
    return datagram(replace(flat, extensions=rng.choice(chains)), encap)


def pieces_of(delivered: Sequence[object]) -> int:
    """How many datagrams the packets of a flush stand for."""
    return sum(packet.pieces if isinstance(packet, TcpPacket) else 1 for packet in delivered)
