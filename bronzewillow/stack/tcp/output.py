"""What a connection may send now. Payloads are super-segments; the wire layer cuts them at `mss`.

`transmit` is called once for each connection that something happened to, after all input of a batch: so
many arrivals are answered by one ACK, and data carries it where there is data.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bronzewillow.stack.tcp import options
from bronzewillow.stack.tcp.ecn import ECT_0, SETUP_SYN, SETUP_SYN_ACK, EcnMode
from bronzewillow.stack.tcp.frto import Step
from bronzewillow.stack.tcp.memory import GUARANTEED_BYTES
from bronzewillow.stack.tcp.reassembly import MAX_SACK_BLOCKS
from bronzewillow.stack.tcp.state import RECEIVING, State, enter
from bronzewillow.stack.tcp.timers import Timer
from bronzewillow.wire.packet import new_tcp_packet
from bronzewillow.wire.seqnum import add
from bronzewillow.wire.tcp import NO_OPTIONS, Flags, TcpSegment, new_options, new_segment

if TYPE_CHECKING:
    from bronzewillow.stack.tcp.connection import Connection
    from bronzewillow.stack.tcp.flight import SentRange

_ACK = int(Flags.ACK)
_ECE = int(Flags.ECE)
_FIN = int(Flags.FIN)
_PSH = int(Flags.PSH)
_RST_ACK = int(Flags.RST | Flags.ACK)
_SYN = int(Flags.SYN)
_SYN_ACK = int(Flags.SYN | Flags.ACK)
_UNLIMITED = 1 << 62
_UNSCALED = 0xFFFF


def transmit(c: Connection, now: int) -> None:
    """Send all that windows allow: lost ranges, new data, a FIN, and a bare ACK if one is due."""
    state = c.tcb.state
    if state is State.CLOSED or state is State.SYN_SENT:
        return
    if c.duplicate is not None:
        send_ack(c, now)  # before data does: a segment of data has no room for SACK blocks
    if state not in (State.SYN_RECEIVED, State.TIME_WAIT):
        _send_data(c, now)
        if c.flight or c.unsent_bytes:
            _restart_timers(c, now)
    if c.ack_now:
        send_ack(c, now)


def _send_data(c: Connection, now: int) -> None:
    """Lost ranges, then new data; while a timeout is being judged, two new segments and nothing else."""
    frto = c.recovery.frto
    if frto is not None and frto.step is Step.NEW_DATA:
        before = c.flight.nxt
        send_new(c, now, 2 * c.tcb.eff_snd_mss)
        if c.flight.nxt == before:  # RFC 5682 2.1 step 2 b: there is none, or the peer has no room for it
            frto = c.recovery.frto = None
        else:
            frto.step = Step.SECOND_ACK
    if frto is not None and frto.step is Step.SECOND_ACK:
        return
    if c.flight.lost_bytes:
        _retransmit_lost(c, now)
    send_new(c, now)


def _retransmit_lost(c: Connection, now: int) -> None:
    """RFC 6675 5 (C): as long as cwnd - pipe holds a segment, send the first range that is lost."""
    mss = c.tcb.eff_snd_mss
    flight, recovery = c.flight, c.recovery
    while sent := flight.next_lost():
        room = c.congestion.cwnd - recovery.pipe
        if recovery.must_retransmit:
            room = max(room, mss)
            recovery.must_retransmit = False
        if room < min(mss, sent.end - sent.start):
            return
        size = min(max(room // mss, 1), max(c.config.max_super_segment_bytes // mss, 1)) * mss
        flight.split_range(sent, size)
        _resend(c, sent, now)


def _resend(c: Connection, sent: SentRange, now: int) -> None:
    """Send a range again; the last of it may be our FIN."""
    start, end = sent.start, sent.end
    has_fin = c.fin_position is not None and end > c.fin_position
    data = c.send_buffer.peek(start, end - start - has_fin)
    segments = max(-(-len(data) // c.tcb.eff_snd_mss), 1)
    c.retransmitted_segments += segments
    c.tcp.counters.retransmitted_segments += segments
    _send(c, c.seq_at(start), _ACK | _PSH | (_FIN if has_fin else 0), data, now)
    c.recovery.on_retransmit(sent, now)


def send_new(c: Connection, now: int, at_most: int = _UNLIMITED) -> None:
    """New data, as far as both windows go, then the FIN that waits behind it."""
    if c.fin_position is not None or not (c.unsent_bytes or c.fin_wanted):
        return
    tcb, flight, config = c.tcb, c.flight, c.config
    mss = tcb.eff_snd_mss
    if not flight and now - c.last_sent > c.rtt.rto:
        c.congestion.on_idle(now)
    limit = max(config.max_super_segment_bytes // mss, 1) * mss
    room = min(c.snd_wnd_left, c.congestion.cwnd - c.recovery.pipe, at_most)
    unsent = c.unsent_bytes
    while unsent:
        size = min(unsent, room, limit)
        if size <= 0 or not _is_worth_sending(c, size, unsent):
            return
        if size < unsent and size > mss:
            size -= size % mss
        _send_piece(c, size, now)
        room -= size
        unsent -= size
    if c.fin_wanted and c.fin_position is None:  # it did not go with the last of the data
        # RFC 9293 3.8.6: a FIN takes part in sequence space, but no receiver needs buffer for it
        _send(c, tcb.snd_nxt, _ACK | _FIN, b"", now)
        _advance(c, 1, now)
        _on_fin_sent(c)


def _send_piece(c: Connection, size: int, now: int) -> None:
    """The next `size` bytes, and the FIN if they are the last."""
    is_last = size == c.unsent_bytes
    fin = is_last and c.fin_wanted
    data = c.send_buffer.peek(c.flight.nxt, size)
    flags = _ACK | (_PSH if is_last else 0) | (_FIN if fin else 0)
    ect = 0
    if c.ecn is not None:
        ect = ECT_0  # RFC 3168 6.1.2, 6.1.5, 6.1.6: new data alone, neither retransmissions nor probes
        flags |= c.ecn.take_cwr(c.congestion.ssthresh)
    _send(c, c.tcb.snd_nxt, flags, data, now, ect=ect)
    _advance(c, size + fin, now)
    if fin:
        _on_fin_sent(c)


def _is_worth_sending(c: Connection, size: int, unsent: int) -> bool:
    """RFC 9293 3.8.6.2.1: sender's silly window avoidance, and Nagle (3.7.4) if it is on."""
    mss = c.tcb.eff_snd_mss
    if size >= mss:
        return True
    if size == unsent:
        return not (c.config.nagle and c.flight)
    return size * 2 >= c.tcb.max_snd_wnd


