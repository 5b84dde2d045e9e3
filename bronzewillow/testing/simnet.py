"""Two stacks on one virtual clock, joined by a link that loses, reorders, duplicates and delays.

The link carries what a wire carries: every super-segment is cut at its MSS, so that each piece meets its own
fate. The same seed gives the same bytes.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable
from dataclasses import dataclass, replace

from bronzewillow.stack import Connection, DataReceived, Event, Stack, StackConfig
from bronzewillow.stack.tcp.ecn import CE
from bronzewillow.wire.ip import header_bytes
from bronzewillow.wire.packet import Packet, TcpPacket
from bronzewillow.wire.seqnum import add
from bronzewillow.wire.tcp import Flags

MILLISECOND = 1_000
SECOND = 1_000_000


@dataclass(frozen=True, slots=True)
class Link:
    """What happens to packets of one direction. Chances are fractions of 1, times microseconds."""

    delay: int = 100
    loss: float = 0.0
    duplication: float = 0.0
    reordering: float = 0.0
    """Chance that a packet is held back for `reorder_delay` more."""
    reorder_delay: int = 300
    rate_bytes_per_s: int = 0
    """0 is unlimited."""
    queue_bytes: int = 1 << 20
    """Waiting for the rate before the tail is dropped."""
    marking_bytes: int = 0
    """Queue at which ECN-capable packets are marked rather than left alone (RFC 3168 5); 0 is never."""
    mtu: int = 65_535
    """Larger packets vanish without a word: a black hole."""


class Direction:
    """One direction of the link."""

    def __init__(self, link: Link, rng: random.Random) -> None:
        self.link = link
        self._rng = rng
        self._free_at = 0
        self.sent = 0
        self.lost = 0
        self.marks = False
        """Whether the last packet met a queue that marks."""

    def arrivals(self, size: int, now: int) -> list[int]:
        """When a packet of `size` bytes that leaves at `now` arrives: never, once or twice."""
        link, rng = self.link, self._rng
        self.sent += 1
        if size > link.mtu or rng.random() < link.loss:
            self.lost += 1
            return []
        leaves = now
        if link.rate_bytes_per_s:
            leaves = max(now, self._free_at)
            queued_bytes = (leaves - now) * link.rate_bytes_per_s // SECOND
            self.marks = 0 < link.marking_bytes < queued_bytes
            if queued_bytes > link.queue_bytes:
                self.lost += 1
                return []
            leaves += size * SECOND // link.rate_bytes_per_s
            self._free_at = leaves
        at = leaves + link.delay
        if rng.random() < link.reordering:
            at += link.reorder_delay
        return [at, at + 1] if rng.random() < link.duplication else [at]


class Host:
    """A stack, what it received, and what its owner does about events."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.events: list[Event] = []
        self.received: dict[Connection, bytearray] = {}
        self.on_event: Callable[[Event, int], None] = lambda event, now: None
        self.consumes = True

    def take_events(self, now: int) -> None:
        """Deliver what the stack reports."""
        for event in self.stack.events():
            self.events.append(event)
            if isinstance(event, DataReceived):
                self.received.setdefault(event.connection, bytearray()).extend(event.data)
                if self.consumes:
                    event.connection.consume(len(event.data), now)
            self.on_event(event, now)


