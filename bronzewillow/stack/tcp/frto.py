"""F-RTO: whether a timeout was for nothing, where no timestamp tells it. Read RFC 5682 2.1 and 3.1 first.

After a timeout only what stands first leaves again. Its acknowledgment may be that of the original, which was
late. So instead of more retransmissions two new segments leave, and the next ACK decides: if it tells of data
that was sent but once, that had been on its way all the time.
"""

from __future__ import annotations

from enum import Enum

from bronzewillow.stack.tcp.flight import SentRange


class Step(Enum):
    """What is waited for after a timeout."""

    FIRST_ACK = "the acknowledgment of what left again"
    NEW_DATA = "new data, which may leave now"
    SECOND_ACK = "the ACK after it"


class Verdict(Enum):
    """What an ACK has told."""

    SPURIOUS = "nothing was lost"
    GENUINE = "something was, or it cannot be told"


class Frto:
    """One timeout that came when no recovery was going on, until it has been judged."""

    __slots__ = ("_recover", "step")

    def __init__(self, nxt: int) -> None:
        """Step 1: SND.NXT is at `nxt`."""
        self.step = Step.FIRST_ACK
        self._recover = nxt

    def on_ack(self, una: int, advances: bool, delivered: list[SentRange], sack_on: bool) -> Verdict | None:
        """Steps 2 and 3: an ACK up to `una`, which tells of `delivered`, or of nothing (a duplicate)."""
        if self.step is Step.FIRST_ACK:
            if advances and una < self._recover:
                self.step = Step.NEW_DATA
                return None
            # 2 a; with SACK duplicates may come before the acknowledgment (3.1 step 2)
            return Verdict.GENUINE if advances or not sack_on else None
        old = [sent for sent in delivered if sent.start < self._recover]
        originals = [sent for sent in old if not sent.retransmitted]
        # without SACK an ACK that covers a retransmission may tell of what came before and lay behind its gap
        return Verdict.SPURIOUS if originals and (sack_on or originals == old) else Verdict.GENUINE
