"""What is sent and not acknowledged: the scoreboard of RFC 6675 2, range by range.

Positions are offsets in sequence space that never wrap: 0 is SND.UNA at the start of the connection's data.
One entry is one super-segment; a SACK block or a partial retransmission cuts it. All accounting is in bytes,
never in "segments I sent": a peer's ACKs and SACK blocks follow its own idea of segments.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from operator import attrgetter

DUP_THRESH = 3  # RFC 6675 2

#: SACK blocks that would cut the flight into more ranges than this are ignored: blocks of one byte each are
#: an attack on our time. A megabyte in flight with every second segment lost has 750.
MAX_RANGES = 2048

_START = attrgetter("start")
_END = attrgetter("end")


class SentRange:
    """Bytes [start, end) that left at `sent_at`. At most one of `sacked` and `lost` is true."""

    __slots__ = ("end", "lost", "retransmitted", "sacked", "sent_at", "start")

    def __init__(self, start: int, end: int, sent_at: int) -> None:
        self.start = start
        self.end = end
        self.sent_at = sent_at
        self.sacked = False
        self.lost = False
        self.retransmitted = False


class Flight:
    """The ranges between `una` and `nxt`, oldest first, and their sums."""

    __slots__ = ("_ranges", "lost_bytes", "nxt", "sacked_bytes", "una")

    def __init__(self) -> None:
        self._ranges: list[SentRange] = []
        self.una = 0
        self.nxt = 0
        self.sacked_bytes = 0
        self.lost_bytes = 0

    def __bool__(self) -> bool:
        return bool(self._ranges)

    @property
    def size(self) -> int:
        """FlightSize (RFC 5681 2): sent and not cumulatively acknowledged."""
        return self.nxt - self.una

    @property
    def pipe(self) -> int:
        """RFC 6675 2: what we believe to be in the network."""
        return self.nxt - self.una - self.sacked_bytes - self.lost_bytes

    @property
    def oldest(self) -> SentRange | None:
        """The range that starts at `una`."""
        return self._ranges[0] if self._ranges else None

    def ranges(self) -> Iterator[SentRange]:
        """All ranges, oldest first."""
        return iter(self._ranges)

    def on_send(self, size: int, now: int) -> None:
        """New bytes have left, directly behind the last."""
        self._ranges.append(SentRange(self.nxt, self.nxt + size, now))
        self.nxt += size

    def on_retransmit(self, sent: SentRange, now: int) -> None:
        """The whole of `sent` has left again."""
        if sent.lost:
            sent.lost = False
            self.lost_bytes -= sent.end - sent.start
        sent.retransmitted = True
        sent.sent_at = now

    def on_ack(self, una: int) -> SentRange | None:
        """Everything before `una` is acknowledged; the newest range of it, for an RTT sample."""
        ranges = self._ranges
        count = bisect_left(ranges, una, key=_START)
        if count and ranges[count - 1].end > una:
            self._split(count - 1, una)
        newest: SentRange | None = None
        for sent in ranges[:count]:
            # what was SACKed arrived some time ago: its acknowledgment now tells nothing of the RTT
            if not sent.sacked and (newest is None or sent.sent_at >= newest.sent_at):
                newest = sent
            self._forget_marks(sent)
        del ranges[:count]
        self.una = una
        return newest

    def on_sack(self, blocks: list[tuple[int, int]]) -> int:
        """Blocks of positions, each within (una, nxt]; the number of bytes that are newly SACKed."""
        before = self.sacked_bytes
        for left, right in blocks:
            self._mark_sacked(left, right)
        return self.sacked_bytes - before

    def mark_lost_by_sack(self, smss: int) -> int:
        """RFC 6675 4, IsLost: enough is SACKed above. The number of bytes newly marked."""
        if not self.sacked_bytes:
            return 0
        before = self.lost_bytes
        sacked_above = runs_above = 0
        in_run = False
        for sent in reversed(self._ranges):
            if sent.sacked:
                sacked_above += sent.end - sent.start
                runs_above += not in_run
                in_run = True
                continue
            in_run = False
            enough = runs_above >= DUP_THRESH or sacked_above > (DUP_THRESH - 1) * smss
            if enough and not sent.lost and not sent.retransmitted:
                self._mark_lost(sent)
        return self.lost_bytes - before

    def mark_oldest_lost(self, size: int) -> None:
        """The first `size` bytes: three duplicate ACKs, or a partial ACK, without SACK (RFC 6582)."""
        if self._ranges:
            self.split_range(self._ranges[0], size)
            first = self._ranges[0]
            if not first.sacked and not first.lost:
                self._mark_lost(first)

    def mark_all_lost(self) -> None:
        """A retransmission timeout (RFC 6298 5.4, RFC 6675 5.1)."""
        if self._ranges and self._ranges[0].sacked:
            self._forget_sacks()  # RFC 2018 8: the peer has reneged, or the timer could not have fired
        for sent in self._ranges:
            if not sent.sacked and not sent.lost:
                self._mark_lost(sent)

    def next_lost(self) -> SentRange | None:
        """RFC 6675 4, NextSeg rule 1: the first range that is lost and has not been sent again."""
        if not self.lost_bytes:
            return None
        return next(sent for sent in self._ranges if sent.lost)

    def split_range(self, sent: SentRange, size: int) -> None:
        """Cut `sent` so that it holds at most `size` bytes; the rest follows it as a range of its own."""
        if sent.end - sent.start > size:
            self._split(bisect_left(self._ranges, sent.start, key=_START), sent.start + size)

    def clear(self) -> None:
        """The connection has ended."""
        self._ranges.clear()
        self.una = self.nxt
        self.sacked_bytes = self.lost_bytes = 0

    def _mark_sacked(self, left: int, right: int) -> None:
        if len(self._ranges) >= MAX_RANGES:
            return
        index = bisect_right(self._ranges, left, key=_END)  # the first that ends after `left`
        while index < len(self._ranges):
            sent = self._ranges[index]
            if sent.start >= right:
                return
            if not sent.sacked:
                if sent.start < left:
                    self._split(index, left)
                    index += 1
                    sent = self._ranges[index]
                if sent.end > right:
                    self._split(index, right)
                self._forget_marks(sent)
                sent.sacked = True
                self.sacked_bytes += sent.end - sent.start
            index += 1

    def _mark_lost(self, sent: SentRange) -> None:
        sent.lost = True
        sent.retransmitted = False
        self.lost_bytes += sent.end - sent.start

    def _forget_marks(self, sent: SentRange) -> None:
        size = sent.end - sent.start
        if sent.sacked:
            self.sacked_bytes -= size
        if sent.lost:
            self.lost_bytes -= size
        sent.sacked = sent.lost = False

    def _forget_sacks(self) -> None:
        for sent in self._ranges:
            sent.sacked = False
        self.sacked_bytes = 0

    def _split(self, index: int, at: int) -> None:
        first = self._ranges[index]
        rest = SentRange(at, first.end, first.sent_at)
        rest.sacked, rest.lost, rest.retransmitted = first.sacked, first.lost, first.retransmitted
        first.end = at
        self._ranges.insert(index + 1, rest)
