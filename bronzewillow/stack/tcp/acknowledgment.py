"""What an acceptable ACK says: RFC 9293 3.10.7.4, fifth, ESTABLISHED; RFC 2018, RFC 6298, RFC 7323 4."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bronzewillow.stack.tcp.recovery import Phase
from bronzewillow.stack.tcp.timers import Timer
from bronzewillow.wire.seqnum import diff, le, lt
from bronzewillow.wire.tcp import TcpSegment

if TYPE_CHECKING:
    from bronzewillow.stack.tcp.connection import Connection


def process_ack(c: Connection, seg: TcpSegment, now: int) -> None:
    """What an acceptable ACK acknowledges, selectively and cumulatively, and the window it brings."""
    tcb, flight = c.tcb, c.flight
    acked_bytes = diff(seg.ack, tcb.snd_una)
    recoveries = c.recovery.fast_recoveries
    newly_sacked = flight.on_sack(_sack_positions(c, seg)) if tcb.sack_on and seg.options.sack else 0
    if acked_bytes > 0:
        _on_new_ack(c, seg, acked_bytes, now)
    elif newly_sacked or (flight and not tcb.sack_on and _is_duplicate_ack(c, seg)):
        c.recovery.on_duplicate_ack(flight, c.congestion, tcb.sack_on, tcb.eff_snd_mss, now)
    c.tcp.counters.fast_recoveries += c.recovery.fast_recoveries - recoveries
    _update_window(c, seg, now)


def _on_new_ack(c: Connection, seg: TcpSegment, acked_bytes: int, now: int) -> None:
    tcb, flight = c.tcb, c.flight
    size_before = flight.size
    tcb.snd_una = seg.ack
    newest = flight.on_ack(flight.una + acked_bytes)
    c.send_buffer.release(flight.una)
    if newest is not None:
        _sample_rtt(c, seg, newest.sent_at, newest.retransmitted, now)
    c.stalled_since = now
    c.recovery.on_new_ack(flight, c.congestion, acked_bytes, tcb.sack_on, tcb.eff_snd_mss, now)
    if c.recovery.phase is not Phase.RECOVERY and size_before * 2 >= c.congestion.cwnd:
        c.congestion.on_ack(acked_bytes, c.rtt.srtt, now)
    if flight:
        c.arm(Timer.RETRANSMIT, now + c.rtt.rto)  # RFC 6298 5.3
    else:
        c.timers.cancel(Timer.RETRANSMIT)  # RFC 6298 5.2
        c.timers.cancel(Timer.PERSIST)
    c.report_writable()


def _sample_rtt(c: Connection, seg: TcpSegment, sent_at: int, retransmitted: bool, now: int) -> None:
    """From our own send times, which are finer than a timestamp tick; the timestamp settles Karn's doubt."""
    if not retransmitted:
        c.rtt.on_sample(now - sent_at)
    elif c.tcb.timestamps_on and seg.options.timestamps:
        echoed = diff(c.ts_value(now), seg.options.timestamps[1])  # RFC 7323 4.1
        # what is in flight left at most about a round trip before the last progress: an older echo is made up
        oldest_ms = (now - c.stalled_since + 2 * c.rtt.srtt) // 1_000
        if 0 <= echoed <= oldest_ms:
            c.rtt.on_sample(echoed * 1_000)


def _sack_positions(c: Connection, seg: TcpSegment) -> list[tuple[int, int]]:
    """The blocks that can be true: above SND.UNA, not above SND.NXT, not reversed; so no DSACK."""
    una = c.flight.una
    blocks = []
    for left, right in seg.options.sack:
        start, end = una + diff(left, c.tcb.snd_una), una + diff(right, c.tcb.snd_una)
        if una < start < end <= c.flight.nxt:
            blocks.append((start, end))
    return blocks


def _is_duplicate_ack(c: Connection, seg: TcpSegment) -> bool:
    """RFC 5681 2, for a peer without SACK."""
    return seg.ack == c.tcb.snd_una and seg.len == 0 and seg.wnd << c.tcb.snd_wind_shift == c.tcb.snd_wnd


def _update_window(c: Connection, seg: TcpSegment, now: int) -> None:
    """RFC 9293 3.10.7.4: SND.WND follows the newest segment, by SND.WL1 and SND.WL2."""
    tcb = c.tcb
    if lt(seg.ack, tcb.snd_una):
        return
    if lt(tcb.snd_wl1, seg.seq) or (tcb.snd_wl1 == seg.seq and le(tcb.snd_wl2, seg.ack)):
        was_closed = tcb.snd_wnd == 0
        tcb.snd_wnd = seg.wnd << tcb.snd_wind_shift
        tcb.max_snd_wnd = max(tcb.max_snd_wnd, tcb.snd_wnd)
        tcb.snd_wl1, tcb.snd_wl2 = seg.seq, seg.ack
        if tcb.snd_wnd == 0:
            # RFC 9293 3.8.6.1 MUST-37: a peer that answers probes is alive. deviation: not after close(),
            # when nobody is left to decide that it has been enough
            if not c.orphaned:
                c.stalled_since = now
        elif was_closed:
            c.timers.cancel(Timer.PERSIST)
            c.rtt.on_progress()
            if c.flight:
                # what was sent into a closed window was refused, not lost to congestion: send it again now
                c.flight.mark_all_lost()
                c.recovery.must_retransmit = True
