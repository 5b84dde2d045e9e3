"""HyStart++: leave slow start when round trips grow, before the queue overflows. Read RFC 9406 4 first."""

from __future__ import annotations

_MIN_RTT_THRESH = 4_000  # RFC 9406 4.3, all in microseconds
_MAX_RTT_THRESH = 16_000
_MIN_RTT_DIVISOR = 8
_N_RTT_SAMPLE = 8
_CSS_GROWTH_DIVISOR = 4
_CSS_ROUNDS = 5
_INFINITE = 1 << 62


class HyStart:
    """Initial slow start, and the conservative slow start (CSS) that tests whether its end was real."""

    __slots__ = (
        "_css_baseline_min_rtt",
        "_css_rounds",
        "_current_round_min_rtt",
        "_last_round_min_rtt",
        "_rtt_samples",
        "_window_end",
        "is_done",
    )

    def __init__(self) -> None:
        self.is_done = False
        """Slow start has ended: ssthresh is cwnd now."""
        self._window_end = 0  # stream position
        self._last_round_min_rtt = _INFINITE
        self._current_round_min_rtt = _INFINITE
        self._rtt_samples = 0
        self._css_baseline_min_rtt = _INFINITE
        self._css_rounds = 0  # 0: not in CSS

    def on_rtt(self, rtt: int, una: int, nxt: int) -> None:
        """RFC 9406 4.2: a sample in microseconds, and where the flight begins and ends."""
        if una >= self._window_end:
            self._begin_round(nxt)
        self._current_round_min_rtt = min(self._current_round_min_rtt, rtt)
        self._rtt_samples += 1
        if self._rtt_samples < _N_RTT_SAMPLE or self.is_done:
            return
        if self._css_rounds:
            if self._current_round_min_rtt < self._css_baseline_min_rtt:
                self._css_baseline_min_rtt = _INFINITE
                self._css_rounds = 0  # the growth was jitter: slow start again
        elif self._last_round_min_rtt != _INFINITE:
            threshold = min(self._last_round_min_rtt // _MIN_RTT_DIVISOR, _MAX_RTT_THRESH)
            if self._current_round_min_rtt >= self._last_round_min_rtt + max(threshold, _MIN_RTT_THRESH):
                self._css_baseline_min_rtt = self._current_round_min_rtt
                self._css_rounds = 1

    def growth(self, acked_bytes: int) -> int:
        """RFC 9406 4.2: by how many bytes cwnd grows.

        deviation: L is the ACK's worth, as RFC 9406 has it for paced senders. Receivers that coalesce answer
        up to 45 segments by one ACK; with L = 8 slow start would nearly stand still for them.
        """
        return acked_bytes // _CSS_GROWTH_DIVISOR if self._css_rounds else acked_bytes

    def _begin_round(self, nxt: int) -> None:
        if self._css_rounds:
            self._css_rounds += 1
            self.is_done = self._css_rounds > _CSS_ROUNDS
        self._window_end = nxt
        self._last_round_min_rtt = self._current_round_min_rtt
        self._current_round_min_rtt = _INFINITE
        self._rtt_samples = 0
