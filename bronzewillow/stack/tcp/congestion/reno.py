"""Reno: slow start, congestion avoidance and the reaction to loss of RFC 5681, in bytes (RFC 3465)."""

from __future__ import annotations

UNLIMITED = 1 << 30


class Reno:
    """RFC 5681. All sizes in bytes."""

    __slots__ = ("_acked_bytes", "_initial_segments", "_remembered", "_smss", "cwnd", "ssthresh")

    def __init__(self, smss: int, initial_segments: int) -> None:
        self._smss = smss
        self._initial_segments = initial_segments
        self._acked_bytes = 0
        self.cwnd = initial_window(smss, initial_segments)
        self.ssthresh = UNLIMITED
        self._remembered = self.cwnd, self.ssthresh

    def on_mss(self, smss: int) -> None:
        """A handshake has told the real size, so the initial window is known; later changes keep cwnd."""
        if self.ssthresh == UNLIMITED and self.cwnd == initial_window(self._smss, self._initial_segments):
            self.cwnd = initial_window(smss, self._initial_segments)
        self._smss = smss

    def on_rtt(self, rtt: int, una: int, nxt: int) -> None:
        """Reno goes by loss alone."""

    def on_ack(self, acked_bytes: int, srtt: int, now: int) -> None:
        """RFC 5681 3.1, with appropriate byte counting (RFC 3465 2.1 and 2.2, L = the ACK's worth)."""
        if self.cwnd < self.ssthresh:
            self.cwnd = min(self.cwnd + acked_bytes, max(self.ssthresh, self.cwnd))
            return
        self._acked_bytes += acked_bytes
        if self._acked_bytes >= self.cwnd:
            self._acked_bytes -= self.cwnd
            self.cwnd = min(self.cwnd + self._smss, UNLIMITED)

    def on_congestion(self, flight_size: int, now: int) -> None:
        """RFC 5681 3.2 step 2; what limited transmit has sent beyond cwnd does not count (RFC 5681 3.2)."""
        self.ssthresh = max(min(flight_size, self.cwnd) // 2, 2 * self._smss)  # RFC 5681 equation 4
        self.cwnd = self.ssthresh
        self._acked_bytes = 0

    def on_timeout(self, flight_size: int, now: int) -> None:
        """RFC 5681 3.1: the loss window is one segment."""
        self.ssthresh = max(flight_size // 2, 2 * self._smss)
        self.cwnd = self._smss
        self._acked_bytes = 0

    def on_repeated_timeout(self) -> None:
        """RFC 5681 3.1: the loss window again; ssthresh is held."""
        self.cwnd = self._smss
        self._acked_bytes = 0

    def remember(self) -> None:
        """A recovery begins that may turn out to be needless."""
        self._remembered = self.cwnd, self.ssthresh

    def restore(self) -> None:
        """It has (RFC 4015 3.2)."""
        cwnd, self.ssthresh = self._remembered
        self.cwnd = max(self.cwnd, cwnd)

    def on_idle(self, now: int) -> None:
        """RFC 5681 4.1: restart from the restart window."""
        self.cwnd = min(self.cwnd, initial_window(self._smss, self._initial_segments))


def initial_window(smss: int, segments: int) -> int:
    """RFC 6928 2: min(10 MSS, max(2 MSS, 14600)), with the number of segments as a parameter."""
    return min(segments * smss, max(2 * smss, segments * 1460))
