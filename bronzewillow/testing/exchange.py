"""Applications for SimNet: every connection sends so many bytes each way, closes, and compares what came."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bronzewillow.stack import (
    Accepted,
    Closed,
    Connected,
    Connection,
    DataReceived,
    Event,
    PeerClosed,
    Reset,
    Writable,
)
from bronzewillow.stack.tcp.state import SENDING
from bronzewillow.testing.invariants import Invariants
from bronzewillow.testing.simnet import SECOND, SimNet, cut
from bronzewillow.wire.ethernet import EthernetFrame, emit_ethernet
from bronzewillow.wire.ip import emit_ip, ethertype_of
from bronzewillow.wire.packet import TcpPacket, flatten
from bronzewillow.wire.pcap import PcapWriter

_PORT = 80
_CHUNK = 65_536


@dataclass(slots=True)
class _End:
    """One end of one connection: what it has to send, and what it got."""

    data: bytes
    sent: int = 0
    received: int = 0
    unread: int = 0
    peer_closed: bool = False
    closed: int = 0


class Exchange:
    """`connections` from a to b; `up` bytes go from a to b on each, `down` bytes back."""

    def __init__(
        self,
        net: SimNet,
        *,
        up: int,
        down: int,
        connections: int = 1,
        seed: int = 0,
        half_close: bool = False,
        batch_reader: bool = False,
    ) -> None:
        self.net = net
        self._half_close = half_close  # b sends only after it has heard a's FIN
        self._batch_reader = batch_reader  # consume only when a quarter of the buffer is unread
        rng = random.Random(seed)
        self._up, self._down = rng.randbytes(up), rng.randbytes(down)
        self._ends: dict[Connection, _End] = {}
        self._accepted = 0
        self._connections = connections
        net.b.stack.listen(_PORT, backlog=max(connections, 1))
        for host in (net.a, net.b):
            host.consumes = False
            host.on_event = self._on_event
        self._watch()
        for _ in range(connections):
            c = net.a.stack.connect(net.b.stack.config.address, _PORT, net.now)
            self._ends[c] = _End(self._up)

    def run(self, limit: int = 3600 * SECOND) -> None:
        """Until all is done and all is freed; AssertionError when anything is lost, late or left."""
        self.net.run(lambda: len(self._ends) == 2 * self._connections and self._done(), limit)
        finished = self.net.now
        self.net.run_until_quiet()
        for host in (self.net.a, self.net.b):
            assert host.stack.connections() == [], "a connection is left"
            assert host.stack.next_timeout() is None, "a timer is left"
        for c, end in self._ends.items():
            assert end.closed == 1, f"Closed came {end.closed} times"
            assert end.received == len(self._peer_data(c)), "bytes are missing"
        self.net.now = finished

    def _done(self) -> bool:
        return all(end.closed for end in self._ends.values())

    def _peer_data(self, c: Connection) -> bytes:
        return self._down if c.listener is None else self._up

    def _watch(self) -> None:
        watched = [Invariants(host.stack) for host in (self.net.a, self.net.b)]

        def check() -> None:
            for invariants in watched:
                invariants.check()

        self.net.on_step = check

    def _on_event(self, event: Event, now: int) -> None:
        c = event.connection
        if isinstance(event, Accepted):
            self._ends[c] = _End(self._down)
        end = self._ends[c]
        assert not end.closed, f"{type(event).__name__} after Closed"
        assert not isinstance(event, Reset), f"reset: {event.error}" if isinstance(event, Reset) else ""
        if isinstance(event, DataReceived):
            assert not end.peer_closed, "data after PeerClosed"
            size = len(event.data)
            assert event.data == self._peer_data(c)[end.received : end.received + size], "other bytes"
            end.received += size
            end.unread += size
            if not self._batch_reader or end.unread * 4 >= c.receive_window.size:
                c.consume(end.unread, now)
                end.unread = 0
        elif isinstance(event, PeerClosed):
            end.peer_closed = True
            c.consume(end.unread, now)
            end.unread = 0
        elif isinstance(event, Closed):
            end.closed += 1
            return
        if isinstance(event, Accepted | Connected | Writable | PeerClosed):
            self._feed(c, end, now)

    def _feed(self, c: Connection, end: _End, now: int) -> None:
        waits = self._half_close and c.listener is not None and not end.peer_closed
        if waits or c.state not in SENDING or c.fin_wanted:
            return
        while end.sent < len(end.data):
            taken = c.send(end.data[end.sent : end.sent + _CHUNK], now)
            end.sent += taken
            if not taken:
                return
        c.shutdown(now)


@contextmanager
def recorded(net: SimNet, seed: object, directory: Path) -> Iterator[None]:
    """A failure inside names its seed and leaves `wire.pcap` in `directory`."""
    try:
        yield
    except Exception as error:
        path = directory / "wire.pcap"
        with path.open("wb") as file:
            write_pcap(net, PcapWriter(file))
        raise AssertionError(f"seed {seed}: {error} at {net.now / SECOND:.6f} s, see {path}") from error


def write_pcap(net: SimNet, writer: PcapWriter) -> None:
    """Everything that has left, as it was cut for the wire, lost or not."""
    for now, sender, packet in net.trace:
        ends = (b"\2\0\0\0\0\1", b"\2\0\0\0\0\2")
        source, destination = ends if sender == "a" else ends[::-1]
        for piece in cut(packet):
            whole = flatten(piece) if isinstance(piece, TcpPacket) else piece
            ethertype = ethertype_of(packet.source)
            writer.write(emit_ethernet(EthernetFrame(destination, source, ethertype, emit_ip(whole))), now)


def bytes_on_the_wire(net: SimNet) -> bytes:
    """Everything that has left as one value, to compare two runs."""
    whole = [flatten(p) if isinstance(p, TcpPacket) else p for _, _, packet in net.trace for p in cut(packet)]
    times = b"".join(now.to_bytes(8, "big") for now, _, _ in net.trace)
    return times + b"".join(emit_ip(packet) for packet in whole)
