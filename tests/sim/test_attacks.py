"""What an attacker can cost: bounded memory and CPU, and a real client that is still served."""

from __future__ import annotations

import gc
import random
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from time import process_time

import pytest

from bronzewillow.stack import Accepted, Closed, Connection, Event, PeerClosed, Stack, StackConfig, TcpConfig
from bronzewillow.stack.config import SECOND
from bronzewillow.testing.invariants import Invariants
from bronzewillow.testing.script import LOCAL, PEER, Scripted
from bronzewillow.testing.simnet import Link, SimNet
from bronzewillow.wire.packet import Packet, TcpPacket
from bronzewillow.wire.seqnum import add
from bronzewillow.wire.tcp import Flags, TcpOptions, TcpSegment

SYN, ACK = int(Flags.SYN), int(Flags.ACK)
OFFERED = TcpOptions(1410, 7, True, (1, 0))
B = bytes((10, 0, 0, 2))
MEGABYTE = 1 << 20


def spoofed(i: int) -> TcpPacket:
    source = bytes((10, 1 + (i >> 16), i >> 8 & 255, i & 255))
    return TcpPacket(source, B, TcpSegment(1024 + i % 60_000, 80, i * 977, 0, SYN, 65_535, OFFERED))


def served(net: SimNet, size: int = 100_000) -> bool:
    """Whether a real client opens a connection now and gets `size` bytes up."""
    before = sum(map(len, net.b.received.values()))
    c = net.a.stack.connect(B, 80, net.now)
    c.send(bytes(size), net.now)
    net.run(lambda: sum(map(len, net.b.received.values())) == before + size, limit=5 * SECOND)
    c.close(net.now)
    return True


def attacked(config: TcpConfig, backlog: int = 128) -> SimNet:
    """A server on port 80 of b that closes when its clients do."""
    net = SimNet(1, Link(delay=100), b=StackConfig(B, tcp=config))
    net.trace = _Forgetful()
    net.b.stack.listen(80, backlog)

    def on_event(event: Event, now: int) -> None:
        if isinstance(event, PeerClosed):
            event.connection.close(now)

    net.b.on_event = on_event
    return net


def flood(count: int, config: TcpConfig) -> tuple[SimNet, float, int]:
    """`count` spoofed SYNs within a second and a client in the midst: CPU seconds and bytes that it cost."""
    net = attacked(config)
    tracemalloc.start(1)
    start, before = process_time(), tracemalloc.get_traced_memory()[0]
    for i in range(count):
        net.b.stack.receive([spoofed(i)], net.now)
        net.b.stack.output(net.now)
        net.now += SECOND // count
        if i == count // 2:
            assert served(net)
    cost = process_time() - start
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    return net, cost, grown


class _Forgetful(list[tuple[int, str, Packet]]):
    """A trace of nothing: it would be all that grows."""

    def append(self, entry: tuple[int, str, Packet]) -> None:
        pass


@pytest.mark.slow
@pytest.mark.rfc("4987:3.6")
@pytest.mark.case("case-2")
def test_100_000_spoofed_syns_in_a_second() -> None:
    net, cost, grown = flood(100_000, TcpConfig())
    assert net.b.stack.counters.syn_cookies_accepted == 1
    assert len(net.b.stack._tcp._half_open) <= 128
    assert grown < 4 * MEGABYTE, f"{grown} bytes"
    assert cost < 100_000 * 200e-6, f"{cost} s of CPU with the memory traced"
    assert served(net)


@pytest.mark.slow
@pytest.mark.parametrize("cookies", [True, False])
def test_10_000_half_open_connections(cookies: bool) -> None:
    net = attacked(TcpConfig(max_half_open=10_000, syn_cookies=cookies), backlog=10_000)
    for i in range(10_000):
        net.b.stack.receive([spoofed(i)], i)
    net.b.stack.output(10_000)
    net.now = 10_000
    assert len(net.b.stack.connections()) == 10_000
    assert served(net)
    net.run_until_quiet(400 * SECOND)
    assert net.b.stack.connections() == [] and net.b.stack.next_timeout() is None


def cycles(count: int) -> SimNet:
    """Connections opened and closed from both sides, one after the other."""
    tcp = TcpConfig(max_connections=1_000)
    net = SimNet(1, Link(delay=50), a=StackConfig(LOCAL, tcp=tcp), b=StackConfig(B, tcp=tcp))
    net.trace = _Forgetful()
    net.b.stack.listen(80)
    net.a.on_event = net.b.on_event = lambda event, now: event.connection.shutdown(now)
    for _ in range(count):
        net.a.stack.connect(B, 80, net.now)
        net.run(lambda: any(isinstance(event, Closed) for event in net.a.events))
        net.a.events.clear()
        net.b.events.clear()
    return net


@pytest.mark.slow
@pytest.mark.case("case-15")
def test_50_000_connections_leave_nothing() -> None:
    cycles(2_000)
    tracemalloc.start(1)
    net = cycles(2_000)
    few = tracemalloc.get_traced_memory()[0]
    del net
    gc.collect()  # the network is garbage in a circle, which nobody may have looked for by the end
    net = cycles(50_000)
    many = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert many - few < MEGABYTE, "more than what TIME-WAIT may hold"
    net.run_until_quiet()
    for host in (net.a, net.b):
        assert host.stack.connections() == [] and host.stack.next_timeout() is None
        assert len(host.stack._tcp.timer_queue) == 0
        assert host.stack.counters.accepted + host.stack.counters.connected == 50_000


Hostile = Callable[[Scripted, random.Random], TcpSegment]


