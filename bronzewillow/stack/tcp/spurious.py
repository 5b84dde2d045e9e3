"""Whether a recovery was for nothing: what it sent again had not been lost, but was late.

Two witnesses: a timestamp echoed from before the first retransmission (Eifel, RFC 3522 3.2), and DSACKs of
everything that was sent again (RFC 2883, as RFC 3708 uses them). The response is RFC 9438's (4.9).
"""

from __future__ import annotations


class Episode:
    """The retransmissions of one recovery, until it is known whether they were needed."""

    __slots__ = ("_expires_at", "_first_end", "_first_ms", "_start", "_unproven_bytes", "is_open")

    def __init__(self) -> None:
        self.is_open = False
        self._start = 0
        self._first_ms: int | None = None  # when the first retransmission left
        self._first_end = 0
        self._unproven_bytes = 0  # sent again, and no DSACK has told that it was twice
        self._expires_at: int | None = None

    def begin(self, una: int) -> None:
        """A recovery begins, and cwnd is remembered."""
        self.is_open = True
        self._start = una
        self._first_ms = self._expires_at = None
        self._unproven_bytes = 0

    def end(self) -> None:
        """It was needed, or can no longer be told."""
        self.is_open = False

    def on_retransmit(self, start: int, end: int, now: int) -> None:
        """Positions [start, end) have left again."""
        if self._first_ms is None:
            self._first_ms, self._first_end = now // 1_000, end
        self._unproven_bytes += end - start

    def on_left(self, nxt: int) -> None:
        """The recovery is over. DSACKs of its retransmissions come within a round trip."""
        self._expires_at = nxt

    def is_spurious(self, una: int, echo_ms: int | None, dsack: tuple[int, int] | None) -> bool:
        """What an ACK up to `una` says. The answer is given once."""
        if self._first_ms is None:
            return False
        if dsack is not None and dsack[0] >= self._start:
            self._unproven_bytes -= dsack[1] - dsack[0]
            if self._unproven_bytes <= 0:
                self.is_open = False
                return True
        if self._expires_at is not None:
            self.is_open = una <= self._expires_at
        elif self._first_end and una >= self._first_end:
            self._first_end = 0  # RFC 3522 3.2: only the first ACK of the first retransmission tells
            if echo_ms is not None and echo_ms < self._first_ms:
                self.is_open = False
                return True
        return False