def _advance(c: Connection, size: int, now: int) -> None:
    if not c.flight:
        c.stalled_since = now
    c.recovery.on_send(size, now)
    c.tcb.snd_nxt = add(c.tcb.snd_nxt, size)
    c.last_sent = now


def _on_fin_sent(c: Connection) -> None:
    c.fin_position = c.flight.nxt - 1
    enter(c.tcb, State.LAST_ACK if c.tcb.state is State.CLOSE_WAIT else State.FIN_WAIT_1)


def _restart_timers(c: Connection, now: int) -> None:
    """RFC 6298 5.1, and the persist timer of RFC 9293 3.8.6.1 when only the window holds data back."""
    timers = c.timers
    if c.flight:
        if c.tcb.snd_wnd == 0:  # the peer closed its window over data in flight: probe, do not time out
            timers.cancel(Timer.RETRANSMIT)
            if not timers.is_armed(Timer.PERSIST):
                c.arm(Timer.PERSIST, now + c.rtt.rto)
        else:
            timers.cancel(Timer.PERSIST)
            if not timers.is_armed(Timer.RETRANSMIT):
                c.arm(Timer.RETRANSMIT, now + c.rtt.rto)
    elif c.unsent_bytes and not timers.is_armed(Timer.PERSIST):
        c.stalled_since = now
        c.arm(Timer.PERSIST, now + c.rtt.rto)
    look_again_at = c.recovery.look_again_at
    if look_again_at is not None:
        c.arm(Timer.REORDERING, look_again_at)
    else:
        timers.cancel(Timer.REORDERING)
    _restart_probe(c, now)


def _restart_probe(c: Connection, now: int) -> None:
    """RFC 8985 7.2: anew whenever new data leaves or is acknowledged, never beyond the RTO."""
    probe = c.recovery.probe
    if not c.recovery.may_probe or not c.tcb.snd_wnd:
        c.timers.cancel(Timer.LOSS_PROBE)
    elif probe.is_wanted:
        probe.is_wanted = False
        pto = probe.timeout(c.flight.size, c.tcb.eff_snd_mss, c.rtt.srtt)
        c.arm(Timer.LOSS_PROBE, min(now + pto, c.timers.deadlines[Timer.RETRANSMIT]))


