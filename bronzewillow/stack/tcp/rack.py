"""RACK: a range is lost when something sent a while after it has arrived. Read RFC 8985 6 before editing.

The state and the rules of 6.2 under their own names; which bytes are where is `Flight`'s. A super-segment is
one departure: its pieces are told apart by their positions, as RFC 8985 does for equal times.
"""

from __future__ import annotations

from bronzewillow.stack.tcp.flight import Flight, SentRange
from bronzewillow.stack.tcp.rtt import RttEstimator

_PERSIST_RECOVERIES = 16  # RFC 8985 6.2 step 4
_MAX_MULT = 64


class Rack:
    """One connection's state of RFC 8985 5.3."""

    __slots__ = (
        "_dsack_round",
        "_granularity",
        "_reo_wnd_mult",
        "_reo_wnd_persist",
        "departure",
        "end",
        "fack",
        "reordering_seen",
        "rtt",
    )

    def __init__(self, granularity: int) -> None:
        """`granularity` of the clock that gives `now`, in microseconds."""
        self.departure = 0
        """Of what has arrived, the one that left last; in place of RACK.xmit_ts."""
        self.end = 0
        """RACK.end_seq, of the same."""
        self.rtt = 0
        """RACK.rtt, of the same."""
        self.fack = 0
        """The highest position that has arrived."""
        self.reordering_seen = False
        self._granularity = granularity
        self._reo_wnd_mult = 1
        self._reo_wnd_persist = _PERSIST_RECOVERIES
        self._dsack_round = 0

    def on_delivered(
        self, delivered: list[SentRange], echo_ms: int | None, rtt: RttEstimator, now: int
    ) -> None:
        """RFC 8985 6.2 steps 2 and 3. `echo_ms`: the millisecond at which the echoed timestamp was made."""
        for sent in delivered:
            if sent.retransmitted:
                # of which transmission? Not of the last, if that is what the echo or a tiny RTT says
                if echo_ms is not None and echo_ms < sent.sent_at // 1_000:
                    continue
                if now - sent.sent_at < rtt.min_rtt:
                    continue
            elif sent.end < self.fack:
                self.reordering_seen = True
            if sent.end > self.fack:
                self.fack = sent.end
            if sent.departure > self.departure or (sent.departure == self.departure and sent.end > self.end):
                self.departure, self.end = sent.departure, sent.end
                self.rtt = now - sent.sent_at

    def forget_arrivals(self) -> None:
        """What was taken for the newest arrival was not: `on_delivered` tells of a better one."""
        self.departure = self.end = self.rtt = 0

    def on_dsack(self, flight: Flight) -> None:
        """RFC 8985 6.2 step 4: the window grows once in each round that has a DSACK."""
        if flight.una >= self._dsack_round:
            self._dsack_round = flight.nxt
            self._reo_wnd_mult = min(self._reo_wnd_mult + 1, _MAX_MULT)
            self._reo_wnd_persist = _PERSIST_RECOVERIES

    def on_recovery_left(self) -> None:
        """RFC 8985 6.2 step 4: sixteen recoveries without a DSACK shrink the window again."""
        self._reo_wnd_persist -= 1
        if self._reo_wnd_persist <= 0:
            self._reo_wnd_mult = 1

    def reo_wnd(self, flight: Flight, in_recovery: bool, smss: int, rtt: RttEstimator) -> int:
        """RFC 8985 6.2 step 4: how long what was overtaken may still be on its way, in microseconds.

        Never less than the clock can tell, once there is a window at all: with a coarse clock everything
        would have been overtaken by a whole tick, and every reordering would be a loss.
        """
        if not self.reordering_seen and (in_recovery or flight.has_dup_thresh(smss)):
            return 0
        return max(min(self._reo_wnd_mult * rtt.min_rtt // 4, rtt.srtt), self._granularity)

    def mark_lost(self, flight: Flight, reo_wnd: int, now: int) -> int | None:
        """RFC 8985 6.2 step 5. When to look again at what is overtaken and not lost yet, or None."""
        patience = self.rtt + reo_wnd
        waiting = flight.mark_lost_by_time(self.departure, self.end, now - patience)
        return None if waiting is None else waiting + patience

    def mark_lost_on_timeout(self, flight: Flight, reo_wnd: int, now: int) -> None:
        """RFC 8985 6.3: the first segment, and what is overdue; the rest may have left a moment ago."""
        flight.mark_all_lost(now - self.rtt - reo_wnd)
