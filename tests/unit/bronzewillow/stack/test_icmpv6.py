from __future__ import annotations

import random
from dataclasses import replace

import pytest

from bronzewillow.stack import Connection, Reset, Stack, StackConfig, State
from bronzewillow.stack.errors import ConnectionRefused
from bronzewillow.stack.fragments import fragment
from bronzewillow.stack.icmpv6 import echo_reply, too_big, unreachable, unrecognized
from bronzewillow.testing.simnet import SimNet
from bronzewillow.wire import icmpv6, udp
from bronzewillow.wire.errors import DropReason
from bronzewillow.wire.icmp import (
    DestinationUnreachable,
    EchoReply,
    EchoRequest,
    ParameterProblem,
    TimeExceeded,
)
from bronzewillow.wire.ipv6 import DESTINATION_OPTIONS, HOP_BY_HOP, NO_NEXT_HEADER, Ipv6Packet
from bronzewillow.wire.packet import TcpPacket, flatten_ipv6
from bronzewillow.wire.tcp import Flags, TcpSegment

A, B = bytes.fromhex("fd00000a") + bytes(11) + b"\2", bytes.fromhex("fd00000a") + bytes(11) + b"\3"
ROUTER = bytes.fromhex("20010db8") + bytes(11) + b"\x99"
SYN = TcpSegment(0, 80, 0, 0, int(Flags.SYN), 1000)


@pytest.fixture
def stack() -> Stack:
    return Stack(StackConfig(B), random.Random(1))


def message(content: icmpv6.Icmpv6Message, source: bytes = A, destination: bytes = B) -> Ipv6Packet:
    payload = icmpv6.emit_icmpv6(content, source, destination)
    return Ipv6Packet(source, destination, icmpv6.PROTOCOL, payload)


def answers(stack: Stack, *packets: Ipv6Packet, now: int = 0) -> list[icmpv6.Icmpv6Message]:
    stack.receive(packets, now)
    read = []
    for packet in stack.output(now):
        assert isinstance(packet, Ipv6Packet) and (packet.source, packet.destination) == (B, A)
        read.append(icmpv6.parse_icmpv6(packet.payload, B, A))
    return read


def test_an_echo_reply_has_the_same_data_and_traffic_class() -> None:
    request = Ipv6Packet(A, B, icmpv6.PROTOCOL, b"", traffic_class=0x28)
    reply = echo_reply(request, EchoRequest(7, 8, b"data"))
    assert (reply.source, reply.destination, reply.traffic_class) == (B, A, 0x28)
    assert icmpv6.parse_icmpv6(reply.payload, B, A) == EchoReply(7, 8, b"data")


def test_echo(stack: Stack) -> None:
    assert answers(stack, message(EchoRequest(1, 2, b"abc"))) == [EchoReply(1, 2, b"abc")]
    assert (stack.counters.echo_replies, stack.counters.icmp_in, stack.counters.icmp_out) == (1, 1, 1)


def test_an_echo_larger_than_the_mtu_is_fragmented_both_ways(stack: Stack) -> None:
    data = random.Random(2).randbytes(30_000)
    pieces = fragment(message(EchoRequest(1, 2, data)), 1450, 5)
    random.Random(3).shuffle(pieces)
    stack.receive(pieces, 0)
    replies = stack.output(0)
    assert len(replies) > 20
    asker = Stack(StackConfig(A), random.Random(2))
    asker.receive(replies, 0)
    assert asker.counters.reassembled == asker.counters.icmp_in == 1 and not asker.drops


def test_udp_has_no_listener(stack: Stack) -> None:
    payload = udp.emit_udp(udp.UdpDatagram(5000, 53, b"query"), A, B)
    (error,) = answers(stack, Ipv6Packet(A, B, 17, payload))
    assert isinstance(error, DestinationUnreachable) and error.code == icmpv6.PORT_UNREACHABLE
    assert icmpv6.parse_quoted(error.quoted).destination_port == 53
    assert stack.drops == {DropReason.NO_LISTENER: 1}


@pytest.mark.rfc("8200:8.1")
def test_udp_without_a_checksum_gets_no_answer(stack: Stack) -> None:
    payload = udp.emit_udp(udp.UdpDatagram(5000, 53, b"query"), A, B)
    assert answers(stack, Ipv6Packet(A, B, 17, payload[:6] + b"\0\0" + payload[8:])) == []
    assert stack.drops == {DropReason.BAD_UDP_CHECKSUM: 1}


