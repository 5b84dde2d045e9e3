"""How much a connection offers to receive: dynamic right-sizing.

A window has to hold what arrives in a round trip, and what a sender in slow start will send in the next one,
which is twice that. So the buffer begins small and grows by what the user has consumed within a round trip;
for a user who does not read it stays as it is. It never shrinks: a promise stands (RFC 9293 3.8.6 SHLD-14).
"""

from __future__ import annotations

#: Shorter round trips are measured over this long, in microseconds: batches come in milliseconds.
_SHORTEST_ROUND = 10_000
_SLACK_SEGMENTS = 16


class ReceiveWindow:
    """One connection's receive buffer, in bytes."""

    __slots__ = ("_consumed", "_limit", "_round_began", "size")

    def __init__(self, initial_bytes: int, limit_bytes: int, now: int) -> None:
        self.size = min(initial_bytes, limit_bytes)
        """Bytes received and not yet consumed that may be held now; the window offered with none of them."""
        self._limit = limit_bytes
        self._consumed = 0  # since the round began
        self._round_began = now

    def on_consumed(self, size: int, rtt: int, rmss: int, now: int) -> None:
        """The user has read `size` bytes; `rtt` is the smoothed round-trip time in microseconds, or 0."""
        self._consumed += size
        if now - self._round_began < max(rtt, _SHORTEST_ROUND):
            return
        wanted = 2 * self._consumed + _SLACK_SEGMENTS * rmss
        self.size = max(self.size, min(wanted, self._limit))
        self._consumed, self._round_began = 0, now
