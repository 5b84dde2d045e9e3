"""The round-trip estimator and the retransmission timeout: RFC 6298."""

from __future__ import annotations

_MIN_RTT_WINDOW = 300_000_000  # RFC 8985 6.2 step 1 leaves it open: routes live for minutes


class RttEstimator:
    """srtt, rttvar and rto, all in microseconds. `srtt` and `min_rtt` are 0 until the first sample."""

    __slots__ = (
        "_base",
        "_granularity",
        "_max_rto",
        "_min_rto",
        "_next_min_rtt",
        "_window_began",
        "backoff",
        "min_rtt",
        "rttvar",
        "srtt",
    )

    def __init__(self, initial_rto: int, min_rto: int, max_rto: int, granularity: int = 1_000) -> None:
        """`granularity`: G of RFC 6298 2, the resolution of clock and timers."""
        self.srtt = 0
        self.rttvar = 0
        self.min_rtt = 0
        """The least of the last five to ten minutes (RFC 8985 6.2 step 1)."""
        self._next_min_rtt = 0
        self._window_began = 0
        self._granularity = granularity
        self._base = initial_rto
        self.backoff = 0
        """How often the timeout has doubled: so many timers in a row have had no answer."""
        self._min_rto = min_rto
        self._max_rto = max_rto

    def on_sample(self, rtt: int, now: int) -> None:
        """RFC 6298 2.2 and 2.3; `rtt` in microseconds, from a segment sent once only (Karn, section 3)."""
        rtt = max(rtt, 1)
        if now - self._window_began >= _MIN_RTT_WINDOW:
            self.min_rtt, self._next_min_rtt, self._window_began = self._next_min_rtt or rtt, rtt, now
        self._next_min_rtt = min(self._next_min_rtt or rtt, rtt)
        self.min_rtt = min(self.min_rtt or rtt, rtt)
        if not self.srtt:
            self.srtt, self.rttvar = rtt, rtt // 2
        else:
            self.rttvar += (abs(self.srtt - rtt) - self.rttvar) // 4
            self.srtt += (rtt - self.srtt) // 8
        # deviation: RFC 6298 2.3 lets RTO shrink to SRTT + G on a steady path, where a delayed ACK would be
        # a timeout; with the least RTO of 1 s that goes with it (2.4) RTTs beyond 900 ms would show that
        slack = max(self._granularity, 4 * self.rttvar, self._min_rto // 2)
        self._base = max(self._min_rto, self.srtt + slack)
        self.backoff = 0

    def back_off(self) -> None:
        """RFC 6298 5.5: double the timeout."""
        if self.rto < self._max_rto:
            self.backoff += 1

    def on_progress(self) -> None:
        """The peer's window has opened, so the doubling was that of probes and says nothing about the path.

        An acknowledgment as such does not do this: after a retransmission the doubled timeout stays until a
        sample says better (RFC 6298 5, Karn), or an RTT above the timeout would never be measured.
        """
        self.backoff = 0

    def on_syn_timeout(self, fallback_rto: int) -> None:
        """RFC 6298 5.7: a SYN that needed the timer makes data start at 3 s, unless a sample says better."""
        if not self.srtt:
            self._base = fallback_rto
        self.backoff = 0

    @property
    def rto(self) -> int:
        """The current timeout in microseconds."""
        return min(self._base << self.backoff, self._max_rto)