@pytest.mark.rfc("4443:3.4")
def test_an_unknown_protocol_is_pointed_at(stack: Stack) -> None:
    plain = Ipv6Packet(A, B, 132, b"sctp perhaps")
    chain = ((HOP_BY_HOP, bytes(6)), (DESTINATION_OPTIONS, bytes(14)))
    for packet, pointer in ((plain, 6), (replace(plain, extensions=chain), 48)):
        (error,) = answers(stack, packet)
        assert error == ParameterProblem(1, icmpv6.quote(packet), pointer)
        assert isinstance(error, ParameterProblem) and error.quoted[pointer] == 132
    assert answers(stack, replace(plain, protocol=NO_NEXT_HEADER)) == []
    assert stack.drops == {DropReason.UNSUPPORTED_PROTOCOL: 3}


def test_errors_are_limited(stack: Stack) -> None:
    assert len(answers(stack, *[Ipv6Packet(A, B, 132, b"x" * 8)] * 250)) == 100


@pytest.mark.rfc("4443:2.4e")
def test_errors_are_never_about_these(stack: Stack) -> None:
    plain = Ipv6Packet(A, B, 99, b"x" * 8)
    for packet in (
        replace(plain, fragment_offset_bytes=8),
        replace(plain, source=b"\xff\2" + bytes(14)),
        replace(plain, source=bytes(16)),
        replace(plain, destination=b"\xff\2" + bytes(14)),
        message(TimeExceeded(0, bytes(48))),
        replace(message(EchoRequest(1, 2)), payload=b""),
    ):
        assert unreachable(packet, icmpv6.ADDRESS_UNREACHABLE) is None
        assert unrecognized(packet) is None
    assert unreachable(message(EchoRequest(1, 2)), icmpv6.ADDRESS_UNREACHABLE) is not None
    about = icmpv6.quote(Ipv6Packet(B, A, 17, bytes(8)))
    for error in (DestinationUnreachable(4, about), TimeExceeded(0, about)):
        assert answers(stack, message(error)) == []


@pytest.mark.parametrize(
    ("packet", "reason"),
    [
        (replace(message(EchoRequest(1, 2)), destination=A), DropReason.UNKNOWN_INNER_DESTINATION),
        (replace(message(EchoRequest(1, 2)), source=B), DropReason.IP_ADDRESS),
        (replace(message(EchoRequest(1, 2)), source=bytes(16)), DropReason.IP_ADDRESS),
        (replace(message(EchoRequest(1, 2)), source=bytes(15) + b"\1"), DropReason.IP_ADDRESS),
        (replace(message(EchoRequest(1, 2)), source=b"\xff\2" + bytes(14)), DropReason.IP_ADDRESS),
        (Ipv6Packet(A, B, 58, bytes(8)), DropReason.BAD_ICMP_CHECKSUM),
        (Ipv6Packet(A, B, 6, bytes(19)), DropReason.TRUNCATED),
        (Ipv6Packet(A, B, 1, bytes(8)), DropReason.UNSUPPORTED_PROTOCOL),
    ],
)
def test_bad_packets_are_counted(stack: Stack, packet: Ipv6Packet, reason: DropReason) -> None:
    stack.receive([packet], 0)
    assert stack.drops == {reason: 1}


# ---- errors about our segments


def sending(size: int) -> tuple[SimNet, Connection]:
    """`a` has a connection, and `size` bytes that are due on it."""
    net = SimNet(1, a=StackConfig(A), b=StackConfig(B))
    net.b.stack.listen(80)
    c = net.a.stack.connect(B, 80, 0)
    net.run(lambda: c.state is State.ESTABLISHED)
    c.send(b"x" * size, net.now)
    return net, c


def first_segment(net: SimNet) -> TcpPacket:
    """What `a` sends now."""
    (packet,) = net.a.stack.output(net.now)
    assert isinstance(packet, TcpPacket)
    return packet


def quoted(packet: TcpPacket) -> bytes:
    """What a router quotes of its first piece."""
    piece = replace(packet.segment, payload=packet.segment.payload[: packet.mss])
    return icmpv6.quote(flatten_ipv6(replace(packet, segment=piece)))


