"""Black holes: a path that takes no large segment and says nothing of it. Read RFC 4821 and RFC 8899.

Full-sized segments that go unanswered twice in a row are taken for one: segments shrink, so that the
connection goes on. Whether it was one the search tells: it sends again, at a size in question, what the peer
has acknowledged long ago. The peer's DSACK of exactly that (RFC 2883) proves that the size fits, silence
twice that it does not. Such a probe has no part in the stream: its loss is no loss, and nobody waits for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bronzewillow.stack.tcp import output
from bronzewillow.stack.tcp.options import set_send_mss
from bronzewillow.stack.tcp.timers import Timer
from bronzewillow.wire.seqnum import add

if TYPE_CHECKING:
    from bronzewillow.stack.tcp.connection import Connection

_FULL_STOPS = 2  # RFC 4821 7.7
_MOST_TRIES = 2
_CLOSE_ENOUGH = 16  # bytes between what fits and what does not, at which the search ends
_SAFE_MTUS = {4: (1280, 552), 16: (1280,)}  # by length of the address; RFC 8200 5, RFC 1191 7.1


class PathProbe:
    """One connection's search. All sizes are of `tcb.smss`."""

    __slots__ = ("_high", "_low", "_seq", "_size", "_timeouts", "_tries", "_was")

    def __init__(self) -> None:
        self._timeouts = 0
        self._was = 0  # smss before the suspicion; 0: there is none
        self._low = 0  # gets through
        self._high = 0  # the largest that may
        self._size = 0  # of the probe that is out; 0: none is
        self._seq = 0  # where it begins
        self._tries = 0

    def on_timeout(self, c: Connection) -> None:
        """The retransmission timer has expired; before anything is sent again."""
        self._timeouts += 1 + c.recovery.probe.is_out  # a tail loss probe went unanswered before
        oldest = c.flight.oldest
        if self._timeouts < _FULL_STOPS or oldest is None:
            return
        self._timeouts = _FULL_STOPS - 1  # what is as unanswered then shrinks again at once
        for mtu in _SAFE_MTUS[len(c.remote[0])]:
            safe = mtu - c.tcp.config.header_bytes
            if safe < c.tcb.smss and oldest.end - oldest.start > safe:
                self._was = self._was or c.tcb.smss
                self._stop(c)
                c.tcp.counters.black_holes_suspected += 1
                _use(c, safe)
                return

    def on_progress(self, c: Connection, now: int) -> None:
        """SND.UNA has advanced: what is in use now gets through."""
        self._timeouts = 0
        if self._was and not self._high and c.tcb.sack_on:
            self._low, self._high = c.tcb.smss, self._was
            c.arm(Timer.PATH_PROBE, now)

    def on_timer(self, c: Connection, now: int) -> None:
        """Time for the first probe, or the last one has been waited for long enough."""
        if self._size and self._tries >= _MOST_TRIES:
            self._high, self._size = self._size - 1, 0
        self._go_on(c, now)

    def is_answered_by(self, c: Connection, block: tuple[int, int], now: int) -> bool:
        """Whether `block`, the first of an ACK's, is the DSACK of our probe."""
        if not self._size or block != (self._seq, add(self._seq, self._payload_bytes(c))):
            return False
        self._low, self._size = self._size, 0
        _use(c, self._low)
        self._go_on(c, now)
        return True

    def _go_on(self, c: Connection, now: int) -> None:
        self._high = min(self._high, c.tcb.path_smss)  # ICMP, or our own tunnel, may have spoken meanwhile
        if self._high - self._low < _CLOSE_ENOUGH:
            if self._low < self._was:
                c.tcp.on_path_mtu(c.remote[0], self._low + c.tcp.config.header_bytes, now)
            self._was = 0
            self._stop(c)
            return
        if not self._size:
            # the whole first: most often it was an outage, and no black hole
            first = self._high == self._was
            self._size = self._high if first else (self._low + self._high + 1) // 2
            self._tries = 0
        self._tries += 1
        self._seq = output.send_path_probe(c, self._payload_bytes(c), now)
        c.arm(Timer.PATH_PROBE, now + c.rtt.rto)

    def _payload_bytes(self, c: Connection) -> int:
        return self._size - c.tcb.smss + c.tcb.eff_snd_mss

    def _stop(self, c: Connection) -> None:
        self._high = self._size = 0
        c.timers.cancel(Timer.PATH_PROBE)


def _use(c: Connection, smss: int) -> None:
    set_send_mss(c.tcb, smss)
    c.congestion.on_mss(c.tcb.eff_snd_mss)
