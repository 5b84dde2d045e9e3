"""CUBIC, RFC 9438: the window grows with the cube of the time since the last congestion event.

Windows are kept in bytes and time in microseconds; the formulas of RFC 9438 4.2 count segments and seconds,
so each converts once. All values are clamped: an unbounded cube is how other stacks overflowed.
"""

from __future__ import annotations

from bronzewillow.stack.tcp.congestion.hystart import HyStart
from bronzewillow.stack.tcp.congestion.reno import UNLIMITED, initial_window

_BETA = 0.7  # RFC 9438 4.6
_C = 0.4  # RFC 9438 5.1, in segments per second cubed
_ALPHA = 3 * (1 - _BETA) / (1 + _BETA)  # RFC 9438 4.3
_LONGEST_EPOCH_S = 3600.0


class Cubic:
    """RFC 9438. All sizes in bytes."""

    __slots__ = (
        "_cwnd_prior",
        "_epoch",
        "_hystart",
        "_initial_segments",
        "_k_s",
        "_last_grown",
        "_remembered",
        "_smss",
        "_w_est",
        "_w_max",
        "cwnd",
        "ssthresh",
    )

    def __init__(self, smss: int, initial_segments: int) -> None:
        self._smss = smss
        self._initial_segments = initial_segments
        self.cwnd = initial_window(smss, initial_segments)
        self.ssthresh = UNLIMITED
        self._hystart = HyStart()  # RFC 9438 4.10
        self._w_max = 0.0  # segments
        self._k_s = 0.0
        self._w_est = 0.0  # segments; the Reno-friendly estimate
        self._cwnd_prior = 0.0  # segments; cwnd when ssthresh was last set
        self._epoch: int | None = None  # when the current congestion avoidance stage began
        self._last_grown = 0
        self.remember()

    def on_mss(self, smss: int) -> None:
        """As Reno: the initial window waits for the real segment size."""
        if self.ssthresh == UNLIMITED and self.cwnd == initial_window(self._smss, self._initial_segments):
            self.cwnd = initial_window(smss, self._initial_segments)
        self._smss = smss

    def on_rtt(self, rtt: int, una: int, nxt: int) -> None:
        """RFC 9406 4.3: for the initial slow start only, where nothing tells how much is enough."""
        if self.ssthresh == UNLIMITED:
            self._hystart.on_rtt(rtt, una, nxt)
            if self._hystart.is_done:
                self.ssthresh = self.cwnd

    def on_ack(self, acked_bytes: int, srtt: int, now: int) -> None:
        """RFC 9438 4.2 to 4.5."""
        if self.cwnd < self.ssthresh:
            self.cwnd = min(self.cwnd + self._hystart.growth(acked_bytes), max(self.ssthresh, self.cwnd))
            return
        cwnd = self.cwnd / self._smss
        if self._epoch is None:
            self._begin_epoch(cwnd, now)
        elif now - self._last_grown > 2 * srtt:
            # RFC 9438 4.2, 5.8: t leaves out what the application did not use; a window that is full has
            # ACKs in every round trip
            self._epoch += now - self._last_grown - srtt
        assert self._epoch is not None
        self._last_grown = now
        t_s = min((now - self._epoch) / 1e6, _LONGEST_EPOCH_S)
        target = self._w_cubic(t_s + srtt / 1e6)
        target = min(max(target, cwnd), 1.5 * cwnd)  # RFC 9438 4.2
        acked = acked_bytes / self._smss
        # RFC 9438 4.3: Reno's own pace again, once Reno would have its old window back
        alpha = _ALPHA if self._w_est < self._cwnd_prior else 1.0
        self._w_est += alpha * acked / cwnd
        if self._w_cubic(t_s) < self._w_est:
            grown = max(cwnd, self._w_est)
        else:
            grown = cwnd + (target - cwnd) / cwnd * acked
        # segments and back to bytes loses a byte to rounding; an ACK never closes the window
        self.cwnd = max(self.cwnd, min(int(grown * self._smss), UNLIMITED))

    def on_congestion(self, flight_size: int, now: int) -> None:
        """RFC 9438 4.6, with fast convergence (4.7)."""
        cwnd = self.cwnd / self._smss
        self._w_max = cwnd * (1 + _BETA) / 2 if cwnd < self._w_max else cwnd
        self._lower_ssthresh(flight_size)
        self.cwnd = self.ssthresh

    def on_timeout(self, flight_size: int, now: int) -> None:
        """RFC 9438 4.8: ssthresh as in 4.6, cwnd as in RFC 5681; the next stage has no plateau above it."""
        self._w_max = 0.0
        self._lower_ssthresh(flight_size)
        self.cwnd = self._smss

    def on_repeated_timeout(self) -> None:
        """RFC 5681 3.1: the loss window again; ssthresh is held."""
        self.cwnd = self._smss
        self._epoch = None

    def remember(self) -> None:
        """RFC 9438 4.9: a recovery begins that may turn out to be needless."""
        plateau = self._w_max, self._k_s, self._w_est, self._cwnd_prior
        self._remembered = self.cwnd, self.ssthresh, plateau, self._epoch

    def restore(self) -> None:
        """RFC 9438 4.9.1 and 4.9.2: it has. The epoch goes on from where it was."""
        cwnd, self.ssthresh, plateau, self._epoch = self._remembered
        self.cwnd = max(self.cwnd, cwnd)
        self._w_max, self._k_s, self._w_est, self._cwnd_prior = plateau

    def on_idle(self, now: int) -> None:
        """RFC 9438 5.8: the epoch must not run through a pause; RFC 5681 4.1 for the window."""
        self.cwnd = min(self.cwnd, initial_window(self._smss, self._initial_segments))
        self._epoch = None

    def _lower_ssthresh(self, flight_size: int) -> None:
        self._cwnd_prior = self.cwnd / self._smss
        # RFC 9438 4.6: flight_size, not cwnd, so that an application-limited sender does not overshoot
        self.ssthresh = max(int(min(flight_size, self.cwnd) * _BETA), 2 * self._smss)
        self._epoch = None

    def _begin_epoch(self, cwnd: float, now: int) -> None:
        self._epoch = now
        self._w_est = cwnd
        if self._w_max <= cwnd:  # RFC 9438 4.8, 4.10: after a timeout, or slow start that ended without loss
            self._w_max, self._k_s = cwnd, 0.0
        else:
            self._k_s = float(((self._w_max - cwnd) / _C) ** (1 / 3))  # RFC 9438 equation 2

    def _w_cubic(self, t_s: float) -> float:
        delta_s = t_s - self._k_s
        return _C * delta_s * delta_s * delta_s + self._w_max  # RFC 9438 equation 1