class SimNet:
    """Hosts `a` and `b` and the link between them. `trace` has (time, sender, packet) of every departure."""

    def __init__(
        self,
        seed: int,
        link: Link | None = None,
        back: Link | None = None,
        a: StackConfig | None = None,
        b: StackConfig | None = None,
    ) -> None:
        rng = random.Random(seed)
        link = link or Link()
        self.now = 0
        self.a = Host(Stack(a or StackConfig(bytes((10, 0, 0, 1))), random.Random(rng.random())))
        self.b = Host(Stack(b or StackConfig(bytes((10, 0, 0, 2))), random.Random(rng.random())))
        self.forward = Direction(link, random.Random(rng.random()))
        self.backward = Direction(back or link, random.Random(rng.random()))
        self.trace: list[tuple[int, str, Packet]] = []
        self.on_step: Callable[[], None] = lambda: None
        self._in_transit: list[tuple[int, int, Host, Packet]] = []
        self._order = 0

    def settle(self) -> None:
        """Let both hosts react to what has happened until neither has anything to send at this instant."""
        for _ in range(1000):
            busy = False
            for host, other, way in ((self.a, self.b, self.forward), (self.b, self.a, self.backward)):
                host.take_events(self.now)
                packets = host.stack.output(self.now)
                for packet in packets:
                    self._depart(packet, other, way)
                busy = busy or bool(packets)
            if not busy:
                self.on_step()
                return
        raise AssertionError(f"the hosts never come to rest at {self.now}")

    def step(self) -> bool:
        """Go to the next instant at which something happens; False when nothing ever will."""
        times = [t for host in (self.a, self.b) if (t := host.stack.next_timeout()) is not None]
        if self._in_transit:
            times.append(self._in_transit[0][0])
        if not times:
            return False
        self.now = max(self.now, min(times))
        for host in (self.a, self.b):
            host.stack.handle_timeout(self.now)
        batches: dict[Host, list[Packet]] = {}
        while self._in_transit and self._in_transit[0][0] <= self.now:
            _, _, host, packet = heapq.heappop(self._in_transit)
            batches.setdefault(host, []).append(packet)
        for host, batch in batches.items():
            host.stack.receive(batch, self.now)
        self.settle()
        return True

    def run(self, until: Callable[[], bool], limit: int = 600 * SECOND) -> None:
        """Step until `until()`; AssertionError when nothing happens any more, or after `limit`."""
        end = self.now + limit
        self.settle()
        while not until():
            if not self.step():
                raise AssertionError(f"nothing happens any more at {self.now}")
            if self.now > end:
                raise AssertionError(f"not done after {limit / SECOND} virtual seconds")

    def run_until_quiet(self, limit: int = 600 * SECOND) -> None:
        """Step until no timer runs and nothing is in transit, or `limit` has passed."""
        end = self.now + limit
        self.settle()
        while self.now <= end and self.step():
            pass

    def _depart(self, packet: Packet, to: Host, way: Direction) -> None:
        self.trace.append((self.now, "a" if to is self.b else "b", packet))
        for piece in cut(packet):
            arrivals = way.arrivals(wire_bytes(piece), self.now)
            if way.marks and isinstance(piece, TcpPacket) and piece.tos & CE:
                piece = replace(piece, tos=piece.tos | CE)
            for at in arrivals:
                self._order += 1
                heapq.heappush(self._in_transit, (at, self._order, to, piece))


def cut(packet: Packet) -> list[Packet]:
    """A super-segment as the pieces that the wire carries; FIN and PSH on the last, CWR on the first."""
    if not isinstance(packet, TcpPacket) or not packet.mss or len(packet.segment.payload) <= packet.mss:
        return [packet]
    seg, mss = packet.segment, packet.mss
    pieces: list[Packet] = []
    for at in range(0, len(seg.payload), mss):
        is_last = at + mss >= len(seg.payload)
        flags = seg.flags if is_last else seg.flags & ~int(Flags.FIN | Flags.PSH)
        if at:
            flags &= ~int(Flags.CWR)
        piece = replace(seg, seq=add(seg.seq, at), flags=flags, payload=seg.payload[at : at + mss])
        pieces.append(replace(packet, segment=piece))
    return pieces


def wire_bytes(packet: Packet) -> int:
    """The size of the IP packet."""
    if isinstance(packet, TcpPacket):
        options = packet.segment.options
        return (
            header_bytes(packet.source)
            + 20
            + len(packet.segment.payload)
            + (12 if options.timestamps else 0)
            + (4 + 8 * len(options.sack) if options.sack else 0)
        )
    return header_bytes(packet.source) + len(packet.payload)
