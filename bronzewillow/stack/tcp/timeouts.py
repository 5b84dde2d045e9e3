"""TIMEOUTS: RFC 9293 3.10.8, RFC 6298 5, and the probes of RFC 9293 3.8.4 and 3.8.6.1."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bronzewillow.stack.errors import ConnectionTimedOut
from bronzewillow.stack.tcp import output
from bronzewillow.stack.tcp.state import OPENING, State
from bronzewillow.stack.tcp.timers import Timer

if TYPE_CHECKING:
    from bronzewillow.stack.tcp.connection import Connection


_SLEPT = 1_000_000
"""A timer this late means that the process, or the machine, was asleep."""


def handle_timeout(c: Connection, now: int) -> None:
    """Do what each expired timer of `c` stands for."""
    late = now - c.timers.earliest
    if late >= _SLEPT:
        c.stalled_since += late  # nobody could try, so nobody has failed to answer
    for timer in c.timers.take_expired(now):
        if c.tcb.state is State.CLOSED:
            return
        if timer is Timer.RETRANSMIT:
            if not c.timers.is_armed(Timer.RETRANSMIT):  # a probe of the same instant goes before it
                _on_retransmission_timeout(c, now)
        elif timer is Timer.LOSS_PROBE:
            _on_loss_probe(c, now)
        elif timer is Timer.REORDERING:
            c.recovery.look_for_loss(now)
        elif timer is Timer.PERSIST:
            _on_persist(c, now)
        elif timer is Timer.PATH_PROBE:
            if c.path_probe is not None:
                c.path_probe.on_timer(c, now)
        elif timer is Timer.DELAYED_ACK:
            c.ack_now = True
        elif timer is Timer.KEEPALIVE:
            _on_keepalive(c, now)
        else:
            c.end()  # 2 MSL have passed, or nobody closed an orphan in FIN-WAIT-2
    if c.tcb.state is not State.CLOSED:
        c.tcp.mark_dirty(c)
        c.tcp.timer_queue.update(c)


def _on_retransmission_timeout(c: Connection, now: int) -> None:
    """RFC 6298 5.4 to 5.7; RFC 9293 3.8.3: after R2 the connection is given up."""
    if now - c.stalled_since >= c.user_timeout:
        _give_up(c, now)
        return
    c.tcp.counters.retransmission_timeouts += 1
    if c.tcb.state in OPENING:
        c.syn_retransmits += 1
        c.rtt.back_off()
        if c.tcb.state is State.SYN_SENT:
            output.send_syn(c, now)
        else:
            output.send_syn_ack(c, now)
        c.tcp.counters.retransmitted_segments += 1
        c.arm(Timer.RETRANSMIT, now + c.rtt.rto)
        return
    if c.path_probe is not None:
        c.path_probe.on_timeout(c)
    c.recovery.on_timeout(now)
    c.rtt.back_off()
    c.arm(Timer.RETRANSMIT, now + c.rtt.rto)


def _on_loss_probe(c: Connection, now: int) -> None:
    """RFC 8985 7.3: the timeout starts anew, so that the probe has its time."""
    if c.recovery.may_probe:
        c.tcp.counters.loss_probes += 1
        output.send_loss_probe(c, now)
        c.arm(Timer.RETRANSMIT, now + c.rtt.rto)


def _on_persist(c: Connection, now: int) -> None:
    """RFC 9293 3.8.6.1: probe for ever while the peer answers, ever more slowly."""
    if now - c.stalled_since >= c.user_timeout:
        _give_up(c, now)
        return
    if not c.flight and not c.unsent_bytes:
        return
    output.send_probe(c, now)
    c.rtt.back_off()
    c.arm(Timer.PERSIST, now + c.rtt.rto)


def _on_keepalive(c: Connection, now: int) -> None:
    """RFC 9293 3.8.4: only after silence, and only some unanswered probes end the connection."""
    due = c.last_heard + c.config.keepalive_idle
    if due > now:
        c.arm(Timer.KEEPALIVE, due)
    elif c.keepalives_sent >= c.config.keepalive_probes:
        _give_up(c, now)
    else:
        c.keepalives_sent += 1
        output.send_keepalive(c, now)
        c.arm(Timer.KEEPALIVE, now + c.config.keepalive_interval)


def _give_up(c: Connection, now: int) -> None:
    c.tcp.counters.timed_out += 1
    if c.tcb.state is not State.SYN_SENT:
        output.send_reset(c)
    said = f" (ICMP: {c.soft_error})" if c.soft_error else ""
    c.fail(ConnectionTimedOut(f"the peer does not answer{said}"), now)