def send_loss_probe(c: Connection, now: int) -> None:
    """RFC 8985 7.3: a segment of new data where there is some, or else the last one again; cwnd or no."""
    size = min(c.unsent_bytes, c.snd_wnd_left, c.tcb.eff_snd_mss)
    if size > 0:
        _send_piece(c, size, now)
    else:
        data_end = c.flight.nxt if c.fin_position is None else c.fin_position
        _resend(c, c.flight.take_tail(data_end, c.tcb.eff_snd_mss), now)
    c.recovery.probe.on_sent(c.flight.nxt, is_retransmission=size <= 0)


def send_probe(c: Connection, now: int) -> None:
    """A zero-window probe: one byte, new or old, that makes the peer tell its window (RFC 9293 3.8.6.1).

    A window that is open, but too small for `_is_worth_sending`, is filled: RFC 9293 3.8.6.2.1 (the override
    timeout). One byte at a time would get a peer with a small buffer nowhere.
    """
    c.tcp.counters.zero_window_probes += 1
    oldest = c.flight.oldest
    if oldest is not None:
        at = oldest.start
        c.flight.split_range(oldest, 1)
        fin = _FIN if c.fin_position == at else 0
        _send(c, c.seq_at(at), _ACK | fin, b"" if fin else c.send_buffer.peek(at, 1), now)
        c.recovery.on_retransmit(oldest, now)  # so that its acknowledgment is no RTT sample (Karn)
    elif c.unsent_bytes:
        size = max(min(c.snd_wnd_left, c.unsent_bytes, c.tcb.eff_snd_mss), 1)
        _send(c, c.tcb.snd_nxt, _ACK, c.send_buffer.peek(c.flight.nxt, size), now)
        _advance(c, size, now)


def send_path_probe(c: Connection, size: int, now: int) -> int:
    """One segment of `size` bytes, whole, that the peer has long had (`path_probe`). Its sequence number."""
    tcb = c.tcb
    timestamps = (c.ts_value(now), tcb.ts_recent) if tcb.timestamps_on else None
    options = new_options(None, None, False, timestamps) if timestamps else NO_OPTIONS
    seq = add(tcb.snd_una, -size)
    wnd = _window_field(c)
    segment = TcpSegment(c.local[1], c.remote[1], seq, tcb.rcv_nxt, _ACK, wnd, options, bytes(size))
    tcb.last_ack_sent = tcb.rcv_nxt
    _put(c, segment, size)
    return seq


def send_ack(c: Connection, now: int) -> None:
    """A bare ACK, with SACK blocks when something has arrived early (RFC 2018 4)."""
    _send(c, _acceptable_seq(c), _ACK, b"", now, with_sack=True)


def _acceptable_seq(c: Connection) -> int:
    """SND.NXT, or the right edge of the peer's window where we have sent beyond it.

    RFC 9293 3.10.7.4 has the peer drop what lies outside its window, and with it the acknowledgment that it
    carries. A probe byte in a closed window, or a window that shrank, would so deafen it: two hosts that both
    offer a zero window would never hear of each other's opening again.
    """
    if c.tcb.state is State.TIME_WAIT or c.snd_wnd_left >= 0 or not c.flight:
        return c.tcb.snd_nxt
    return add(c.tcb.snd_una, min(c.tcb.snd_wnd, c.flight.size))


def send_keepalive(c: Connection, now: int) -> None:
    """RFC 9293 3.8.4: a sequence number that the peer has acknowledged already makes it answer."""
    _send(c, add(c.tcb.snd_nxt, -1), _ACK, b"", now)


def send_syn(c: Connection, now: int) -> None:
    """Our SYN of an active open."""
    tcb = c.tcb
    wnd = min(c.receive_window.size, _UNSCALED)
    tcb.rcv_wnd = wnd
    offered = options.offer(c.tcp.config, c.config, c.ts_value(now))
    # RFC 3168 6.1.1.1: a SYN that was not answered goes without, as what dropped it may mind the flags
    setup = SETUP_SYN if c.config.ecn is EcnMode.ON and not c.syn_retransmits else 0
    _put(c, TcpSegment(c.local[1], c.remote[1], tcb.iss, 0, _SYN | setup, wnd, offered))
    c.last_sent = now


def send_syn_ack(c: Connection, now: int) -> None:
    """The answer to a SYN; RFC 7323 2.2: the window of a SYN is never scaled."""
    tcb = c.tcb
    wnd = promise_first_window(c)
    answered = options.answer(c.tcp.config, c.ts_value(now), tcb)
    flags = _SYN_ACK if c.ecn is None else _SYN_ACK | SETUP_SYN_ACK
    _put(c, TcpSegment(c.local[1], c.remote[1], tcb.iss, tcb.rcv_nxt, flags, wnd, answered))
    c.last_sent = now


