"""ICMP about our segments: RFC 1191, RFC 5927, RFC 9293 3.9.2.2."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bronzewillow.stack.errors import ConnectionRefused
from bronzewillow.stack.events import Reset
from bronzewillow.testing.script import LOCAL, PEER, Scripted
from bronzewillow.wire import icmp, tcp
from bronzewillow.wire.checksum import internet_checksum
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


@pytest.mark.rfc("9293:SHLD-6")
@pytest.mark.rfc("1191:6.4")
@pytest.mark.rfc("9293:MUST-54")
@pytest.mark.case("case-19")
@pytest.mark.case("report-27")
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
@pytest.mark.rfc("5927:4.1")
@pytest.mark.case("case-19")
def test_a_forged_too_big_is_ignored(established: Scripted, forged: object) -> None:
    s = established
    assert callable(forged)
    s.script("send 3000\n+0 > P. 1:3001(3000) ack 1")
    s.inject(forged(s))
    s.script("nothing")
    assert s.c.tcb.eff_snd_mss == 1000


@pytest.mark.parametrize("mtu", [0, 1, 68, 551])
@pytest.mark.case("case-19")
def test_a_tiny_mtu_has_a_floor(established: Scripted, mtu: int) -> None:
    s = established
    s.script("send 3000\n+0 > P. 1:3001(3000) ack 1")
    s.inject(error_about(s, 1, icmp.FRAGMENTATION_NEEDED, mtu))
    s.take()
    assert s.c.tcb.eff_snd_mss == 512


@pytest.mark.parametrize("code", [icmp.PORT_UNREACHABLE, icmp.PROTOCOL_UNREACHABLE])
@pytest.mark.rfc("9293:SHLD-26")
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


@pytest.mark.rfc("5927:5.2")
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


@pytest.mark.rfc("9293:MUST-54")
@pytest.mark.rfc("9293:SHLD-25")
@pytest.mark.rfc("9293:SHLD-20")
@pytest.mark.parametrize(
    ("code", "said"), [(0, "network unreachable"), (1, "host unreachable"), (5, "code 5"), (13, "prohibited")]
)
def test_a_soft_error_is_there_for_who_asks(established: Scripted, code: int, said: str) -> None:
    s = established
    s.script("send 10\n> P. 1:11(10) ack 1")
    s.inject(error_about(s, 1, code))
    s.script("state ESTABLISHED\nevents")  # nobody is disturbed by it
    assert said in s.c.soft_error
    s.script("+300s ignore\nstate CLOSED")
    (reset,) = [event for event in s.event_log if isinstance(event, Reset)]
    assert said in str(reset.error)


@pytest.mark.rfc("9293:MUST-56")
@pytest.mark.parametrize("kind", [icmp.TimeExceeded, icmp.ParameterProblem])
def test_time_exceeded_and_parameter_problem_are_soft(
    syn_sent: Scripted, kind: type[icmp.TimeExceeded | icmp.ParameterProblem]
) -> None:
    s = syn_sent
    about = icmp.parse_icmp(error_about(s, 0, icmp.HOST_UNREACHABLE).payload)
    assert isinstance(about, icmp.DestinationUnreachable)
    s.inject(Ipv4Packet(ROUTER, LOCAL, icmp.PROTOCOL, icmp.emit_icmp(kind(0, about.quoted))))
    s.script("state SYN_SENT\nevents")
    assert s.c.soft_error == f"{kind.__name__}, code 0"


@pytest.mark.rfc("9293:MUST-55")
def test_source_quench_is_discarded_silently(established: Scripted) -> None:
    s = established
    s.script("send 10\n> P. 1:11(10) ack 1")
    error = error_about(s, 1, icmp.HOST_UNREACHABLE)
    cwnd = s.c.congestion.cwnd
    body = b"\x04\0\0\0" + error.payload[4:]
    body = body[:2] + internet_checksum(body).to_bytes(2, "big") + body[4:]
    s.inject(replace(error, payload=body))
    s.script("nothing\nstate ESTABLISHED")
    assert s.c.congestion.cwnd == cwnd and s.c.soft_error == ""
    assert s.stack.drops == {DropReason.UNSUPPORTED_ICMP: 1}
