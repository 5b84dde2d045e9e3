"""ICMP about our segments: RFC 1191, RFC 5927, RFC 9293 3.9.2.2."""

from __future__ import annotations

import pytest

from bronzewillow.stack.errors import ConnectionRefused
from bronzewillow.stack.events import Reset
from bronzewillow.testing.script import LOCAL, PEER, Scripted
from bronzewillow.wire import icmp, tcp
from bronzewillow.wire.errors import DropReason
from bronzewillow.wire.ipv4 import Ipv4Packet
from bronzewillow.wire.packet import TcpPacket, flatten_ipv4
from bronzewillow.wire.seqnum import add
from bronzewillow.wire.tcp import Flags, TcpSegment

ROUTER = bytes((10, 9, 9, 9))


def error_about(
    s: Scripted,
    position: int,
    code: int,
    mtu: int = 0,
    *,
    source: bytes = LOCAL,
    peer_port: int | None = None,
) -> Ipv4Packet:
    """An ICMP error that quotes our segment at relative sequence number `position`."""
    assert s.local_isn is not None
    ports = s.local_port, s.peer_port if peer_port is None else peer_port
    seg = TcpSegment(*ports, add(s.local_isn, position), 0, int(Flags.ACK), 1000, payload=b"x" * 400)
    quoted = icmp.quote(flatten_ipv4(TcpPacket(source, PEER, seg)))
    message = icmp.emit_icmp(icmp.DestinationUnreachable(code, quoted, mtu))
    return Ipv4Packet(ROUTER, LOCAL, icmp.PROTOCOL, message)


def test_too_big_makes_segments_smaller_and_sends_them_again(established: Scripted) -> None:
    s = established
    s.script("send 3000\n+0 > P. 1:3001(3000) ack 1")
    s.inject(error_about(s, 1, icmp.FRAGMENTATION_NEEDED, 640))
    (again,) = s.take()
    assert isinstance(again, TcpPacket)
    assert (len(again.segment.payload), again.mss) == (3000, 600)
    assert s.c.congestion.cwnd >= 6_000  # RFC 1191 6.4: no congestion; ten of the smaller segments
    assert s.c.congestion.ssthresh > 1_000_000
    s.script("+0 < . 1:1(0) ack 3001\nsend 1200\n> P. 3001:4201(1200) ack 1\n< . 1:1(0) ack 4201")
    assert s.stack.counters.fast_recoveries == 0


@pytest.mark.parametrize(
    "forged",
    [
        lambda s: error_about(s, 5000, icmp.FRAGMENTATION_NEEDED, 600),
        lambda s: error_about(s, -1, icmp.FRAGMENTATION_NEEDED, 600),
        lambda s: error_about(s, 1, icmp.FRAGMENTATION_NEEDED, 600, peer_port=9),
        lambda s: error_about(s, 1, icmp.FRAGMENTATION_NEEDED, 600, source=ROUTER),
        lambda s: error_about(s, 1, icmp.FRAGMENTATION_NEEDED, 1040),
        lambda s: error_about(s, 1, icmp.FRAGMENTATION_NEEDED, 65535),
    ],
    ids=["never sent", "acknowledged", "no such connection", "not our packet", "no smaller", "larger"],
)
def test_a_forged_too_big_is_ignored(established: Scripted, forged: object) -> None:
    s = established
    assert callable(forged)
    s.script("send 3000\n+0 > P. 1:3001(3000) ack 1")
    s.inject(forged(s))
    s.script("nothing")
    assert s.c.tcb.eff_snd_mss == 1000


@pytest.mark.parametrize("mtu", [0, 1, 68, 551])
def test_a_tiny_mtu_has_a_floor(established: Scripted, mtu: int) -> None:
    s = established
    s.script("send 3000\n+0 > P. 1:3001(3000) ack 1")
    s.inject(error_about(s, 1, icmp.FRAGMENTATION_NEEDED, mtu))
    s.take()
    assert s.c.tcb.eff_snd_mss == 512


@pytest.mark.parametrize("code", [icmp.PORT_UNREACHABLE, icmp.PROTOCOL_UNREACHABLE])
def test_port_unreachable_refuses_a_syn(syn_sent: Scripted, code: int) -> None:
    syn_sent.inject(error_about(syn_sent, 0, code))
    reset = syn_sent.event_log[0]
    assert isinstance(reset, Reset) and isinstance(reset.error, ConnectionRefused)
    syn_sent.script("events Reset Closed\nstate CLOSED")


@pytest.mark.rfc("9293:MUST-56")
def test_soft_errors_end_nothing(syn_sent: Scripted) -> None:
    for code in (icmp.NET_UNREACHABLE, icmp.HOST_UNREACHABLE, icmp.ADMINISTRATIVELY_PROHIBITED):
        syn_sent.inject(error_about(syn_sent, 0, code))
    syn_sent.script("state SYN_SENT\nevents")


def test_hard_errors_do_not_end_an_established_connection(established: Scripted) -> None:  # RFC 5927 5.2
    established.script("send 100\nignore")
    established.inject(error_about(established, 1, icmp.PORT_UNREACHABLE))
    established.script("state ESTABLISHED\nevents")


@pytest.mark.parametrize("size", [0, 7, 19, 27])
def test_a_short_quotation_is_dropped(established: Scripted, size: int) -> None:
    quoted = icmp.quote(Ipv4Packet(LOCAL, PEER, tcp.PROTOCOL, bytes(100)))[:size]
    message = icmp.emit_icmp(icmp.DestinationUnreachable(3, quoted))
    established.inject(Ipv4Packet(ROUTER, LOCAL, icmp.PROTOCOL, message))
    assert established.stack.drops[DropReason.TRUNCATED] == 1
