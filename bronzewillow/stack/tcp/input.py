"""SEGMENT ARRIVES: RFC 9293 3.10.7, in its order. One function per step, shared by all synchronised states.

A segment here may be a super-segment: many from the wire, merged in order, with one header.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bronzewillow.stack.errors import ConnectionRefused, ConnectionResetByPeer
from bronzewillow.stack.events import Accepted, Connected, DataReceived, PeerClosed
from bronzewillow.stack.tcp import options, output
from bronzewillow.stack.tcp.acknowledgment import process_ack
from bronzewillow.stack.tcp.ecn import SETUP_SYN, SETUP_SYN_ACK, Ecn, EcnMode
from bronzewillow.stack.tcp.memory import GUARANTEED_BYTES
from bronzewillow.stack.tcp.state import RECEIVING, State, enter
from bronzewillow.stack.tcp.timers import Timer
from bronzewillow.wire.errors import DropReason
from bronzewillow.wire.seqnum import add, diff, gt, in_window, le, lt
from bronzewillow.wire.tcp import Flags, TcpSegment

if TYPE_CHECKING:
    from bronzewillow.stack.tcp.connection import Connection

_ACK = int(Flags.ACK)
_FIN = int(Flags.FIN)
_RST = int(Flags.RST)
_SYN = int(Flags.SYN)
_PAWS_IDLE = 24 * 24 * 3600 * 1_000_000  # RFC 7323 5.5: 24 days


def segment_arrives(c: Connection, seg: TcpSegment, is_marked: bool, now: int) -> None:
    """RFC 9293 3.10.7.3 and 3.10.7.4, for a segment of connection `c`; `is_marked`: its packet says CE."""
    c.last_heard = now
    c.keepalives_sent = 0
    if c.tcb.state is State.SYN_SENT:
        _in_syn_sent(c, seg, now)
    elif _is_simultaneous_syn_ack(c, seg):
        _check_ack(c, seg, now)
    elif _check_sequence(c, seg, now):
        if seg.flags & _RST:
            _on_reset(c, seg, now)
        elif seg.flags & _SYN:
            _on_syn(c, now)
        elif not seg.flags & _ACK:
            c.tcp.drop(DropReason.TCP_FLAGS)  # fifth: no ACK bit, drop
        elif _check_ack(c, seg, now):
            # sixth: the urgent pointer is advanced by nobody here, since no user asks for urgent data;
            # RFC 9293 3.8.5 MUST-30 is met by delivering the data in line
            if c.ecn is not None:
                _note_mark(c, c.ecn, seg, is_marked)
            _heed_user_timeout(c, seg)
            _segment_text(c, seg, now)
            _check_fin(c, seg, now)
    if c.tcb.state is not State.CLOSED:
        c.tcp.mark_dirty(c)


def passive_open(c: Connection, seg: TcpSegment, now: int) -> None:
    """RFC 9293 3.10.7.2, third: a SYN for a listener; `c` is new and `c.tcb.iss` is chosen."""
    _enter_syn_received(c, seg, now)
    output.send_syn_ack(c, now)
    # data or a FIN in the SYN is not kept: the peer sends it again (RFC 9293 3.10.7.2 allows to queue it)


def open_from_cookie(c: Connection, syn: TcpSegment, ack: TcpSegment, now: int) -> None:
    """`ack` has brought back the cookie of a SYN-ACK to `syn`: be where we had been, and go on from there."""
    c.from_cookie = True
    c.tcb.iss = add(ack.ack, -1)
    _enter_syn_received(c, syn, now)
    output.promise_first_window(c)
    segment_arrives(c, ack, False, now)  # a cookie has no room for ECN


def _enter_syn_received(c: Connection, seg: TcpSegment, now: int) -> None:
    tcb = c.tcb
    tcb.irs, tcb.rcv_nxt = seg.seq, add(seg.seq, 1)
    options.agree(tcb, c.tcp.config, c.config, seg.options, now)
    _heed_user_timeout(c, seg)
    c.congestion.on_mss(tcb.eff_snd_mss)
    tcb.snd_una, tcb.snd_nxt = tcb.iss, add(tcb.iss, 1)
    tcb.snd_wnd = tcb.max_snd_wnd = seg.wnd
    tcb.snd_wl1, tcb.snd_wl2 = seg.seq, 0
    enter(tcb, State.SYN_RECEIVED)
    if seg.flags & SETUP_SYN == SETUP_SYN and c.config.ecn is not EcnMode.OFF:
        c.ecn = Ecn(c.congestion.ssthresh)
    c.stalled_since = now
    c.arm(Timer.RETRANSMIT, now + c.rtt.rto)


def may_reopen(c: Connection, seg: TcpSegment) -> bool:
    """RFC 9293 3.6.1 and RFC 6191: whether a SYN may start a new connection over one in TIME-WAIT."""
    if c.tcb.state is not State.TIME_WAIT or seg.flags & (_SYN | _ACK | _RST) != _SYN:
        return False
    if c.tcb.timestamps_on and seg.options.timestamps:
        newer = diff(seg.options.timestamps[0], c.tcb.ts_recent)
        if newer:
            return newer > 0
    return gt(seg.seq, c.tcb.rcv_nxt)


# ---- SYN-SENT


def _in_syn_sent(c: Connection, seg: TcpSegment, now: int) -> None:
    """RFC 9293 3.10.7.3."""
    tcb = c.tcb
    if seg.flags & _ACK and seg.ack != add(tcb.iss, 1):  # first: ours has no data, so one value is right
        c.tcp.drop(DropReason.TCP_BAD_ACK)
        c.tcp.reply_reset(c.local[0], c.remote[0], seg)
        return
    if seg.flags & _RST:  # second: RFC 5961 3.2 leaves this case to the ACK check above
        c.tcp.counters.resets_in += 1
        if seg.flags & _ACK:
            c.fail(ConnectionRefused("the peer refused the connection"), now)
        else:
            c.tcp.drop(DropReason.TCP_FLAGS)
        return
    if not seg.flags & _SYN:  # fifth
        c.tcp.drop(DropReason.TCP_FLAGS)
        return
    tcb.irs, tcb.rcv_nxt = seg.seq, add(seg.seq, 1)  # fourth
    options.agree(tcb, c.tcp.config, c.config, seg.options, now)
    _heed_user_timeout(c, seg)
    c.congestion.on_mss(tcb.eff_snd_mss)
    tcb.snd_wnd = tcb.max_snd_wnd = seg.wnd  # RFC 7323 2.2: not scaled
    tcb.snd_wl1, tcb.snd_wl2 = seg.seq, seg.ack
    asked = c.config.ecn is EcnMode.ON and not c.syn_retransmits  # RFC 3168 6.1.1: no, if any SYN did not
    if asked and seg.flags & SETUP_SYN == (SETUP_SYN_ACK if seg.flags & _ACK else SETUP_SYN):
        c.ecn = Ecn(c.congestion.ssthresh)
    if not seg.flags & _ACK:  # simultaneous open
        enter(tcb, State.SYN_RECEIVED)
        output.send_syn_ack(c, now)
        c.arm(Timer.RETRANSMIT, now + c.rtt.rto)
        return
    tcb.snd_una = seg.ack
    enter(tcb, State.ESTABLISHED)
    _on_established(c, now)
    c.ack_now = True
    c.tcp.counters.connected += 1
    c.report(Connected(c))


def _on_established(c: Connection, now: int) -> None:
    c.timers.cancel(Timer.RETRANSMIT)
    if c.syn_retransmits:
        c.rtt.on_syn_timeout(3 * c.config.initial_rto)
    elif not c.from_cookie:
        c.rtt.on_sample(now - c.stalled_since, now)
    if c.keepalive:
        c.arm(Timer.KEEPALIVE, now + c.config.keepalive_idle)


def _heed_user_timeout(c: Connection, seg: TcpSegment) -> None:
    """RFC 5482 3.1 and 3.2: a peer that will be away for a while says so, on a SYN or later."""
    asked_s = seg.options.user_timeout_s
    if asked_s is not None and c.config.user_timeout_option and not c.user_timeout_is_set:
        c.user_timeout = options.negotiated_user_timeout(c.config.user_timeout, asked_s)


def _is_simultaneous_syn_ack(c: Connection, seg: TcpSegment) -> bool:
    """The SYN-ACK of a simultaneous open (RFC 9293 3.5, figure 7).

    deviation: its SYN lies before RCV.NXT, so 3.10.7.4 would answer it with an ACK, and both hosts would go
    by those. It acknowledges our SYN itself; to repeat our SYN-ACK instead would never end between two of us.
    """
    flags = seg.flags & (_SYN | _ACK | _RST | _FIN)
    expected = c.tcb.state is State.SYN_RECEIVED and flags == _SYN | _ACK
    return expected and seg.seq == c.tcb.irs and seg.ack == c.tcb.snd_nxt


# ---- first: the sequence number


def _check_sequence(c: Connection, seg: TcpSegment, now: int) -> bool:
    """RFC 9293 3.10.7.4, first; PAWS comes before it (RFC 7323 5.3 R1)."""
    tcb = c.tcb
    stamps = seg.options.timestamps
    if stamps and tcb.timestamps_on:
        age = diff(stamps[0], tcb.ts_recent)
        if age < 0 and not seg.flags & _RST and now - tcb.ts_recent_at < _PAWS_IDLE:
            c.tcp.counters.paws_rejected += 1
            c.tcp.drop(DropReason.TCP_PAWS)
            if seg.len:
                c.ack_now = True
            else:
                _challenge(c, now)  # an ACK for an ACK: two peers that reject each other's would never stop
            return False
    if not _is_acceptable(c, seg):
        _on_unacceptable(c, seg, now)
        return False
    if stamps and tcb.timestamps_on and le(seg.seq, tcb.last_ack_sent):  # RFC 7323 4.3 (2)
        tcb.ts_recent, tcb.ts_recent_at = stamps[0], now
    return True


def _is_acceptable(c: Connection, seg: TcpSegment) -> bool:
    """RFC 9293 table 6, with an overlap test: a super-segment may be wider than the window."""
    tcb = c.tcb
    if seg.seq == tcb.rcv_nxt:
        return True  # also at a zero window: RFC 9293 3.10.7.4 MUST-66, its ACK, RST and FIN count
    if seg.len == 0:
        # deviation: also at the right edge itself, where the ACKs of a peer stand that has filled the window
        return in_window(seg.seq, tcb.rcv_nxt, tcb.rcv_wnd + 1)
    return gt(add(seg.seq, seg.len), tcb.rcv_nxt) and lt(seg.seq, add(tcb.rcv_nxt, tcb.rcv_wnd))


def _on_unacceptable(c: Connection, seg: TcpSegment, now: int) -> None:
    """RFC 9293 3.10.7.4: answer with an ACK, unless it is a RST."""
    if seg.flags & _RST:
        c.tcp.drop(DropReason.TCP_OUT_OF_WINDOW)
    elif c.tcb.state is State.SYN_RECEIVED and seg.flags & _SYN and seg.seq == c.tcb.irs:
        output.send_syn_ack(c, now)  # our SYN-ACK was lost: one connection, the same ISN
        c.syn_retransmits += 1  # no RTT sample from it (RFC 6298 3)
    elif seg.len:
        c.tcp.counters.duplicate_segments += 1
        c.ack_now = True
        if lt(seg.seq, c.tcb.rcv_nxt):
            _report_duplicate(c, seg.seq, add(seg.seq, len(seg.payload)), now)
        if seg.flags & _FIN and c.tcb.state is State.TIME_WAIT:
            c.arm(Timer.TIME_WAIT, now + c.config.time_wait)  # eighth: restart the 2 MSL time-out
    elif add(seg.seq, 1) == c.tcb.rcv_nxt:
        c.ack_now = True  # a keep-alive probe (RFC 9293 3.8.4)
    else:
        c.tcp.drop(DropReason.TCP_OUT_OF_WINDOW)
        _challenge(c, now)


# ---- second and fourth: RST and SYN


def _on_reset(c: Connection, seg: TcpSegment, now: int) -> None:
    """RFC 9293 3.10.7.4, second, with RFC 5961 3.2: only the exact sequence number resets."""
    if seg.seq != c.tcb.rcv_nxt:
        c.tcp.drop(DropReason.TCP_OUT_OF_WINDOW)
        _challenge(c, now)
        return
    c.tcp.counters.resets_in += 1
    all_delivered = c.fin_position is not None and c.flight.una >= c.fin_position
    if c.tcb.state is State.TIME_WAIT or (c.tcb.state in (State.CLOSING, State.LAST_ACK) and all_delivered):
        c.end()  # both streams were whole: RFC 9293 3.10.7.4 does not tell the user of this RST
    else:
        refused = c.tcb.state is State.SYN_RECEIVED and c.listener is None
        c.fail(ConnectionRefused("refused") if refused else ConnectionResetByPeer("reset by the peer"), now)


def _on_syn(c: Connection, now: int) -> None:
    """RFC 5961 4.2: a SYN in a synchronised state proves nothing; the answer to an ACK would."""
    c.tcp.drop(DropReason.TCP_FLAGS)
    _challenge(c, now)


def _challenge(c: Connection, now: int) -> None:
    """A challenge ACK, limited per connection (RFC 5961 7)."""
    if now - c.challenge_since >= 1_000_000:
        c.challenge_since, c.challenge_acks = now, 0
    if c.challenge_acks < c.config.challenge_acks_per_second:
        c.challenge_acks += 1
        c.tcp.counters.challenge_acks += 1
        c.ack_now = True


# ---- fifth: the ACK


def _check_ack(c: Connection, seg: TcpSegment, now: int) -> bool:
    """RFC 9293 3.10.7.4, fifth. False when the segment ends here."""
    tcb = c.tcb
    if tcb.state is State.SYN_RECEIVED:
        if seg.ack != tcb.snd_nxt:
            c.tcp.drop(DropReason.TCP_BAD_ACK)
            c.tcp.reply_reset(c.local[0], c.remote[0], seg)
            return False
        _complete_handshake(c, seg, now)
    if gt(seg.ack, tcb.snd_nxt) or lt(seg.ack, add(tcb.snd_una, -tcb.max_snd_wnd)):
        c.tcp.drop(DropReason.TCP_BAD_ACK)  # RFC 5961 5.2
        _challenge(c, now)
        return False
    if tcb.state is State.TIME_WAIT:
        return True
    process_ack(c, seg, now)
    return _advance_closing(c, now)


def _complete_handshake(c: Connection, seg: TcpSegment, now: int) -> None:
    tcb = c.tcb
    enter(tcb, State.ESTABLISHED)
    tcb.snd_una = seg.ack
    tcb.snd_wnd = tcb.max_snd_wnd = seg.wnd << tcb.snd_wind_shift
    tcb.snd_wl1, tcb.snd_wl2 = seg.seq, seg.ack
    _on_established(c, now)
    c.tcp.leave_half_open(c)
    if c.listener is None:
        c.tcp.counters.connected += 1
        c.report(Connected(c))
    else:
        c.tcp.counters.accepted += 1
        c.report(Accepted(c, c.listener))


def _advance_closing(c: Connection, now: int) -> bool:
    """The arrows that an ACK of our FIN takes. False when the connection is gone."""
    if not c.is_fin_acknowledged:
        return True
    if c.tcb.state is State.FIN_WAIT_1:
        enter(c.tcb, State.FIN_WAIT_2)
        if c.orphaned:
            c.arm(Timer.TIME_WAIT, now + c.config.fin_wait_2)
    elif c.tcb.state is State.CLOSING:
        _enter_time_wait(c, now)
    elif c.tcb.state is State.LAST_ACK:
        c.end()
        return False
    return True


# ---- seventh and eighth: the text and the FIN


def _segment_text(c: Connection, seg: TcpSegment, now: int) -> None:
    """RFC 9293 3.10.7.4, seventh: trim to the window, deliver in order, keep the rest."""
    data = seg.payload
    tcb = c.tcb
    if not data or tcb.state not in RECEIVING:
        return
    ahead = diff(seg.seq, tcb.rcv_nxt)
    if ahead < 0:
        _report_duplicate(c, seg.seq, add(seg.seq, min(-ahead, len(data))), now)
        data = data[-ahead:]
        ahead = 0
        c.ack_now = True
        c.tcp.counters.duplicate_segments += 1
    room = tcb.rcv_wnd - ahead
    if len(data) > room:
        data = data[: max(room, 0)]
        c.ack_now = True
    if not data:
        return
    memory = c.tcp.memory
    is_refused = memory.is_short if ahead else memory.is_exhausted
    # what is early does not count against what comes next, or it would wait for ever for its gap to be filled
    held_bytes = c.received_bytes if ahead else c.unread_bytes
    if is_refused and held_bytes + len(data) > GUARANTEED_BYTES:
        c.tcp.drop(DropReason.BUFFER_LIMIT)
        c.ack_now = True
        return
    if ahead:
        c.tcp.counters.out_of_order_segments += 1
        position = c.rcv_position + ahead
        twice = c.reassembly.overlap(position, position + len(data))
        if twice is not None:
            base = tcb.rcv_nxt - c.rcv_position
            _report_duplicate(c, add(base, twice[0]), add(base, twice[1]), now)
        if not c.reassembly.insert(position, data):
            c.tcp.drop(DropReason.BUFFER_LIMIT)
        output.send_ack(c, now)  # RFC 5681 4.2: a duplicate ACK at once, one for each segment
        return
    if c.reassembly:
        data += c.reassembly.take(c.rcv_position + len(data))
        c.ack_now = True  # RFC 5681 4.2: it fills a gap
    _deliver(c, data, now)


def _note_mark(c: Connection, ecn: Ecn, seg: TcpSegment, is_marked: bool) -> None:
    """RFC 3168 6.1.3. The first echo of a mark leaves at once."""
    was_echoing = ecn.is_echoing
    ecn.on_segment(seg.flags, is_marked and bool(seg.payload))
    if ecn.is_echoing and not was_echoing:
        c.ack_now = True


def _report_duplicate(c: Connection, left: int, right: int, now: int) -> None:
    """RFC 2883 4: the next ACK names what has come twice, each such segment once."""
    if not c.tcb.sack_on or left == right:
        return
    if c.duplicate is not None:
        output.send_ack(c, now)
    c.duplicate = left, right
    c.ack_now = True


def _deliver(c: Connection, data: bytes, now: int) -> None:
    tcb = c.tcb
    size = len(data)
    c.rcv_position += size
    tcb.rcv_nxt = add(tcb.rcv_nxt, size)
    tcb.rcv_wnd = max(tcb.rcv_wnd - size, 0)
    c.unacked_bytes += size
    if c.orphaned:
        c.discarded_bytes += size
        if c.discarded_bytes > c.config.linger_bytes:
            c.abort(now)
            return
    else:
        c.unread_bytes += size
        c.report(DataReceived(c, data))
    # RFC 9293 3.8.6.3 SHLD-19, MUST-59: every second full-sized segment; full-sized is what the peer can send
    # at most, which is less than our own MSS when options take their part or its own MTU is smaller
    if c.unacked_bytes >= 2 * tcb.eff_snd_mss:
        c.ack_now = True
    elif not c.timers.is_armed(Timer.DELAYED_ACK):
        c.arm(Timer.DELAYED_ACK, now + c.config.delayed_ack)


def _check_fin(c: Connection, seg: TcpSegment, now: int) -> None:
    """RFC 9293 3.10.7.4, eighth. A FIN that arrives before its data waits for it."""
    tcb = c.tcb
    if seg.flags & _FIN and c.peer_fin_position is None and tcb.state in RECEIVING:
        c.peer_fin_position = c.rcv_position + diff(add(seg.seq, len(seg.payload)), tcb.rcv_nxt)
        c.ack_now = True
    if tcb.state not in RECEIVING or c.peer_fin_position is None or c.rcv_position < c.peer_fin_position:
        return
    tcb.rcv_nxt = add(tcb.rcv_nxt, 1)
    c.ack_now = True
    c.reassembly.clear()
    c.report(PeerClosed(c))
    if tcb.state is State.ESTABLISHED:
        enter(tcb, State.CLOSE_WAIT)
    elif tcb.state is State.FIN_WAIT_1:
        enter(tcb, State.CLOSING)  # had our FIN been acknowledged, this were FIN-WAIT-2
    else:
        _enter_time_wait(c, now)


def _enter_time_wait(c: Connection, now: int) -> None:
    """RFC 9293 3.10.7.4: start the time-wait timer, turn off the others."""
    enter(c.tcb, State.TIME_WAIT)
    c.report_closed()
    c.release_buffers()
    c.timers.cancel_all()
    c.arm(Timer.TIME_WAIT, now + c.config.time_wait)
    c.tcp.on_time_wait(c)