@pytest.mark.rfc("8201:5.4")
def test_too_big_makes_segments_smaller_and_sends_them_again() -> None:
    net, c = sending(5000)
    assert c.tcb.smss == 1450 - 60
    packet = first_segment(net)
    net.a.stack.receive([message(icmpv6.PacketTooBig(1300, quoted(packet)), ROUTER, A)], net.now)
    again = first_segment(net)
    assert (len(again.segment.payload), again.segment.seq) == (5000, packet.segment.seq)
    assert again.mss == 1300 - 60 - 12
    net.a.stack.receive([message(icmpv6.PacketTooBig(1400, quoted(packet)), ROUTER, A)], net.now)
    assert c.tcb.smss == 1240  # no larger again by this


@pytest.mark.rfc("8201:4")
@pytest.mark.parametrize("mtu", [0, 68, 1279])
def test_below_the_smallest_mtu_nobody_is_believed(mtu: int) -> None:
    net, c = sending(5000)
    packet = first_segment(net)
    net.a.stack.receive([message(icmpv6.PacketTooBig(mtu, quoted(packet)), ROUTER, A)], net.now)
    assert c.tcb.smss == 1390
    assert net.a.stack.drops == {DropReason.BAD_ICMP: 1}


def test_a_forged_too_big_is_ignored() -> None:
    net, c = sending(5000)
    packet = first_segment(net)
    for forged in (
        replace(packet, segment=replace(packet.segment, seq=packet.segment.seq + 10_000 & 0xFFFFFFFF)),
        replace(packet, segment=replace(packet.segment, source_port=9)),
        replace(packet, source=ROUTER),
    ):
        net.a.stack.receive([message(icmpv6.PacketTooBig(1300, quoted(forged)), ROUTER, A)], net.now)
    assert c.tcb.smss == 1390
    assert sum(net.a.stack.drops.values()) == 3


@pytest.mark.parametrize(
    ("error", "refused"),
    [
        (DestinationUnreachable(icmpv6.PORT_UNREACHABLE), True),
        (ParameterProblem(icmpv6.UNRECOGNIZED_NEXT_HEADER), True),
        (DestinationUnreachable(icmpv6.NO_ROUTE), False),
        (DestinationUnreachable(icmpv6.ADDRESS_UNREACHABLE), False),
        (TimeExceeded(0), False),
    ],
)
def test_what_refuses_a_syn(
    error: DestinationUnreachable | ParameterProblem | TimeExceeded, refused: bool
) -> None:
    net = SimNet(1, a=StackConfig(A), b=StackConfig(B))
    c = net.a.stack.connect(B, 80, 0)
    net.a.stack.output(0)
    syn = TcpPacket(A, B, replace(SYN, source_port=c.local[1], seq=c.tcb.iss))
    about = replace(error, quoted=icmpv6.quote(flatten_ipv6(syn)))
    net.a.stack.receive([message(about, ROUTER, A)], 0)
    assert (c.state is State.CLOSED) == refused
    resets = [event.error for event in net.a.stack.events() if isinstance(event, Reset)]
    assert [type(reset) for reset in resets] == ([ConnectionRefused] if refused else [])


def test_hard_errors_do_not_end_an_established_connection() -> None:  # RFC 5927 5.2
    net, c = sending(100)
    about = DestinationUnreachable(icmpv6.PORT_UNREACHABLE, quoted(first_segment(net)))
    net.a.stack.receive([message(about, ROUTER, A)], net.now)
    assert c.state is State.ESTABLISHED


def test_an_error_may_come_from_another_address() -> None:
    error = unreachable(Ipv6Packet(A, B, 99, b"text"), icmpv6.ADDRESS_UNREACHABLE, ROUTER)
    assert error is not None and (error.source, error.destination) == (ROUTER, A)
    assert icmpv6.parse_icmpv6(error.payload, ROUTER, A)


def test_what_does_not_fit_the_link_is_too_big() -> None:
    fits, large = (Ipv6Packet(A, B, 99, bytes(size)) for size in (1390, 1391))
    assert too_big(fits, 1430, ROUTER) is None
    error = too_big(large, 1430, ROUTER)
    assert error is not None and (error.source, error.destination) == (ROUTER, A)
    assert icmpv6.parse_icmpv6(error.payload, ROUTER, A) == icmpv6.PacketTooBig(1430, icmpv6.quote(large))
    assert too_big(Ipv6Packet(A, bytes((255,)) * 16, 99, bytes(2000)), 1430, ROUTER) is None