def crafted_sack(s: Scripted, rng: random.Random) -> TcpSegment:
    """Single bytes here and there."""
    edges = [rng.randrange(2, 60_000) for _ in range(4)]
    blocks = "".join(f"{{{edge}:{edge + 1}}}" for edge in edges)
    return s.segment(f". 1:1(0) ack 1 <sack {blocks}>")


def crafted_overlap(s: Scripted, rng: random.Random) -> TcpSegment:
    """Pieces that overlap one another with other bytes."""
    start, size = rng.randrange(2, 60_000), rng.randrange(1, 1_400)
    seg = s.segment(f". {start}:{start + size}({size}) ack 1")
    return replace(seg, payload=rng.randbytes(size))


def crafted_numbers(s: Scripted, rng: random.Random) -> TcpSegment:
    """Anywhere at all: what a blind attacker sends (RFC 5961)."""
    flags = rng.choice((ACK, SYN, int(Flags.RST), ACK | int(Flags.FIN)))
    seg = s.segment(". 1:1(0) ack 1")
    return replace(seg, seq=add(seg.seq, rng.getrandbits(32) | 1 << 20), ack=rng.getrandbits(32), flags=flags)


@pytest.mark.parametrize("hostile", [crafted_sack, crafted_overlap, crafted_numbers])
@pytest.mark.case("case-11")
@pytest.mark.case("case-9")
def test_a_hostile_segment_costs_so_much_and_no_more(hostile: Hostile) -> None:
    s = Scripted(StackConfig(LOCAL, mtu=1040, tcp=TcpConfig(timestamps=False)))
    s.script("listen\n< S 0:0(0) <mss 1000,sackOK,nop,wscale 7>\nignore\n< . 1:1(0) ack 1 win 60000\naccept")
    s.c.congestion.cwnd = 60_000
    s.c.send(bytes(60_000), s.now)
    s.stack.output(s.now)
    rng = random.Random(5)
    packets = [TcpPacket(PEER, LOCAL, hostile(s, rng)) for _ in range(2_000)]
    watch = Invariants(s.stack)
    start = process_time()
    for packet in packets:
        s.stack.receive([packet], s.now)
        s.stack.output(s.now)
        s.stack.events()
    cost = (process_time() - start) / len(packets)
    watch.check()
    assert cost < 2e-3, f"{cost * 1e6} us each"
    assert s.stack.counters.challenge_acks <= s.c.config.challenge_acks_per_second
    assert s.c.reassembly.buffered_bytes <= 60_000 + 1_400


@pytest.mark.parametrize("wnd", [0, 1, 100])
def test_peers_with_tiny_windows_hold_no_more_than_their_buffers(wnd: int) -> None:
    """Hundreds of clients that ask for much and take hardly anything, and one that is served."""
    tcp = TcpConfig(send_buffer_bytes=20_000)
    net = SimNet(1, Link(delay=100), b=StackConfig(B, tcp=tcp))
    net.b.stack.listen(80, backlog=500)
    accepted: list[Connection] = []

    def serve(event: object, now: int) -> None:
        if isinstance(event, Accepted):
            accepted.append(event.connection)
            event.connection.send(bytes(100_000), now)

    net.b.on_event = serve
    isn = {}
    for i in range(300):
        syn = spoofed(i)
        net.b.stack.receive([syn], net.now)
        for packet in net.b.stack.output(net.now):
            if isinstance(packet, TcpPacket) and packet.destination == syn.source:
                isn[i] = packet.segment.seq
        seg = replace(syn.segment, seq=add(syn.segment.seq, 1), ack=add(isn[i], 1), flags=ACK, wnd=wnd)
        stamped = replace(seg, options=TcpOptions(timestamps=(2, 0)))
        net.b.stack.receive([replace(syn, segment=stamped)], net.now)
        net.b.take_events(net.now)
        net.b.stack.output(net.now)
    assert len(accepted) == 300
    start = process_time()
    net.run_until_quiet(60 * SECOND)
    assert process_time() - start < 20, "probes are few"
    assert sum(len(c.send_buffer) for c in accepted) <= 300 * 20_000
    assert served(net, 10_000)


def test_readers_that_never_read_hold_no_more_than_their_buffers() -> None:
    tcp = TcpConfig(receive_buffer_bytes=10_000)
    net = SimNet(1, Link(delay=100), b=StackConfig(B, tcp=tcp))
    net.b.consumes = False
    net.b.stack.listen(80)
    cs = [net.a.stack.connect(B, 80, 0) for _ in range(100)]
    for c in cs:
        c.send(bytes(500_000), 0)
    net.run_until_quiet(30 * SECOND)
    held = [c.unread_bytes + c.reassembly.buffered_bytes for c in net.b.stack.connections()]
    assert len(held) == 100 and max(held) <= 10_000 + 1


def test_a_blind_attacker_learns_nothing_from_the_limit_of_challenges() -> None:
    """CVE-2016-5696: what one connection has used up leaves another's alone (RFC 5961 7)."""
    stack = Stack(StackConfig(LOCAL), random.Random(1))
    stack.listen(80)
    ends = []
    for port in (40_000, 40_001):
        stack.receive([TcpPacket(PEER, LOCAL, TcpSegment(port, 80, 0, 0, SYN, 1000))], 0)
        (syn_ack,) = [packet for packet in stack.output(0) if isinstance(packet, TcpPacket)]
        seg = TcpSegment(port, 80, 1, add(syn_ack.segment.seq, 1), ACK, 1000)
        stack.receive([TcpPacket(PEER, LOCAL, seg)], 0)
        ends.append(seg)
    answers = []
    for seg in ends:
        for _ in range(100):
            stack.receive([TcpPacket(PEER, LOCAL, replace(seg, flags=SYN, ack=0))], 0)
            stack.output(0)
        answers.append(stack.counters.challenge_acks)
    assert answers == [10, 20]
