"""What loss recovery asks of a congestion control, and the choice by name."""

from __future__ import annotations

from typing import Protocol

from bronzewillow.stack.errors import LocalError
from bronzewillow.stack.tcp.congestion.cubic import Cubic
from bronzewillow.stack.tcp.congestion.reno import Reno


class CongestionControl(Protocol):
    """cwnd and ssthresh in bytes. Loss recovery says when; this says how much."""

    cwnd: int
    ssthresh: int

    def on_mss(self, smss: int) -> None:
        """The segment size became known or changed."""

    def on_rtt(self, rtt: int, una: int, nxt: int) -> None:
        """A round trip took `rtt` microseconds; the flight is the stream from `una` to `nxt`."""

    def on_ack(self, acked_bytes: int, srtt: int, now: int) -> None:
        """`acked_bytes` were newly acknowledged while cwnd was the limit, outside fast recovery."""

    def on_congestion(self, flight_size: int, now: int) -> None:
        """Fast recovery begins (RFC 5681 3.2)."""

    def on_timeout(self, flight_size: int, now: int) -> None:
        """The first retransmission timeout of a flight (RFC 5681 3.1)."""

    def on_repeated_timeout(self) -> None:
        """The timer has expired again before everything of that flight was acknowledged (RFC 5681 3.1)."""

    def remember(self) -> None:
        """A recovery begins that may turn out to be needless."""

    def restore(self) -> None:
        """It has: everything as `remember` saw it, cwnd no smaller than now (RFC 9438 4.9)."""

    def on_idle(self, now: int) -> None:
        """Nothing was sent for more than one RTO (RFC 5681 4.1)."""


def make_congestion_control(name: str, smss: int, initial_segments: int) -> CongestionControl:
    """`cubic` or `reno`; LocalError for any other name."""
    if name == "cubic":
        return Cubic(smss, initial_segments)
    if name == "reno":
        return Reno(smss, initial_segments)
    raise LocalError(f"congestion control {name!r} is not one of: cubic, reno")
