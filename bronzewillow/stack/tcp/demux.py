"""All connections of one stack: which one a segment is for, and what to say when it is for none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from bronzewillow.stack.config import StackConfig
from bronzewillow.stack.counters import StackCounters
from bronzewillow.stack.errors import LocalError
from bronzewillow.stack.events import Event
from bronzewillow.stack.path_mtu import PathMtus, grow, relink, shrink
from bronzewillow.stack.tcp import output
from bronzewillow.stack.tcp.connection import Connection, Endpoint
from bronzewillow.stack.tcp.ecn import CE
from bronzewillow.stack.tcp.input import may_reopen, open_from_cookie, passive_open, segment_arrives
from bronzewillow.stack.tcp.isn import initial_sequence_number, timestamp_offset
from bronzewillow.stack.tcp.listener import Listener
from bronzewillow.stack.tcp.memory import Memory
from bronzewillow.stack.tcp.output import transmit
from bronzewillow.stack.tcp.state import State, enter
from bronzewillow.stack.tcp.syn_cookies import SynCookies
from bronzewillow.stack.tcp.timeouts import handle_timeout
from bronzewillow.stack.tcp.timers import Timer, TimerQueue
from bronzewillow.wire.errors import DropReason
from bronzewillow.wire.ip import is_no_source
from bronzewillow.wire.packet import TcpPacket
from bronzewillow.wire.seqnum import add
from bronzewillow.wire.tcp import Flags, TcpSegment

if TYPE_CHECKING:
    import random

    from bronzewillow.wire.packet import Packet

_ACK = int(Flags.ACK)
_FIN = int(Flags.FIN)
_RST = int(Flags.RST)
_SYN = int(Flags.SYN)
_FIRST_EPHEMERAL_PORT = 49152  # RFC 6335 6
_RANDOM_PORTS = 32  # tried before the search in order

Key = tuple[int, bytes, int]  # local port, remote address, remote port


class Tcp:
    """TCP of one stack. The files of this package meet here."""

    def __init__(
        self,
        config: StackConfig,
        rng: random.Random,
        out: list[Packet],
        events: list[Event],
        memory: Memory,
    ) -> None:
        self.config = config
        self.memory = memory
        self.out = out
        self.events = events
        self.counters = StackCounters()
        self.drops: Counter[DropReason] = Counter()
        self.timer_queue: TimerQueue[Connection] = TimerQueue()
        self.path_mtus = PathMtus(config.mtu)
        self.connections: dict[Key, Connection] = {}
        self.listeners: dict[int, Listener] = {}
        self._rng = rng
        self._secret = rng.randbytes(16)
        self._cookies = SynCookies(rng)
        self._dirty: dict[Connection, None] = {}
        self._half_open: dict[Connection, None] = {}  # oldest first
        self._time_wait: dict[Connection, None] = {}  # oldest first
        self._orphans: dict[Connection, None] = {}  # oldest first

    # ---- the user's side

    def listen(self, port: int, backlog: int, admits: Callable[[bytes], bool] | None = None) -> Listener:
        """LocalError when the port already has a listener."""
        if port in self.listeners:
            raise LocalError(f"port {port} already has a listener")
        listener = self.listeners[port] = Listener(port, backlog, self._on_listener_closed, admits)
        return listener

    def connect(self, address: bytes, port: int, now: int) -> Connection:
        """RFC 9293 3.10.1, active open. LocalError: no such host, no local port, no room."""
        if is_no_source(address) or len(address) != len(self.config.address):
            raise LocalError("no host has that address")  # RFC 9293 3.9.2.3 MUST-46
        if len(self.connections) >= self.config.tcp.max_connections and not self._make_room():
            raise LocalError("too many connections")
        local = (self.config.address, self._ephemeral_port(address, port, now))
        c = self._new_connection(local, (address, port), None, now)
        c.tcb.snd_una, c.tcb.snd_nxt = c.tcb.iss, add(c.tcb.iss, 1)
        enter(c.tcb, State.SYN_SENT)
        c.stalled_since = now
        output.send_syn(c, now)
        c.arm(Timer.RETRANSMIT, now + c.rtt.rto)
        return c

    # ---- the network's side

    def receive(self, packet: TcpPacket, now: int) -> None:
        """One segment, checksum verified, addressed to this stack."""
        seg = packet.segment
        self.counters.segments_in += packet.pieces
        self.counters.payload_bytes_in += len(seg.payload)
        if seg.source_port == 0 or seg.destination_port == 0:
            self.drop(DropReason.TCP_PORT)  # RFC 6335 6: reserved; nobody sends from it who wants an answer
            return
        key = (seg.destination_port, packet.source, seg.source_port)
        c = self.connections.get(key)
        floor: int | None = None
        if c is not None and may_reopen(c, seg):
            floor = add(c.tcb.snd_nxt, 1)
            c.end()
            c = None
        if c is not None:
            segment_arrives(c, seg, packet.tos & CE == CE, now)
        elif seg.flags & (_SYN | _ACK | _RST) == _SYN and seg.destination_port in self.listeners:
            if seg.flags & _FIN:
                self.drop(DropReason.TCP_FLAGS)  # opens and closes at once: scanners and floods do so
            else:
                self._on_syn(packet, floor, now)
        elif not self._opens_from_cookie(packet, now):
            self._refuse(packet)

    def handle_timeout(self, now: int) -> None:
        """Run all timers that are due."""
        for c in self.timer_queue.take_due(now):
            handle_timeout(c, now)

    def flush(self, now: int) -> None:
        """Let every connection that something happened to send."""
        if self.path_mtus.next_expiry <= now:
            grow(self.connections.values(), self.path_mtus.take_expired(now))
        while self._dirty:
            dirty, self._dirty = self._dirty, {}
            for c in dirty:
                transmit(c, now)
                c.account()

    def on_path_mtu(self, destination: bytes, mtu: int, now: int) -> None:
        """No packet above `mtu` bytes gets to `destination`."""
        if self.path_mtus.lower(destination, mtu, now):
            shrink(self.connections.values(), destination, mtu)

    def on_link_mtu(self, mtu: int) -> None:
        """The stack has another link."""
        self.config = replace(self.config, mtu=mtu)
        self.path_mtus.link_mtu = mtu
        relink(self.connections.values(), mtu)

    # ---- what connections use

    def mark_dirty(self, c: Connection) -> None:
        """`c` may have something to send."""
        self._dirty[c] = None

    def drop(self, reason: DropReason) -> None:
        """Count a segment, or part of one, that was not used."""
        self.drops[reason] += 1

    def leave_half_open(self, c: Connection) -> None:
        """`c` is no longer half-open."""
        self._half_open.pop(c, None)
        if c.listener is not None:
            c.listener.half_open.pop(c, None)

    def on_time_wait(self, c: Connection) -> None:
        """`c` may give way when room is needed."""
        self._time_wait[c] = None

    def on_orphaned(self, c: Connection) -> None:
        """`c` was closed by its owner: it may give way, too."""
        self._orphans[c] = None

    def forget(self, c: Connection) -> None:
        """`c` is CLOSED."""
        key = (c.local[1], *c.remote)
        if self.connections.get(key) is c:
            del self.connections[key]
        self.leave_half_open(c)
        self._time_wait.pop(c, None)
        self._orphans.pop(c, None)
        self._dirty.pop(c, None)
        c.account()

    def reply_reset(self, source: bytes, destination: bytes, seg: TcpSegment) -> None:
        """RFC 9293 3.10.7.1: the RST that makes sense to whoever sent `seg`; none for a RST."""
        if seg.flags & _RST:
            return
        self.counters.resets_out += 1
        self.counters.segments_out += 1
        ports = seg.destination_port, seg.source_port
        if seg.flags & _ACK:
            reset = TcpSegment(*ports, seg.ack, 0, _RST, 0)
        else:
            reset = TcpSegment(*ports, 0, add(seg.seq, seg.len), _RST | _ACK, 0)
        self.out.append(TcpPacket(source, destination, reset, ttl=self.config.ttl))

    # ---- inside

    def _on_syn(self, packet: TcpPacket, floor: int | None, now: int) -> None:
        seg = packet.segment
        listener = self.listeners[seg.destination_port]
        if not self._has_room(packet, listener):
            return
        local, remote = (packet.destination, seg.destination_port), (packet.source, seg.source_port)
        config = self.config.tcp
        for half_open, limit in (
            (self._half_open, config.max_half_open),
            (listener.half_open, listener.backlog),
        ):
            if len(half_open) < limit:
                continue
            if config.syn_cookies:
                self._send_cookie(local, remote, seg, now)
                return
            self._evict_half_open(next(iter(half_open)))
        c = self._new_connection(local, remote, listener, now)
        if floor is not None:
            c.tcb.iss = add(floor, self._rng.getrandbits(16))  # RFC 9293 3.6.1: beyond the old one
        self._half_open[c] = listener.half_open[c] = None
        passive_open(c, seg, now)

    def _has_room(self, packet: TcpPacket, listener: Listener) -> bool:
        """Whether `listener` may have one connection more, of who sent `packet`."""
        if listener.admits is not None and not listener.admits(packet.source):
            self.drop(DropReason.POLICY_DENIED)
            return False
        if len(self.connections) >= self.config.tcp.max_connections and not self._make_room():
            self.counters.refused_over_limit += 1
            self.drop(DropReason.CONNECTION_LIMIT)
            return False
        return True

    def _send_cookie(self, local: Endpoint, remote: Endpoint, syn: TcpSegment, now: int) -> None:
        ts_value = now // 1_000 + timestamp_offset(self._secret, local, remote) & 0xFFFFFFFF
        answer = self._cookies.answer(self.config, local, remote, syn, ts_value, now)
        self.counters.syn_cookies_sent += 1
        self.counters.segments_out += 1
        self.out.append(TcpPacket(local[0], remote[0], answer, ttl=self.config.ttl))

    def _opens_from_cookie(self, packet: TcpPacket, now: int) -> bool:
        """Whether `packet` was the ACK of a SYN cookie; the connection exists then."""
        seg = packet.segment
        listener = self.listeners.get(seg.destination_port)
        if listener is None or seg.flags & (_SYN | _ACK | _RST) != _ACK:
            return False
        local, remote = (packet.destination, seg.destination_port), (packet.source, seg.source_port)
        syn = self._cookies.recall(local, remote, seg, now)
        if syn is None:
            return False
        if self._has_room(packet, listener):
            self.counters.syn_cookies_accepted += 1
            open_from_cookie(self._new_connection(local, remote, listener, now), syn, seg, now)
        return True

    def _evict_half_open(self, c: Connection) -> None:
        """RFC 4987 3.3: under a flood the oldest is the least likely to complete."""
        self.counters.half_open_evicted += 1
        self.drop(DropReason.BACKLOG_FULL)
        c.end()

    def _make_room(self) -> bool:
        """End what nobody waits for: the oldest in TIME-WAIT, or else the oldest that its owner has closed.

        RFC 6429 4: a peer that takes a byte now and then could keep the latter for ever.
        """
        if oldest := next(iter(self._time_wait), None):
            oldest.end()
        elif oldest := next(iter(self._orphans), None):
            output.send_reset(oldest)
            oldest.end()
        return oldest is not None

    def _refuse(self, packet: TcpPacket) -> None:
        """RFC 9293 3.10.7.1, and 3.10.7.2 second: no connection here."""
        self.drop(DropReason.NO_LISTENER if packet.segment.flags & _SYN else DropReason.TCP_NO_CONNECTION)
        self.reply_reset(packet.destination, packet.source, packet.segment)

    def _new_connection(
        self, local: tuple[bytes, int], remote: tuple[bytes, int], listener: Listener | None, now: int
    ) -> Connection:
        c = Connection(self, local, remote, listener, now)
        c.tcb.iss = initial_sequence_number(self._secret, local, remote, now)
        path_mtu = self.path_mtus.towards(remote[0])
        if path_mtu < self.config.mtu:
            c.tcb.path_smss = path_mtu - self.config.header_bytes
        c.tcb.ts_offset = timestamp_offset(self._secret, local, remote)
        self.connections[local[1], remote[0], remote[1]] = c
        return c

    def _ephemeral_port(self, address: bytes, port: int, now: int) -> int:
        """RFC 6056 3.3.1: a random port, and another while it is taken; at last the next free one.

        A connection in TIME-WAIT gives its port to its next incarnation, whose timestamps are newer
        (RFC 6191): else a busy client would look for the last free port each time, and then have none.
        """
        count = 65536 - _FIRST_EPHEMERAL_PORT
        first = self._rng.randrange(count)
        for attempt in range(_RANDOM_PORTS + count):
            offset = self._rng.randrange(count) if attempt < _RANDOM_PORTS else (first + attempt) % count
            candidate = _FIRST_EPHEMERAL_PORT + offset
            if candidate in self.listeners:
                continue
            c = self.connections.get((candidate, address, port))
            if c is None:
                return candidate
            if c.tcb.state is State.TIME_WAIT and c.tcb.timestamps_on and now - c.last_heard > 1_000_000:
                c.end()
                return candidate
        raise LocalError("no local port is free")

    def _on_listener_closed(self, listener: Listener) -> None:
        if self.listeners.get(listener.port) is listener:
            del self.listeners[listener.port]
            for c in list(listener.half_open):
                c.end()
