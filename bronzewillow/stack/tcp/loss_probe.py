"""The tail loss probe: one segment that makes the peer say what it has. Read RFC 8985 7 before editing."""

from __future__ import annotations

_MAX_ACK_DELAY = 200_000  # RFC 8985 7.2, TLP.max_ack_delay
_INITIAL_PTO = 1_000_000  # RFC 8985 7.2, without an RTT
#: deviation: RFC 8985 7.2 has no least PTO. Peers, and this process, sleep for some milliseconds now and
#: then, and a probe of what is not lost costs more than waiting these.
_MIN_PTO = 10_000


class LossProbe:
    """One connection's state of RFC 8985 7.1: the probe that is out, if one is."""

    __slots__ = ("_end", "_is_retransmission", "is_wanted")

    def __init__(self) -> None:
        self.is_wanted = False
        """Something was sent or acknowledged since the timer was set (RFC 8985 7.2)."""
        self._end: int | None = None  # TLP.end_seq
        self._is_retransmission = False

    @property
    def is_out(self) -> bool:
        """Whether a probe waits for its acknowledgment; there is one at a time."""
        return self._end is not None

    def timeout(self, flight_bytes: int, smss: int, srtt: int) -> int:
        """RFC 8985 7.2, TLP_calc_PTO; the owner bounds it by the RTO."""
        if not srtt:
            return _INITIAL_PTO
        delayed_ack = _MAX_ACK_DELAY if flight_bytes <= smss else 0
        return max(2 * srtt, _MIN_PTO) + delayed_ack

    def on_sent(self, nxt: int, is_retransmission: bool) -> None:
        """RFC 8985 7.3: a probe has left; SND.NXT is at `nxt`."""
        self._end = nxt
        self._is_retransmission = is_retransmission

    def is_duplicate_of(self, dsack: tuple[int, int]) -> bool:
        """Whether `dsack` tells that our probe was not needed."""
        return self._is_retransmission and self._end == dsack[1]

    def on_ack(self, una: int, dsack: tuple[int, int] | None, is_duplicate: bool) -> bool:
        """RFC 8985 7.4.2. True when the probe has repaired a loss, to which congestion control must react."""
        end = self._end
        if end is None or una < end:
            return False
        repaired = False
        if self._is_retransmission and not (dsack is not None and self.is_duplicate_of(dsack)):
            if una == end and not is_duplicate:
                return False  # the probe, or what it repeats? A DSACK or a duplicate ACK may still tell
            repaired = una > end
        self._end = None
        return repaired

    def forget(self) -> None:
        """A timeout or a recovery has taken over."""
        self._end = None
