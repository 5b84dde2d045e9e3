"""Paths that take no large packet, or for a while none at all, and say nothing of it: RFC 4821, RFC 8899."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from bronzewillow.stack import StackConfig, TcpConfig
from bronzewillow.testing.exchange import Exchange, recorded
from bronzewillow.testing.simnet import MILLISECOND, SECOND, Link, SimNet
from bronzewillow.wire.packet import TcpPacket

A, B = bytes((10, 0, 0, 1)), bytes((10, 0, 0, 2))
A6, B6 = b"\xfd" + bytes(14) + b"\1", b"\xfd" + bytes(14) + b"\2"
PLAIN = TcpConfig(window_scale=False, timestamps=False, sack=False)


def net_of(mtu: int, tcp: TcpConfig = TcpConfig(), ends: tuple[bytes, bytes] = (A, B)) -> SimNet:  # noqa: B008
    """Both stacks believe in 1,450 bytes."""
    link = Link(delay=5 * MILLISECOND, mtu=mtu)
    a, b = (StackConfig(address, tcp=tcp) for address in ends)
    return SimNet(1, link, a=a, b=b)


def largest(net: SimNet, since: int = 0) -> int:
    """Payload of the largest segment that a has sent."""
    return max(
        min(len(packet.segment.payload), packet.mss)
        for now, sender, packet in net.trace
        if sender == "a" and now >= since and isinstance(packet, TcpPacket)
    )


@pytest.mark.parametrize(
    ("up", "down", "seconds"), [(200_000, 0, 3), (0, 200_000, 3), (200_000, 200_000, 30)]
)
@pytest.mark.rfc("4821:7.7")
@pytest.mark.case("case-19")
@pytest.mark.case("report-27")
@pytest.mark.parametrize("tcp", [TcpConfig(), replace(TcpConfig(), timestamps=False), PLAIN])
@pytest.mark.parametrize(("mtu", "ends"), [(1400, (A, B)), (1280, (A, B)), (600, (A, B)), (1300, (A6, B6))])
def test_a_black_hole_is_passed(
    tmp_path: Path,
    mtu: int,
    ends: tuple[bytes, bytes],
    tcp: TcpConfig,
    up: int,
    down: int,
    seconds: int,
) -> None:
    net = net_of(mtu, tcp, ends)
    with recorded(net, 1, tmp_path):
        Exchange(net, up=up, down=down).run(limit=seconds * SECOND)
    for host, size in ((net.a, up), (net.b, down)):
        assert (host.stack.counters.black_holes_suspected > 0) == (size > 0)


@pytest.mark.rfc("4821:7.6.1")
@pytest.mark.parametrize("mtu", [600, 1290, 1300, 1400, 1435])
@pytest.mark.case("report-27")
def test_the_search_finds_what_gets_through(mtu: int) -> None:
    net = net_of(mtu)
    net.b.stack.listen(80)
    c = net.a.stack.connect(B, 80, 0)
    c.send(bytes(500_000), 0)
    net.run(lambda: sum(map(len, net.b.received.values())) == 500_000)
    net.run_until_quiet(30 * SECOND)
    assert mtu - 40 - 16 < c.tcb.smss <= mtu - 40
    suspected = net.a.stack.counters.black_holes_suspected
    started = net.now
    later = net.a.stack.connect(B, 80, net.now)  # which knows from the first segment on
    later.send(bytes(500_000), net.now)
    net.run(lambda: sum(map(len, net.b.received.values())) == 1_000_000)
    assert later.tcb.smss == c.tcb.smss and largest(net, started) == c.tcb.eff_snd_mss
    assert net.a.stack.counters.black_holes_suspected == suspected
    assert later.retransmitted_segments == 0


@pytest.mark.parametrize("tcp", [TcpConfig(), replace(TcpConfig(), timestamps=False)])
def test_an_outage_is_no_black_hole(tcp: TcpConfig) -> None:
    """Segments shrink, for nobody knows better; the first probe afterwards makes them whole again."""
    net = net_of(65_535, tcp)
    net.b.stack.listen(80)
    c = net.a.stack.connect(B, 80, 0)
    net.run(lambda: bool(net.a.events))
    whole = net.forward.link
    c.send(bytes(100_000), net.now)
    net.forward.link = replace(whole, loss=1.0)
    for _ in range(60):
        net.step()
        if net.now > 4 * SECOND:
            break
    assert net.a.stack.counters.black_holes_suspected >= 1
    net.forward.link = whole
    net.run(lambda: sum(map(len, net.b.received.values())) == 100_000)
    net.run_until_quiet(5 * SECOND)
    assert c.tcb.smss == 1410
    assert net.a.stack._tcp.path_mtus.towards(B) == 1450


def test_small_segments_are_not_suspected() -> None:
    net = net_of(65_535)
    net.b.stack.listen(80)
    c = net.a.stack.connect(B, 80, 0)
    net.run(lambda: bool(net.a.events))
    net.forward.link = replace(net.forward.link, loss=1.0)
    c.send(bytes(400), net.now)
    for _ in range(30):
        net.step()
    assert net.a.stack.counters.retransmission_timeouts > 3
    assert net.a.stack.counters.black_holes_suspected == 0


def test_what_was_learnt_is_forgotten_after_ten_minutes() -> None:
    net = net_of(1300)
    net.b.stack.listen(80)
    c = net.a.stack.connect(B, 80, 0)
    c.send(bytes(100_000), 0)
    net.run(lambda: sum(map(len, net.b.received.values())) == 100_000)
    net.run_until_quiet(30 * SECOND)
    assert c.tcb.smss <= 1260
    net.now += 601 * SECOND
    net.forward.link = replace(net.forward.link, mtu=65_535)
    c.send(bytes(100_000), net.now)
    net.settle()
    net.run(lambda: sum(map(len, net.b.received.values())) == 200_000)
    assert c.tcb.smss == 1410


def test_it_can_be_switched_off() -> None:
    net = net_of(1300, TcpConfig(path_probing=False, user_timeout=10 * SECOND))
    net.b.stack.listen(80)
    c = net.a.stack.connect(B, 80, 0)
    c.send(bytes(100_000), 0)
    net.run_until_quiet(60 * SECOND)
    assert not net.b.received and c.state.value == "CLOSED"
