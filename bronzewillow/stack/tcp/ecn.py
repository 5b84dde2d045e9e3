"""Explicit congestion notification on one connection. Read RFC 3168 6.1 before editing.

A router that would soon drop marks instead (CE); the receiver echoes that (ECE) until the sender says that it
has slowed down (CWR). Only new data is sent as ECN-capable: a mark on anything else would go unanswered.
"""

from __future__ import annotations

from enum import StrEnum

from bronzewillow.wire.tcp import Flags

ECT_0 = 0b10  # RFC 3168 5; the low bits of TOS or traffic class
CE = 0b11

_ECE = int(Flags.ECE)
_CWR = int(Flags.CWR)
SETUP_SYN = _ECE | _CWR  # RFC 3168 6.1.1
SETUP_SYN_ACK = _ECE


class EcnMode(StrEnum):
    """When a connection uses ECN."""

    OFF = "off"
    ACCEPT = "accept"
    """When the peer asks for it, as most kernels do by default."""
    ON = "on"
    """And we ask, too."""


class Ecn:
    """One connection's state, once both ends have agreed."""

    __slots__ = ("_cwr_due", "_reacted_until", "_ssthresh_told", "is_echoing")

    def __init__(self, ssthresh: int) -> None:
        self.is_echoing = False
        """A mark has arrived, and no CWR since: every segment carries ECE (RFC 3168 6.1.3)."""
        self._cwr_due = False
        self._reacted_until = -1
        self._ssthresh_told = ssthresh

    def on_segment(self, flags: int, is_marked: bool) -> None:
        """RFC 3168 6.1.3: an acceptable segment; `is_marked`: with data, and CE."""
        if flags & _CWR:
            self.is_echoing = False
        if is_marked:
            self.is_echoing = True

    def must_react(self, una: int, nxt: int) -> bool:
        """RFC 3168 6.1.2: an ACK up to `una` carries ECE; there is one reaction to a window of data."""
        if una <= self._reacted_until:
            return False
        self._reacted_until = nxt
        self._cwr_due = True
        return True

    def take_cwr(self, ssthresh: int) -> int:
        """The flag of the next new data: CWR once after the window went down, for whatever reason."""
        is_due = self._cwr_due or ssthresh < self._ssthresh_told
        self._cwr_due, self._ssthresh_told = False, ssthresh
        return _CWR if is_due else 0
