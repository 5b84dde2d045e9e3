from __future__ import annotations

import random
from dataclasses import replace

import pytest

from bronzewillow.stack import Stack, StackConfig, TcpConfig
from bronzewillow.stack.fragments import Reassembler, fragment
from bronzewillow.testing.script import LOCAL, PEER, Scripted
from bronzewillow.wire import icmp, udp
from bronzewillow.wire.errors import DropReason
from bronzewillow.wire.ipv4 import Ipv4Packet
from bronzewillow.wire.packet import TcpPacket, flatten_ipv4
from bronzewillow.wire.tcp import Flags, TcpSegment


@pytest.fixture
def stack() -> Stack:
    return Stack(StackConfig(LOCAL), random.Random(1))


def to_us(protocol: int, payload: bytes) -> Ipv4Packet:
    return Ipv4Packet(PEER, LOCAL, protocol, payload)


def answers(stack: Stack, *packets: Ipv4Packet | TcpPacket, now: int = 0) -> list[Ipv4Packet]:
    stack.receive(packets, now)
    out = stack.output(now)
    assert all(isinstance(packet, Ipv4Packet) for packet in out)
    return [packet for packet in out if isinstance(packet, Ipv4Packet)]


def test_echo(stack: Stack) -> None:
    (reply,) = answers(stack, to_us(1, icmp.emit_icmp(icmp.EchoRequest(1, 2, b"abc"))))
    assert icmp.parse_icmp(reply.payload) == icmp.EchoReply(1, 2, b"abc")
    assert (reply.source, reply.destination) == (LOCAL, PEER)
    assert stack.counters.echo_replies == 1


def test_an_echo_larger_than_the_mtu_is_fragmented_both_ways(stack: Stack) -> None:
    data = random.Random(2).randbytes(60_000)
    request = to_us(1, icmp.emit_icmp(icmp.EchoRequest(1, 2, data)))
    pieces = fragment(request, 1450, 5)
    random.Random(3).shuffle(pieces)
    replies = answers(stack, *pieces)
    assert len(replies) == 43 and all(20 + len(reply.payload) <= 1450 for reply in replies)
    reassembler = Reassembler(1 << 20, stack.drops)
    *_, whole = (reassembler.add(reply, 0) for reply in replies)
    assert whole is not None and icmp.parse_icmp(whole.payload) == icmp.EchoReply(1, 2, data)


def test_udp_has_no_listener(stack: Stack) -> None:
    payload = udp.emit_udp(udp.UdpDatagram(5000, 53, b"query"), PEER, LOCAL)
    (error,) = answers(stack, to_us(17, payload))
    message = icmp.parse_icmp(error.payload)
    assert isinstance(message, icmp.DestinationUnreachable) and message.code == icmp.PORT_UNREACHABLE
    quoted = icmp.parse_quoted(message.quoted)
    assert (quoted.source_port, quoted.destination_port) == (5000, 53)
    assert stack.drops[DropReason.NO_LISTENER] == 1


def test_a_broken_udp_datagram_gets_no_answer(stack: Stack) -> None:
    payload = bytearray(udp.emit_udp(udp.UdpDatagram(5000, 53, b"query"), PEER, LOCAL))
    payload[-1] ^= 1
    assert answers(stack, to_us(17, bytes(payload))) == []
    assert stack.drops[DropReason.BAD_UDP_CHECKSUM] == 1


def test_an_unknown_protocol(stack: Stack) -> None:
    (error,) = answers(stack, to_us(132, b"sctp perhaps"))
    message = icmp.parse_icmp(error.payload)
    assert isinstance(message, icmp.DestinationUnreachable) and message.code == icmp.PROTOCOL_UNREACHABLE
    assert stack.drops[DropReason.UNSUPPORTED_PROTOCOL] == 1


def test_errors_are_limited(stack: Stack) -> None:
    assert len(answers(stack, *[to_us(132, b"x" * 8)] * 250)) == 100
    assert len(answers(stack, to_us(132, b"x" * 8), now=1_000_000)) == 1


def test_an_error_about_an_error_is_never_sent(stack: Stack) -> None:
    about = icmp.quote(Ipv4Packet(LOCAL, PEER, 17, bytes(8)))
    for message in (icmp.DestinationUnreachable(3, about), icmp.TimeExceeded(0, about)):
        assert answers(stack, to_us(1, icmp.emit_icmp(message))) == []


@pytest.mark.parametrize(
    ("packet", "reason"),
    [
        (replace(to_us(1, b""), destination=PEER), DropReason.UNKNOWN_INNER_DESTINATION),
        (replace(to_us(1, b""), source=LOCAL), DropReason.IP_ADDRESS),
        (replace(to_us(1, b""), source=bytes((127, 0, 0, 1))), DropReason.IP_ADDRESS),
        (replace(to_us(1, b""), source=bytes((0, 0, 0, 0))), DropReason.IP_ADDRESS),
        (replace(to_us(1, b""), source=bytes((239, 1, 1, 1))), DropReason.IP_ADDRESS),
        (to_us(1, b"short"), DropReason.TRUNCATED),
        (to_us(1, bytes(8)), DropReason.BAD_ICMP_CHECKSUM),
        (to_us(6, bytes(19)), DropReason.TRUNCATED),
    ],
)
def test_bad_packets_are_counted(stack: Stack, packet: Ipv4Packet, reason: DropReason) -> None:
    assert answers(stack, packet) == []
    assert stack.drops == {reason: 1}


def test_fragmented_tcp_reaches_its_connection() -> None:
    s = Scripted()
    s.script("listen\n< S 0:0(0) <mss 1000>\nignore\n< . 1:1(0) ack 1\naccept")
    whole = flatten_ipv4(TcpPacket(PEER, LOCAL, s.segment("P. 1:1001(1000) ack 1")))
    for piece in reversed(fragment(whole, 300, 3)):
        s.inject(piece)
    s.script("events DataReceived\n+40ms > . 1:1(0) ack 1001")
    assert s.stack.counters.reassembled == 1


def test_equal_inputs_give_equal_outputs() -> None:
    outputs = []
    for _ in range(2):
        stack = Stack(StackConfig(LOCAL), random.Random(99))
        stack.connect(PEER, 80, 5)
        stack.listen(8080)
        stack.receive([TcpPacket(PEER, LOCAL, TcpSegment(1, 8080, 5, 0, int(Flags.SYN), 100))], 6)
        outputs.append(stack.output(6))
    assert outputs[0] == outputs[1] and len(outputs[0]) == 2


def test_no_timer_runs_in_an_idle_stack(stack: Stack) -> None:
    assert stack.next_timeout() is None
    stack.handle_timeout(10**12)
    assert stack.output(10**12) == [] and stack.events() == []


def test_new_settings_are_for_connections_to_come() -> None:
    """Even for one that is being opened: what was offered is what counts."""
    s = Scripted(StackConfig(LOCAL))
    s.script("connect\n> S 0:0(0)")
    s.stack.take_tcp(TcpConfig(receive_buffer_bytes=16 << 20, sack=False))
    s.script("< S. 0:0(0) ack 1 <mss 1410,sackOK,wscale 3>\nignore")
    assert s.c.tcb.rcv_wind_shift == 7 and s.c.tcb.sack_on
    later = s.stack.connect(PEER, 81, s.now)
    assert later.config.receive_buffer_bytes == 16 << 20 and not later.config.sack
