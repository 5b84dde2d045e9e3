"""Path MTUs of a stack: believed for ten minutes, by connections old and new, and by fragments."""

from __future__ import annotations

import random

from bronzewillow.stack import Connection, Stack, StackConfig
from bronzewillow.stack.path_mtu import EXPIRES, MOST, PathMtus
from bronzewillow.stack.tcp.timers import NEVER
from bronzewillow.testing.simnet import Link, SimNet
from bronzewillow.wire import icmp
from bronzewillow.wire.ipv4 import Ipv4Packet
from bronzewillow.wire.packet import TcpPacket

A, B, C = (bytes((10, 0, 0, number)) for number in (1, 2, 3))


def test_a_path_only_shrinks_until_it_expires() -> None:
    paths = PathMtus(1450)
    assert paths.next_expiry == NEVER
    assert paths.lower(B, 1300, 0)
    assert not paths.lower(B, 1300, 1) and not paths.lower(B, 1400, 1) and not paths.lower(C, 1450, 1)
    assert paths.lower(B, 1200, 5)
    assert (paths.towards(B), paths.towards(C), paths.next_expiry) == (1200, 1450, 5 + EXPIRES)
    assert paths.take_expired(4 + EXPIRES) == set()
    assert paths.take_expired(5 + EXPIRES) == {B}
    assert (paths.towards(B), paths.next_expiry) == (1450, NEVER)


def test_destinations_have_a_bound_and_the_oldest_goes() -> None:
    paths = PathMtus(1450)
    for number in range(MOST + 10):
        paths.lower(number.to_bytes(4, "big"), 1300, number)
    assert paths.towards((9).to_bytes(4, "big")) == 1450
    assert paths.towards((10).to_bytes(4, "big")) == 1300
    assert paths.next_expiry == 10 + EXPIRES


def sizes(net: SimNet, since: int) -> list[int]:
    """The largest payloads that `a` sent, packet by packet."""
    return [
        min(packet.mss or 1 << 16, len(packet.segment.payload))
        for at, who, packet in net.trace
        if who == "a" and at >= since and isinstance(packet, TcpPacket) and packet.segment.payload
    ]


def test_a_transfer_goes_on_in_smaller_segments_and_in_larger_ones_after_ten_minutes() -> None:
    net = SimNet(1, Link(delay=1000))
    net.b.stack.listen(80)
    c = net.a.stack.connect(B, 80, 0)
    net.run(lambda: c.state.value == "ESTABLISHED")
    agreed = c.tcb.eff_snd_mss
    net.a.stack.on_path_mtu(B, 1000, net.now)
    assert c.tcb.eff_snd_mss == 1000 - 40 - 12
    c.send(bytes(100_000), net.now)
    started = net.now
    net.settle()
    net.run(lambda: not c.flight and not c.unsent_bytes)
    assert max(sizes(net, started)) == 1000 - 52
    later = net.a.stack.connect(B, 80, net.now)
    net.settle()
    net.run(lambda: later.state.value == "ESTABLISHED")
    assert later.tcb.eff_snd_mss == 1000 - 52
    net.now = started + EXPIRES
    c.send(bytes(10_000), net.now)
    net.settle()
    assert c.tcb.eff_snd_mss == later.tcb.eff_snd_mss == agreed
    assert max(sizes(net, net.now)) == agreed


def test_other_destinations_keep_their_size() -> None:
    net = SimNet(1)
    net.b.stack.listen(80)
    c = net.a.stack.connect(B, 80, 0)
    net.run(lambda: c.state.value == "ESTABLISHED")
    before = c.tcb.eff_snd_mss
    net.a.stack.on_path_mtu(C, 1000, net.now)
    assert c.tcb.eff_snd_mss == before


def test_echo_replies_are_cut_to_the_path() -> None:
    stack = Stack(StackConfig(A), random.Random(1))
    request = Ipv4Packet(B, A, icmp.PROTOCOL, icmp.emit_icmp(icmp.EchoRequest(1, 1, bytes(1200))))
    stack.on_path_mtu(B, 1000, 0)
    stack.receive([request], 0)
    first, second = stack.output(0)
    assert isinstance(first, Ipv4Packet) and isinstance(second, Ipv4Packet)
    assert first.more_fragments and not first.dont_fragment
    assert 20 + len(first.payload) <= 1000
    assert first.payload + second.payload == icmp.emit_icmp(icmp.EchoReply(1, 1, bytes(1200)))


def test_a_smaller_link_shrinks_all_and_a_larger_one_is_for_those_to_come() -> None:
    net = SimNet(1)
    net.b.stack.listen(80)

    def connect() -> Connection:
        c = net.a.stack.connect(B, 80, net.now)
        net.settle()
        net.run(lambda: c.state.value == "ESTABLISHED")
        return c

    first = connect()
    net.a.stack.on_link_mtu(1300)
    second = connect()
    assert first.tcb.smss == second.tcb.smss == second.tcb.rmss == 1260
    net.a.stack.on_link_mtu(1450)
    third = connect()
    assert [one.tcb.smss for one in (first, second, third)] == [1260, 1260, 1410]
    assert net.a.stack.config.mtu == 1450
