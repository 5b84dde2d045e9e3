"""The round-trip estimator and the retransmission timeout: RFC 6298."""

from __future__ import annotations

_GRANULARITY = 1_000  # RFC 6298 2, G: our timers fire within about a millisecond
_NEVER = 1 << 62


class RttEstimator:
    """srtt, rttvar and rto, all in microseconds. `srtt` is 0 until the first sample."""

    __slots__ = ("_backoff", "_base", "_max_rto", "_min_rto", "min_rtt", "rttvar", "srtt")

    def __init__(self, initial_rto: int, min_rto: int, max_rto: int) -> None:
        self.srtt = 0
        self.rttvar = 0
        self.min_rtt = _NEVER
        self._base = initial_rto
        self._backoff = 0
        self._min_rto = min_rto
        self._max_rto = max_rto

    def on_sample(self, rtt: int) -> None:
        """RFC 6298 2.2 and 2.3; `rtt` in microseconds, from a segment sent once only (Karn, section 3)."""
        rtt = max(rtt, 1)
        self.min_rtt = min(self.min_rtt, rtt)
        if not self.srtt:
            self.srtt, self.rttvar = rtt, rtt // 2
        else:
            self.rttvar += (abs(self.srtt - rtt) - self.rttvar) // 4
            self.srtt += (rtt - self.srtt) // 8
        self._base = max(self._min_rto, self.srtt + max(_GRANULARITY, 4 * self.rttvar))
        self._backoff = 0

    def back_off(self) -> None:
        """RFC 6298 5.5: double the timeout."""
        if self.rto < self._max_rto:
            self._backoff += 1

    def on_progress(self) -> None:
        """The peer's window has opened, so the doubling was that of probes and says nothing about the path.

        An acknowledgment as such does not do this: after a retransmission the doubled timeout stays until a
        sample says better (RFC 6298 5, Karn), or an RTT above the timeout would never be measured.
        """
        self._backoff = 0

    def on_syn_timeout(self, fallback_rto: int) -> None:
        """RFC 6298 5.7: a SYN that needed the timer makes data start at 3 s, unless a sample says better."""
        if not self.srtt:
            self._base = fallback_rto
        self._backoff = 0

    @property
    def rto(self) -> int:
        """The current timeout in microseconds."""
        return min(self._base << self._backoff, self._max_rto)
