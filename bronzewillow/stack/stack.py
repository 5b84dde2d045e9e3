"""One pod's TCP/IP. Packets and `now` in, packets and events out; equal inputs give equal outputs.

The owner, after any input: take `events()`, act on them, take `output(now)`, arm one timer at
`next_timeout()`, and call `handle_timeout(now)` when it is due. Instants are microseconds since any start.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from bronzewillow.stack import icmp as pod_icmp
from bronzewillow.stack import icmpv6 as pod_icmpv6
from bronzewillow.stack.config import StackConfig, TcpConfig
from bronzewillow.stack.counters import StackCounters
from bronzewillow.stack.events import Event
from bronzewillow.stack.fragments import Reassembler, fragment
from bronzewillow.stack.tcp.connection import Connection
from bronzewillow.stack.tcp.demux import Tcp
from bronzewillow.stack.tcp.listener import Listener
from bronzewillow.stack.tcp.memory import Memory
from bronzewillow.wire import icmp, icmpv6, tcp, udp
from bronzewillow.wire.errors import DropReason, WireError
from bronzewillow.wire.ip import IpPacket, is_no_source
from bronzewillow.wire.ipv4 import Ipv4Packet
from bronzewillow.wire.ipv6 import Ipv6Packet, unwrap
from bronzewillow.wire.packet import Packet, TcpPacket, parse_tcp_packet

if TYPE_CHECKING:
    import random


_LOOP_BACK_ROUNDS = 10_000
"""What is beyond is lost, and sent again by its timer: no two ends of ours keep one call busy for ever."""


class Stack:
    """A pod's end of one family: an address, ICMP echo and errors, TCP."""

    def __init__(self, config: StackConfig, rng: random.Random, memory: Memory | None = None) -> None:
        """`memory` is that of the process, which all its stacks share."""
        self.config = config
        self._rng = rng
        self._out: list[Packet] = []
        self._events: list[Event] = []
        self._tcp = Tcp(config, rng, self._out, self._events, Memory(config.max_buffered_bytes, memory))
        self._reassembler = Reassembler(config.max_fragment_bytes, self._tcp.drops)
        self._icmp_limit = pod_icmp.RateLimit(config.icmp_errors_per_second)

    @property
    def counters(self) -> StackCounters:
        """What has happened since the stack began."""
        return self._tcp.counters

    @property
    def drops(self) -> Counter[DropReason]:
        """Packets that were not used, by reason."""
        return self._tcp.drops

    # ---- the network's side

    def receive(self, packets: Sequence[Packet], now: int) -> None:
        """Take a batch that arrived together. Never raises for what a peer sent."""
        for packet in packets:
            source = packet.source
            if packet.destination != self.config.address:
                self._tcp.drop(DropReason.UNKNOWN_INNER_DESTINATION)
            elif source == self.config.address or is_no_source(source):
                self._tcp.drop(DropReason.IP_ADDRESS)
            elif isinstance(packet, TcpPacket):
                self._tcp.receive(packet, now)
            else:
                self._receive_ip(packet, now)

    def output(self, now: int) -> list[Packet]:
        """What is to be sent now, in order; a TcpPacket may hold up to 64 KiB, to be cut at its `mss`."""
        self._tcp.flush(now)
        self._loop_back(now)
        out = self._out[:]
        self._out.clear()
        return out

    def on_path_mtu(self, destination: bytes, mtu: int, now: int) -> None:
        """The way to `destination` takes no packet above `mtu` bytes; what is in flight leaves again.

        To be believed: it is the node's own tunnel that says so.
        """
        self._tcp.on_path_mtu(destination, mtu, now)

    def on_link_mtu(self, mtu: int) -> None:
        """The node's link takes `mtu` bytes now: connections to come announce it, others shrink to it."""
        self._tcp.on_link_mtu(mtu)
        self.config = self._tcp.config

    def take_tcp(self, tcp: TcpConfig) -> None:
        """What connections to come go by; those that are here keep what they began with."""
        self.config = self._tcp.config = replace(self.config, tcp=tcp)

    def handle_timeout(self, now: int) -> None:
        """Run the timers that are due at `now`."""
        self._tcp.handle_timeout(now)

    def next_timeout(self) -> int | None:
        """When `handle_timeout` wants to be called; None while no timer runs."""
        return self._tcp.timer_queue.next_timeout()

    # ---- the user's side

    @property
    def has_events(self) -> bool:
        """Whether `events` would give any."""
        return bool(self._events)

    def events(self) -> list[Event]:
        """What has happened since the last call, in order."""
        events = self._events[:]
        self._events.clear()
        return events

    def listen(
        self, port: int, backlog: int = 128, admits: Callable[[bytes], bool] | None = None
    ) -> Listener:
        """Accept on `port`, from those that `admits` lets; at most `backlog` half-open ones. LocalError."""
        return self._tcp.listen(port, backlog, admits)

    def connect(self, address: bytes, port: int, now: int) -> Connection:
        """Open a connection; `Connected` follows, or `Reset` and `Closed`."""
        return self._tcp.connect(address, port, now)

    def connections(self) -> list[Connection]:
        """All connections, in any state."""
        return list(self._tcp.connections.values())

    # ---- inside

    def _loop_back(self, now: int) -> None:
        """What we say to ourselves never leaves: a pod may dial a Service that is itself."""
        address = self.config.address
        for _ in range(_LOOP_BACK_ROUNDS):
            own = [packet for packet in self._out if packet.destination == address]
            if not own:
                return
            self._out[:] = [packet for packet in self._out if packet.destination != address]
            for packet in own:
                if isinstance(packet, TcpPacket):
                    self._tcp.receive(packet, now)
            self._tcp.flush(now)
        self._out[:] = [packet for packet in self._out if packet.destination != address]

    def _receive_ip(self, packet: IpPacket, now: int) -> None:
        whole: IpPacket | None = packet
        if packet.is_fragment:
            whole = self._reassembler.add(packet, now)
            if whole is None:
                return
            self.counters.reassembled += 1
        assert whole is not None
        try:
            self._dispatch(unwrap(whole) if isinstance(whole, Ipv6Packet) else whole, now)
        except WireError as error:
            self._tcp.drop(error.reason)

    def _dispatch(self, packet: IpPacket, now: int) -> None:
        partial = self.config.partial_checksums
        if packet.protocol == tcp.PROTOCOL:
            self._tcp.receive(parse_tcp_packet(packet, partial=partial), now)
        elif packet.protocol == udp.PROTOCOL:
            udp.parse_udp(packet.payload, packet.source, packet.destination, partial=partial)
            self._tcp.drop(DropReason.NO_LISTENER)
            if isinstance(packet, Ipv6Packet):
                self._send_error(pod_icmpv6.unreachable(packet, icmpv6.PORT_UNREACHABLE), now)
            else:
                self._send_error(pod_icmp.unreachable(packet, icmp.PORT_UNREACHABLE), now)
        elif isinstance(packet, Ipv4Packet) and packet.protocol == icmp.PROTOCOL:
            self._receive_icmp(packet, now)
        elif isinstance(packet, Ipv6Packet) and packet.protocol == icmpv6.PROTOCOL:
            self._receive_icmpv6(packet, now)
        else:
            self._tcp.drop(DropReason.UNSUPPORTED_PROTOCOL)
            if isinstance(packet, Ipv6Packet):
                self._send_error(pod_icmpv6.unrecognized(packet), now)
            else:
                self._send_error(pod_icmp.unreachable(packet, icmp.PROTOCOL_UNREACHABLE), now)

    def _receive_icmp(self, packet: Ipv4Packet, now: int) -> None:
        self.counters.icmp_in += 1
        message = icmp.parse_icmp(packet.payload)
        if isinstance(message, icmp.EchoRequest):
            self.counters.echo_replies += 1
            self._send_icmp(pod_icmp.echo_reply(packet, message))
        elif not isinstance(message, icmp.EchoReply):
            pod_icmp.on_error(self._tcp, message, self.config.address, now)

    def _receive_icmpv6(self, packet: Ipv6Packet, now: int) -> None:
        self.counters.icmp_in += 1
        message = icmpv6.parse_icmpv6(packet.payload, packet.source, packet.destination)
        if isinstance(message, icmp.EchoRequest):
            self.counters.echo_replies += 1
            self._send_icmp(pod_icmpv6.echo_reply(packet, message))
        else:
            pod_icmpv6.on_error(self._tcp, message, self.config.address, now)

    def _send_error(self, error: IpPacket | None, now: int) -> None:
        if error is not None and self._icmp_limit.allows(now):
            self._send_icmp(error)

    def _send_icmp(self, packet: IpPacket) -> None:
        self.counters.icmp_out += 1
        mtu = self._tcp.path_mtus.towards(packet.destination)
        if isinstance(packet, Ipv6Packet):
            self._out.extend(fragment(packet, mtu, self._rng.getrandbits(32)))
        else:
            self._out.extend(fragment(packet, mtu, self._rng.getrandbits(16)))
