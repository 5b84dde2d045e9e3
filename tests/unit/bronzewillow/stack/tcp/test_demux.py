from __future__ import annotations

import pytest

from bronzewillow.stack import LocalError, StackConfig, State, TcpConfig
from bronzewillow.testing.script import LOCAL, PEER, Scripted
from bronzewillow.testing.simnet import Link, SimNet
from bronzewillow.wire.errors import DropReason
from bronzewillow.wire.packet import TcpPacket
from bronzewillow.wire.tcp import Flags, TcpSegment

B = bytes((10, 0, 0, 2))


def test_connections_are_told_apart_by_both_ends() -> None:
    s = Scripted()
    s.stack.listen(80)
    s.stack.listen(81)
    for source, source_port, port in (
        (PEER, 5, 80),
        (PEER, 6, 80),
        (PEER, 5, 81),
        (bytes((10, 0, 0, 3)), 5, 80),
    ):
        s.inject(TcpPacket(source, LOCAL, TcpSegment(source_port, port, 9, 0, int(Flags.SYN), 100)))
    assert len(s.stack.connections()) == len(s.take()) == 4


def test_local_ports_are_ephemeral_and_distinct() -> None:
    s = Scripted()
    ports = {s.stack.connect(PEER, 80, 0).local[1] for _ in range(500)}
    assert len(ports) == 500 and min(ports) >= 49_152


def test_a_local_port_is_never_a_listening_one() -> None:
    s = Scripted(StackConfig(LOCAL))
    for port in range(49_152, 65_536):
        if port != 50_000:
            s.stack.listen(port)
    assert s.stack.connect(PEER, 80, 0).local[1] == 50_000


def test_unknown_segments_are_counted() -> None:
    s = Scripted()
    s.inject(s.segment("S 0:0(0)"), s.segment(". 0:0(0) ack 5"), s.segment("R 0:0(0)"))
    assert s.stack.drops == {DropReason.NO_LISTENER: 1, DropReason.TCP_NO_CONNECTION: 2}
    assert len(s.take()) == 2


def test_segments_that_no_honest_peer_sends_get_no_answer() -> None:
    s = Scripted()
    s.stack.listen(80)
    syn = int(Flags.SYN)
    for source_port, port, flags in ((0, 80, syn), (5, 0, syn), (5, 80, syn | Flags.FIN)):
        s.inject(TcpPacket(PEER, LOCAL, TcpSegment(source_port, port, 9, 0, flags, 100)))
    assert s.stack.drops == {DropReason.TCP_PORT: 2, DropReason.TCP_FLAGS: 1}
    assert not s.take()
    assert not s.stack.connections()


def test_whom_a_listener_does_not_admit_gets_no_answer() -> None:
    s = Scripted()
    s.stack.listen(80, admits=lambda peer: peer != PEER)
    for source in (PEER, bytes((10, 0, 0, 3))):
        s.inject(TcpPacket(source, LOCAL, TcpSegment(5, 80, 9, 0, int(Flags.SYN), 100)))
    assert s.stack.drops == {DropReason.POLICY_DENIED: 1}
    assert [c.remote[0] for c in s.stack.connections()] == [bytes((10, 0, 0, 3))]


def test_a_client_that_has_used_all_ports_takes_those_in_time_wait_again() -> None:  # RFC 6191
    net = SimNet(1, Link(delay=50), a=StackConfig(LOCAL, tcp=TcpConfig(max_connections=100_000)))
    net.b.stack.listen(80)
    net.b.on_event = lambda event, now: event.connection.close(now)
    c = net.a.stack.connect(B, 80, 0)
    net.run(lambda: c.state is State.ESTABLISHED)
    c.close(net.now)
    net.run(lambda: c.state is State.TIME_WAIT)
    table = net.a.stack._tcp.connections
    for port in range(49_152, 65_536):
        table[port, B, 80] = c  # as if each were a connection of its own
    with pytest.raises(LocalError, match="no local port"):
        net.a.stack.connect(B, 80, net.now)  # too soon: its timestamps would not be newer
    net.now += 2_000_000
    again = net.a.stack.connect(B, 80, net.now)
    assert again.state is State.SYN_SENT and c.state is State.CLOSED
