"""Proportional Rate Reduction: how much leaves for each ACK of a fast recovery. Read RFC 9937 before editing.

cwnd does not fall to ssthresh at once, which would silence the sender for half a round trip and let it burst
afterwards: what leaves is to what arrives as ssthresh is to what was in flight.
"""

from __future__ import annotations


class Prr:
    """The variables of RFC 9937 5 for one fast recovery, in bytes."""

    __slots__ = ("_delivered", "_out", "_recover_fs", "_ssthresh")

    def __init__(self) -> None:
        self._delivered = 0
        self._out = 0
        self._recover_fs = 1
        self._ssthresh = 0

    def begin(self, recover_fs: int, ssthresh: int) -> None:
        """A recovery begins. `recover_fs`: what may still be told as delivered in it, RecoverFS."""
        self._delivered = self._out = 0
        self._recover_fs = max(recover_fs, 1)
        self._ssthresh = ssthresh

    def on_sent(self, size: int) -> None:
        """New or old, `size` bytes have left."""
        self._out += size

    def on_ack(self, delivered: int, pipe: int, is_safe: bool, smss: int) -> int:
        """cwnd, after an ACK that told of `delivered` bytes.

        `is_safe`: SND.UNA has advanced, and nothing more was found lost (SafeACK).
        """
        self._delivered += delivered
        if pipe > self._ssthresh:
            count = -(-self._delivered * self._ssthresh // self._recover_fs) - self._out
        else:
            count = max(self._delivered - self._out, delivered)
            if is_safe:
                count += smss
            count = min(self._ssthresh - pipe, count)
        if self._out == 0:
            count = max(count, smss)  # the fast retransmit itself
        return pipe + max(count, 0)