def promise_first_window(c: Connection) -> int:
    """What our SYN-ACK says, or has said: its window field."""
    tcb = c.tcb
    wnd = min(c.receive_window.size, _UNSCALED)
    tcb.rcv_wnd = max(tcb.rcv_wnd, wnd)  # an ACK in SYN-RECEIVED may have promised more already
    tcb.last_ack_sent = tcb.rcv_nxt
    return wnd


def send_reset(c: Connection) -> None:
    """RFC 9293 3.10.5: <SEQ=SND.NXT><CTL=RST>; with an ACK, which strict receivers like to see."""
    c.tcp.counters.resets_out += 1
    tcb = c.tcb
    _put(c, TcpSegment(c.local[1], c.remote[1], _acceptable_seq(c), tcb.rcv_nxt, _RST_ACK, 0))


def has_window_update(c: Connection) -> bool:
    """RFC 9293 3.8.6.2.2: the right edge moves by a worthwhile step only, and then it is told at once."""
    if c.tcb.state not in RECEIVING:
        return False
    return _free_bytes(c) - c.tcb.rcv_wnd >= min(c.receive_window.size // 2, 2 * c.tcb.rmss)


def _free_bytes(c: Connection) -> int:
    """Room for the peer's data, as far as a window field can tell of it."""
    size = c.receive_window.size
    if c.tcp.memory.is_short:
        size = min(size, GUARANTEED_BYTES)
    return min(size - c.unread_bytes, _UNSCALED << c.tcb.rcv_wind_shift)


def _window_field(c: Connection) -> int:
    """The 16-bit window to send. The promised right edge never moves left (RFC 9293 3.8.6, SHLD-14)."""
    tcb = c.tcb
    free_bytes = _free_bytes(c)
    promised = tcb.rcv_wnd
    step = min(c.receive_window.size // 2, tcb.rmss)
    offered = free_bytes if free_bytes - promised >= step else promised
    # Rounding up by less than one scale unit keeps the edge. Not so past the buffer's end: each odd-sized
    # segment would move the edge a little further; then what was promised stays good, and the field says less
    # (RFC 7323 2.4).
    field = min(-(-offered >> tcb.rcv_wind_shift), _UNSCALED)
    if (field << tcb.rcv_wind_shift) - free_bytes >= 1 << tcb.rcv_wind_shift:
        field = offered >> tcb.rcv_wind_shift
    tcb.rcv_wnd = max(field << tcb.rcv_wind_shift, promised)
    return field


def _send(
    c: Connection, seq: int, flags: int, data: bytes, now: int, *, with_sack: bool = False, ect: int = 0
) -> None:
    tcb = c.tcb
    timestamps = (c.ts_value(now), tcb.ts_recent) if tcb.timestamps_on else None
    sack: tuple[tuple[int, int], ...] = ()
    if with_sack and tcb.sack_on and (c.reassembly or c.duplicate is not None):
        sack = _sack_blocks(c)
    carried = new_options(None, None, False, timestamps, sack) if timestamps or sack else NO_OPTIONS
    if c.ecn is not None and c.ecn.is_echoing:
        flags |= _ECE
    wnd = _window_field(c)
    segment = new_segment(c.local[1], c.remote[1], seq, tcb.rcv_nxt, flags, wnd, carried, data)
    tcb.last_ack_sent = tcb.rcv_nxt
    c.ack_now = False
    c.unacked_bytes = 0
    c.timers.cancel(Timer.DELAYED_ACK)
    _put(c, segment, ect=ect)


def _sack_blocks(c: Connection) -> tuple[tuple[int, int], ...]:
    """RFC 2883 4: what has come twice first, whatever RCV.NXT is; then what has come early (RFC 2018 4)."""
    base = c.tcb.rcv_nxt - c.rcv_position
    early = tuple((add(base, left), add(base, right)) for left, right in c.reassembly.sack_blocks())
    twice, c.duplicate = c.duplicate, None
    return early if twice is None else (twice, *early)[:MAX_SACK_BLOCKS]


def _put(c: Connection, segment: TcpSegment, mss: int = 0, ect: int = 0) -> None:
    mss = mss or c.tcb.eff_snd_mss
    size = len(segment.payload)
    c.tcp.counters.segments_out += -(-size // mss) if size > mss else 1
    c.tcp.counters.payload_bytes_out += size
    tos, ttl = c.tos | ect, c.tcp.config.ttl
    c.tcp.out.append(new_tcp_packet(c.local[0], c.remote[0], segment, mss, tos, ttl))
