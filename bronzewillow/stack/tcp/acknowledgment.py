"""What an acceptable ACK says: RFC 9293 3.10.7.4, fifth, ESTABLISHED; RFC 2018, RFC 6298, RFC 7323 4."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING

from bronzewillow.stack.tcp import output
from bronzewillow.stack.tcp.flight import SentRange
from bronzewillow.stack.tcp.recovery import Ack, Phase
from bronzewillow.stack.tcp.timers import Timer
from bronzewillow.wire.seqnum import diff, le, lt
from bronzewillow.wire.tcp import Flags, TcpSegment

if TYPE_CHECKING:
    from bronzewillow.stack.tcp.connection import Connection
    from bronzewillow.stack.tcp.ecn import Ecn

_ECE = int(Flags.ECE)
_SENT_AT = attrgetter("sent_at")


def process_ack(c: Connection, seg: TcpSegment, now: int) -> None:
    """What an acceptable ACK acknowledges, selectively and cumulatively, and the window it brings."""
    tcb, flight = c.tcb, c.flight
    acked_bytes = diff(seg.ack, tcb.snd_una)
    blocks = seg.options.sack
    if (blocks or not (acked_bytes or tcb.sack_on)) and flight and c.recovery.phase is Phase.OPEN:
        # This may tell of a loss, after which RFC 9937 5 lets leave only as much as it hears of from then on:
        # what the ACKs before it in a batch have allowed (RFC 5681 3.1, RFC 3042 2) leaves first.
        output.send_new(c, now)
    delivered: list[SentRange] = []
    dsack = None
    if blocks and tcb.sack_on:
        delivered = flight.on_sack(_sack_positions(c, seg))
        if c.path_probe is None or not c.path_probe.is_answered_by(c, blocks[0], now):
            dsack = _dsack_positions(c, seg)
    if acked_bytes > 0:
        _on_new_ack(c, seg, acked_bytes, delivered, dsack, now)
    elif delivered or dsack:
        c.recovery.on_ack(Ack(0, delivered, dsack, _echo_ms(c, seg, now)), now)
    elif flight and not blocks and _is_duplicate_ack(c, seg):
        c.recovery.on_ack(Ack(0, delivered, is_duplicate=True), now)
    if c.ecn is not None and seg.flags & _ECE:
        _on_congestion_echo(c, c.ecn, now)
    _update_window(c, seg, now)


def _on_congestion_echo(c: Connection, ecn: Ecn, now: int) -> None:
    """RFC 3168 6.1.2: as if something were lost, once for each window of data, and nothing is sent again."""
    if c.recovery.phase is Phase.OPEN and ecn.must_react(c.flight.una, c.flight.nxt):
        c.congestion.on_congestion(c.flight.used, now)


def _on_new_ack(
    c: Connection,
    seg: TcpSegment,
    acked_bytes: int,
    sacked: list[SentRange],
    dsack: tuple[int, int] | None,
    now: int,
) -> None:
    tcb, flight = c.tcb, c.flight
    used, was_recovering = flight.used, c.recovery.phase is Phase.RECOVERY
    tcb.snd_una = seg.ack
    echo_ms = _echo_ms(c, seg, now) if flight.has_resends else None
    acked = flight.on_ack(flight.una + acked_bytes)
    c.send_buffer.release(flight.una)
    if acked:
        _sample_rtt(c, acked[0] if len(acked) == 1 else max(reversed(acked), key=_SENT_AT), echo_ms, now)
    c.stalled_since = now
    if c.path_probe is not None:
        c.path_probe.on_progress(c, now)
    echoes = c.ecn is not None and seg.flags & _ECE
    may_grow = not echoes and used * 2 >= c.congestion.cwnd
    grows_first = may_grow and c.recovery.phase is Phase.OPEN
    if grows_first:  # the ACKs that this one stands for came before what it tells of a loss
        c.congestion.on_ack(acked_bytes, c.rtt.srtt, now)
    c.recovery.on_ack(Ack(acked_bytes, acked + sacked if sacked else acked, dsack, echo_ms), now)
    if may_grow and not grows_first and c.recovery.phase is not Phase.RECOVERY:
        # the ACK that ends a recovery acknowledges much that PRR has counted already
        fresh_bytes = sum(sent.end - sent.start for sent in acked) if was_recovering else acked_bytes
        c.congestion.on_ack(fresh_bytes, c.rtt.srtt, now)
    if flight:
        c.arm(Timer.RETRANSMIT, now + c.rtt.rto)  # RFC 6298 5.3
        c.recovery.probe.is_wanted = True
    else:
        c.timers.cancel_sending()  # RFC 6298 5.2
    if c.writable_wanted:
        _grow_send_buffer(c)
        c.report_writable()


def _grow_send_buffer(c: Connection) -> None:
    """Where the buffer, and neither window, holds back a user who has more.

    It gets what the path holds without a queue, and as much to follow it: a longer queue would be our own.
    """
    if c.unsent_bytes or c.tcp.memory.is_short:
        return
    window = min(c.congestion.cwnd, c.tcb.max_snd_wnd)
    c.send_buffer.grow(2 * window * c.rtt.min_rtt // max(c.rtt.srtt, 1))


def _echo_ms(c: Connection, seg: TcpSegment, now: int) -> int | None:
    """At which millisecond we made the timestamp that `seg` echoes (RFC 7323 4.1)."""
    stamps = seg.options.timestamps
    if not stamps or not c.tcb.timestamps_on:
        return None
    return now // 1_000 - diff(c.ts_value(now), stamps[1])


def _sample_rtt(c: Connection, newest: SentRange, echo_ms: int | None, now: int) -> None:
    """From our own send times, which are finer than a timestamp tick; the timestamp settles Karn's doubt."""
    if not newest.retransmitted:
        c.rtt.on_sample(now - newest.sent_at, now)
        c.congestion.on_rtt(now - newest.sent_at, c.flight.una, c.flight.nxt)
    elif echo_ms is not None:
        echoed_ms = now // 1_000 - echo_ms
        # what is in flight left at most about a round trip before the last progress: an older echo is made up
        oldest_ms = (now - c.stalled_since + 2 * c.rtt.srtt) // 1_000
        if 0 <= echoed_ms <= oldest_ms:
            c.rtt.on_sample(echoed_ms * 1_000, now)


def _sack_positions(c: Connection, seg: TcpSegment) -> list[tuple[int, int]]:
    """The blocks that can be true: above SND.UNA, not above SND.NXT, not reversed; so no DSACK."""
    una = c.flight.una
    blocks = []
    for left, right in seg.options.sack:
        start, end = una + diff(left, c.tcb.snd_una), una + diff(right, c.tcb.snd_una)
        if una < start < end <= c.flight.nxt:
            blocks.append((start, end))
    return blocks


def _dsack_positions(c: Connection, seg: TcpSegment) -> tuple[int, int] | None:
    """RFC 2883 4: a first block that is acknowledged already, or lies within the second, has come twice."""
    una, (left, right) = c.flight.una, seg.options.sack[0]
    start, end = una + diff(left, c.tcb.snd_una), una + diff(right, c.tcb.snd_una)
    if not max(una - c.tcb.max_snd_wnd, 0) <= start < end <= c.flight.nxt:
        return None
    if end <= una + max(diff(seg.ack, c.tcb.snd_una), 0):
        return start, end
    if len(seg.options.sack) > 1:
        low, high = (una + diff(edge, c.tcb.snd_una) for edge in seg.options.sack[1])
        if low <= start and end <= high:
            return start, end
    return None


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
