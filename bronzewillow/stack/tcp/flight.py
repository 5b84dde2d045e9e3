"""What is sent and not acknowledged: the scoreboard of RFC 6675 2 with the send times of RFC 8985.

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
    """Bytes [start, end) that last left at `sent_at`. At most one of `sacked` and `lost` is true.

    `departure` numbers all that a connection sends, in order: many leave at one tick of the clock.
    """

    __slots__ = ("departure", "end", "lost", "retransmitted", "sacked", "sent_at", "start")

    def __init__(self, start: int, end: int, sent_at: int, departure: int) -> None:
        self.start = start
        self.end = end
        self.sent_at = sent_at
        self.departure = departure
        self.sacked = False
        self.lost = False
        self.retransmitted = False


class Flight:
    """The ranges between `una` and `nxt`, oldest first, and their sums."""

    __slots__ = (
        "_departures",
        "_ranges",
        "_resent_until",
        "_size_at_send",
        "lost_bytes",
        "newest_lost_resend_at",
        "nxt",
        "sacked_bytes",
        "una",
    )

    def __init__(self) -> None:
        self._ranges: list[SentRange] = []
        self._departures = 0
        self._size_at_send = 0
        self._resent_until = 0  # `nxt` of the last retransmission: below it, send times are out of order
        self.una = 0
        self.nxt = 0
        self.sacked_bytes = 0
        self.lost_bytes = 0
        self.newest_lost_resend_at = -1
        """When the newest of the retransmissions left that `mark_lost_by_time` has found lost."""

    def __bool__(self) -> bool:
        return bool(self._ranges)

    @property
    def size(self) -> int:
        """FlightSize (RFC 5681 2): sent and not cumulatively acknowledged."""
        return self.nxt - self.una

    @property
    def used(self) -> int:
        """What of the window was in use: FlightSize when something has last left, if that was more.

        ACKs may come in one batch, or one for a whole train; FlightSize has shrunk by them before anything
        could leave in turn, and tells nothing of what the path had taken.
        """
        return max(self.nxt - self.una, self._size_at_send)

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
        self._departures += 1
        self._ranges.append(SentRange(self.nxt, self.nxt + size, now, self._departures))
        self.nxt += size
        self._size_at_send = self.nxt - self.una

    def on_retransmit(self, sent: SentRange, now: int) -> None:
        """The whole of `sent` has left again."""
        if sent.lost:
            sent.lost = False
            self.lost_bytes -= sent.end - sent.start
        sent.retransmitted = True
        self._departures += 1
        sent.sent_at, sent.departure = now, self._departures
        self._resent_until = self.nxt
        self._size_at_send = self.nxt - self.una

    def on_ack(self, una: int) -> list[SentRange]:
        """Everything before `una` is acknowledged; what of it had not been SACKed before, oldest first."""
        ranges = self._ranges
        count = bisect_left(ranges, una, key=_START)
        if count and ranges[count - 1].end > una:
            self._split(count - 1, una)
        acked = ranges[:count]
        del ranges[:count]
        self.una = una
        if not self.sacked_bytes and not self.lost_bytes:
            return acked
        delivered = [sent for sent in acked if not sent.sacked]
        for sent in acked:
            self._forget_marks(sent)
        return delivered

    def on_sack(self, blocks: list[tuple[int, int]]) -> list[SentRange]:
        """Blocks of positions, each within (una, nxt]; what is newly SACKed."""
        delivered: list[SentRange] = []
        for left, right in blocks:
            self._mark_sacked(left, right, delivered)
        return delivered

    def has_dup_thresh(self, smss: int) -> bool:
        """Whether at least three segments are SACKed, as far as bytes can tell (RFC 6675 2, RFC 8985 6.2)."""
        if self.sacked_bytes > (DUP_THRESH - 1) * smss:
            return True
        return self.sacked_bytes > 0 and sum(sent.sacked for sent in self._ranges) >= DUP_THRESH

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

    @property
    def has_resends(self) -> bool:
        """Whether anything in flight, or anything older than it, may have been sent twice."""
        return self.una < self._resent_until

    @property
    def is_in_order(self) -> bool:
        """Whether every range left after the one before it, and what was sent first arrived first."""
        return not self.sacked_bytes and self.una >= self._resent_until

    def mark_lost_by_time(self, departure: int, end: int, overdue: int) -> int | None:
        """RFC 8985 6.2 step 5: of what left before (`departure`, `end`), which has arrived.

        What left by the instant `overdue` is lost. Returns when the newest of the rest left, or None.
        deviation: RFC 8985 6.2 orders by time and position, by which a retransmission comes before what left
        at its own tick of the clock, first or not; departures are in order on any clock.
        """
        waiting: int | None = None
        for sent in self._ranges:
            if sent.sacked or sent.lost:
                continue
            if sent.departure > departure or (sent.departure == departure and sent.end > end):
                if sent.start >= self._resent_until:
                    break  # all that follow left later still
            elif sent.sent_at <= overdue:
                self._mark_lost(sent)
                if sent.retransmitted and sent.sent_at > self.newest_lost_resend_at:
                    self.newest_lost_resend_at = sent.sent_at
            elif waiting is None or sent.sent_at > waiting:
                waiting = sent.sent_at
        return waiting

    def mark_oldest_lost(self, size: int) -> None:
        """The first `size` bytes: three duplicate ACKs, or a partial ACK, without SACK (RFC 6582)."""
        if self._ranges:
            self.split_range(self._ranges[0], size)
            first = self._ranges[0]
            if not first.sacked and not first.lost:
                self._mark_lost(first)

    def mark_all_lost(self, overdue: int | None = None) -> None:
        """A retransmission timeout (RFC 6298 5.4, RFC 6675 5.1).

        With `overdue` only what left by that instant (RFC 8985 6.3), and what stands first in any case.
        """
        if self._ranges and self._ranges[0].sacked:
            self._forget_sacks()  # RFC 2018 8: the peer has reneged, or the timer could not have fired
        for sent in self._ranges:
            if sent.sacked or sent.lost:
                continue
            if overdue is None or sent.sent_at <= overdue or sent.start == self.una:
                self._mark_lost(sent)

    def forgive_lost(self) -> None:
        """Nothing was lost after all: what is not SACKed is on its way."""
        for sent in self._ranges:
            sent.lost = False
        self.lost_bytes = 0

    def next_lost(self) -> SentRange | None:
        """RFC 6675 4, NextSeg rule 1: the first range that is lost and has not been sent again."""
        if not self.lost_bytes:
            return None
        return next(sent for sent in self._ranges if sent.lost)

    def split_range(self, sent: SentRange, size: int) -> None:
        """Cut `sent` so that it holds at most `size` bytes; the rest follows it as a range of its own."""
        if sent.end - sent.start > size:
            self._split(bisect_left(self._ranges, sent.start, key=_START), sent.start + size)

    def take_tail(self, data_end: int, mss: int) -> SentRange:
        """The last segment as a range of its own: up to `mss` bytes before `data_end`, and a FIN behind."""
        last = self._ranges[-1]
        data = min(last.end, data_end) - last.start
        if data > mss:
            self._split(len(self._ranges) - 1, last.start + (data - 1) // mss * mss)
        return self._ranges[-1]

    def clear(self) -> None:
        """The connection has ended."""
        self._ranges.clear()
        self.una = self.nxt
        self.sacked_bytes = self.lost_bytes = 0

    def _mark_sacked(self, left: int, right: int, delivered: list[SentRange]) -> None:
        ranges = self._ranges
        if len(ranges) >= MAX_RANGES:
            return
        index = bisect_right(ranges, left, key=_END)  # the first that ends after `left`
        while index < len(ranges):
            sent = ranges[index]
            if sent.start >= right:
                return
            if not sent.sacked:
                if sent.start < left:
                    self._split(index, left)
                    index += 1
                    sent = ranges[index]
                if sent.end > right:
                    self._split(index, right)
                self._forget_marks(sent)
                sent.sacked = True
                self.sacked_bytes += sent.end - sent.start
                delivered.append(sent)
                index = self._join_sacked(index)
            index += 1

    def _join_sacked(self, index: int) -> int:
        """One range for all SACKed bytes in a row: blocks that grow by a segment would leave one for each.

        The range that was joined keeps its bounds, as its owner is yet to read when it left. The new index.
        """
        ranges = self._ranges
        first, last = index, index + 1
        if first and ranges[first - 1].sacked:
            first -= 1
        if last < len(ranges) and ranges[last].sacked:
            last += 1
        if last - first > 1:
            sent = ranges[index]
            joined = SentRange(ranges[first].start, ranges[last - 1].end, sent.sent_at, sent.departure)
            joined.sacked = True
            ranges[first:last] = [joined]
        return first

    def _mark_lost(self, sent: SentRange) -> None:
        sent.lost = True
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
        rest = SentRange(at, first.end, first.sent_at, first.departure)
        rest.sacked, rest.lost, rest.retransmitted = first.sacked, first.lost, first.retransmitted
        first.end = at
        self._ranges.insert(index + 1, rest)
