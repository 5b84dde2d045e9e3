"""What must hold of a Stack after every step, whatever the peer does."""

from __future__ import annotations

from bronzewillow.stack import Stack, State
from bronzewillow.stack.tcp.connection import Connection
from bronzewillow.stack.tcp.flight import Flight
from bronzewillow.stack.tcp.state import OPENING
from bronzewillow.stack.tcp.timers import NEVER, Timer
from bronzewillow.wire.seqnum import diff

_DONE = (State.CLOSED, State.TIME_WAIT)


class Invariants:
    """Watches one stack; remembers the right window edges, which may never move left."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._edges: dict[int, tuple[Connection, int]] = {}

    def check(self) -> None:
        """AssertionError when one is broken. Call it after `output`, when the stack is at rest."""
        alive: dict[int, tuple[Connection, int]] = {}
        wake_up = self._stack.next_timeout()
        for c in self._stack.connections():
            _check_connection(c)
            edge = c.rcv_position + c.tcb.rcv_wnd
            known = self._edges.get(id(c))
            if known is not None:
                assert edge >= known[1], f"the right window edge moved left by {known[1] - edge}"
            alive[id(c)] = c, edge
            if c.timers.earliest != NEVER:
                assert wake_up is not None and wake_up <= c.timers.earliest, "a timer nobody waits for"
        for key, (c, _) in self._edges.items():
            if key not in alive:
                assert c.state is State.CLOSED, f"forgotten in {c.state}"
                assert c.timers.earliest == NEVER, "a timer is armed in CLOSED"
                assert not c.flight and not len(c.send_buffer) and not c.reassembly, "CLOSED holds data"
        self._edges = alive


def _check_connection(c: Connection) -> None:
    tcb, config = c.tcb, c.config
    assert tcb.state is not State.CLOSED, "CLOSED, and still in the table"
    assert diff(tcb.snd_nxt, tcb.snd_una) >= 0, "SND.UNA > SND.NXT"
    if tcb.state in OPENING:
        assert diff(tcb.snd_nxt, tcb.snd_una) == 1, "more than a SYN in flight"
        assert c.timers.is_armed(Timer.RETRANSMIT), "nothing would send the SYN again"
        return
    check_flight(c.flight)
    unit = 1 << tcb.rcv_wind_shift
    limit = config.receive_buffer_bytes + unit
    assert c.unread_bytes + tcb.rcv_wnd <= limit, "more offered than the buffer holds"
    assert c.unread_bytes + c.reassembly.buffered_bytes <= limit, "more held than the buffer"
    assert len(c.send_buffer) <= config.send_buffer_bytes, "the send buffer overflows"
    if tcb.state in _DONE:
        assert c.timers.is_armed(Timer.TIME_WAIT), "TIME-WAIT without an end"
        return
    assert diff(tcb.snd_nxt, tcb.snd_una) == c.flight.size, "SND.NXT - SND.UNA is not the flight"
    assert c.seq_at(c.flight.nxt) == tcb.snd_nxt, "a position is off its sequence number"
    if c.flight or c.unsent_bytes > 0:
        armed = c.timers.is_armed(Timer.RETRANSMIT) or c.timers.is_armed(Timer.PERSIST)
        assert armed, f"{c.flight.size} in flight, {c.unsent_bytes} unsent, and no timer"
    assert not c.ack_now, "an ACK is due and was not sent"
    if c.unacked_bytes:
        assert c.timers.is_armed(Timer.DELAYED_ACK), "an ACK is delayed for ever"
    assert c.congestion.cwnd > 0, "cwnd is gone"


def check_flight(flight: Flight) -> None:
    """The ranges tile [una, nxt), and the sums are the sums of their marks."""
    at = flight.una
    sacked = lost = 0
    for sent in flight.ranges():
        assert sent.start == at < sent.end, f"a gap in the flight at {at}"
        assert not (sent.sacked and sent.lost), "both SACKed and lost"
        size = sent.end - sent.start
        sacked += size * sent.sacked
        lost += size * sent.lost
        at = sent.end
    assert at == flight.nxt, "the flight ends early"
    assert (sacked, lost) == (flight.sacked_bytes, flight.lost_bytes), "the sums are wrong"
    assert flight.pipe >= 0, "a negative pipe"
