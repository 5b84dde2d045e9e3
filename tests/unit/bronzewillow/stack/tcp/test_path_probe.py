from __future__ import annotations

from dataclasses import replace

from bronzewillow.stack import StackConfig, TcpConfig
from bronzewillow.testing.script import LOCAL, PEER, Scripted
from bronzewillow.wire.packet import TcpPacket

TCP = TcpConfig(window_scale=False, timestamps=False, rack=False)


def suspecting(tcp: TcpConfig = TCP) -> Scripted:
    """Two timeouts have passed: 1,410 bytes do not get through, 1,240 do."""
    s = Scripted(StackConfig(LOCAL, tcp=tcp))
    s.script("""
        listen
        <  S  0:0(0) win 65535 <mss 1460,sackOK>
        ignore
        <  .  1:1(0) ack 1
        accept
        send 1410
        >  P. 1:1411(1410) ack 1
        +200ms >  P. 1:1411(1410) ack 1
        +400ms >  P. 1:1241(1240) ack 1
    """)
    assert s.stack.counters.black_holes_suspected == 1
    return s


def ack(s: Scripted, text: str) -> None:
    s.stack.receive([TcpPacket(PEER, LOCAL, s.segment(text))], s.now)


def output(s: Scripted) -> list[TcpPacket]:
    return [packet for packet in s.stack.output(s.now) if isinstance(packet, TcpPacket)]


def path_probe(s: Scripted, size: int) -> None:
    """What leaves is one segment of `size` bytes, zeros in place of what the peer has had."""
    (packet,) = output(s)
    assert packet.segment.payload == bytes(size) and packet.mss == size


def test_what_gets_through_starts_the_search_at_the_whole() -> None:
    s = suspecting()
    ack(s, ". 1:1(0) ack 1241")
    output(s)
    s.stack.handle_timeout(s.now)
    path_probe(s, 1410)
    ack(s, ". 1:1(0) ack 1411 <sack {-169:1241}>")  # it was an outage
    assert s.c.tcb.smss == 1410
    assert s.stack._tcp.path_mtus.towards(s.c.remote[0]) == 1450
    s.script("+60s nothing")


def test_silence_twice_halves_the_search() -> None:
    s = suspecting()
    ack(s, ". 1:1(0) ack 1411")
    output(s)
    sizes = []
    while (due := s.stack.next_timeout()) is not None and due < s.now + 60_000_000:
        s.now = max(s.now, due)
        s.stack.handle_timeout(s.now)
        sizes += [len(packet.segment.payload) for packet in output(s)]
    assert sizes == [1410, 1410, 1325, 1325, 1282, 1282, 1261, 1261, 1250, 1250][: len(sizes)]
    assert len(sizes) >= 8
    assert s.c.tcb.smss == 1240
    assert s.stack._tcp.path_mtus.towards(s.c.remote[0]) == 1280


def test_a_dsack_of_anything_else_is_no_answer() -> None:
    s = suspecting()
    ack(s, ". 1:1(0) ack 1241")
    output(s)
    s.stack.handle_timeout(s.now)
    path_probe(s, 1410)
    ack(s, ". 1:1(0) ack 1411 <sack {1:1241}>")
    ack(s, ". 1:1(0) ack 1411 <sack {1:1411}>")
    assert s.c.tcb.smss == 1240


def test_a_peer_without_sack_is_not_asked() -> None:
    s = suspecting(replace(TCP, sack=False))
    s.script("< . 1:1(0) ack 1411\n+60s nothing")
    assert s.c.tcb.smss == 1240
