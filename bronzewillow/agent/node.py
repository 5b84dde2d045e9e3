"""The turn of the shell: datagrams to stacks, events to connections, packets to datagrams, one timer.

After any input, of the network, of a timer or of a connection's owner, `flush` runs once: so the writes of
one loop turn leave as one batch, and one ACK answers many arrivals.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence

from bronzewillow.agent.clock import Clock
from bronzewillow.agent.datagram import DatagramSocket, Rung
from bronzewillow.agent.underlay import Tap, Underlay, open_underlays
from bronzewillow.overlay.spec import OverlaySpec, Peer, node_address
from bronzewillow.overlay.vtep import TooBig
from bronzewillow.stack import Event, Stack, StackConfig, TcpConfig, icmp, icmpv6
from bronzewillow.stack.neighbours import answer_arp, answer_solicitation
from bronzewillow.stack.tcp.memory import Memory
from bronzewillow.wire.arp import ArpPacket
from bronzewillow.wire.errors import DropReason, WireError
from bronzewillow.wire.icmp import HOST_UNREACHABLE
from bronzewillow.wire.icmpv6 import ADDRESS_UNREACHABLE, solicited_target
from bronzewillow.wire.ip import IpPacket
from bronzewillow.wire.ipv6 import Ipv6Packet
from bronzewillow.wire.packet import Packet, TcpPacket, flatten

_MAX_BUFFERED_BYTES = 1 << 30  # of all pods and their connections
_ROUNDS = 64  # of a flush, before the loop gets its turn
_ERRORS_PER_SECOND = 100


class Node:
    """One node of the overlay: its underlays, and a stack for each address that is in use."""

    def __init__(
        self,
        specs: Sequence[OverlaySpec],
        on_event: Callable[[Event], None],
        rung: Rung | None = None,
        tcp: TcpConfig | None = None,
    ) -> None:
        """Binds a socket for each of `specs`, no two with pods of one family: OSError when that fails.

        `on_event` gets the events of all stacks.
        """
        self._loop = asyncio.get_running_loop()
        self._on_event = on_event
        self._tcp = tcp or TcpConfig()
        self._rng = random.SystemRandom()
        self._memory = Memory(_MAX_BUFFERED_BYTES)
        self._errors_limit = icmp.RateLimit(_ERRORS_PER_SECOND)
        self._touched: dict[Stack, None] = {}
        self._flush_handle: asyncio.Handle | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at: int | None = None
        self.clock = Clock(self._loop)
        self.stacks: dict[bytes, Stack] = {}
        self.taps: list[Tap] = []
        self.underlays = open_underlays(specs, self._on_drained, self.taps, self.clock.now, rung)
        self._by_family = {
            len(network): one for one in self.underlays for network, _ in one.vtep.spec.pod_cidrs
        }
        self.addresses = tuple(node_address(cidr) for spec in specs for cidr in spec.pod_cidrs)
        """The node's own in the overlay, one of each pod CIDR."""
        for address in self.addresses:
            self.add_stack(address)

    # ---- the owner's side

    def update(self, specs: Sequence[OverlaySpec]) -> None:
        """New peers, or new addresses of ours in the underlay; pods and connections stay.

        OSError when an address cannot be bound, and nothing is done.
        """
        moves = list(zip(self.underlays, specs, strict=True))
        opened: list[DatagramSocket | None] = []
        try:
            for underlay, spec in moves:
                opened.append(None if underlay.is_at(spec) else underlay.open(spec))
        except BaseException:
            for unused in filter(None, opened):
                unused.close()
            raise
        for (underlay, spec), one in zip(moves, opened, strict=True):
            underlay.take(spec, one)
        for address, stack in self.stacks.items():
            mtu = self._by_family[len(address)].vtep.spec.mtu
            if stack.config.mtu != mtu:
                stack.on_link_mtu(mtu)
                self.touch(stack)

    def take_tcp(self, tcp: TcpConfig) -> None:
        """What connections to come go by, of all pods."""
        self._tcp = tcp
        for stack in self.stacks.values():
            stack.take_tcp(tcp)

    def owns(self, address: bytes) -> bool:
        """Whether `address` is one of our pods', in use or not."""
        underlay = self._by_family.get(len(address))
        return underlay is not None and underlay.vtep.spec.owns(address)

    def has_route(self, address: bytes) -> bool:
        """Whether `address` is a peer's pod's."""
        underlay = self._by_family.get(len(address))
        return underlay is not None and underlay.vtep.has_route(address)

    def address_for(self, destination: bytes) -> bytes | None:
        """Our own address from which to speak with `destination`; None where we have none of its family."""
        return next((one for one in self.addresses if len(one) == len(destination)), None)

    def add_stack(self, address: bytes, tcp: TcpConfig | None = None) -> Stack:
        """Bring a pod's address to life."""
        spec = self._by_family[len(address)].vtep.spec
        config = StackConfig(
            address, mtu=spec.mtu, tcp=tcp or self._tcp, partial_checksums=spec.partial_checksums
        )
        stack = self.stacks[address] = Stack(config, self._rng, self._memory)
        return stack

    def remove_stack(self, address: bytes) -> None:
        """End a pod: its connections are reset, its address falls silent."""
        stack = self.stacks[address]
        now = self.clock.now()
        for connection in stack.connections():
            connection.abort(now)
        self._touched[stack] = None
        self.flush()
        del self.stacks[address]

    def touch(self, stack: Stack) -> None:
        """`stack` was called from outside: it may have something to send before this loop turn ends."""
        self._touched[stack] = None
        if self._flush_handle is None:
            self._flush_handle = self._loop.call_soon(self.flush)

    def close(self) -> None:
        """Send what is due, and give the ports back."""
        self.flush()
        for handle in (self._timer, self._flush_handle):
            if handle is not None:
                handle.cancel()
        for underlay in self.underlays:
            underlay.close()

    # ---- the network's side

    def _on_drained(self, underlay: Underlay) -> None:
        batches: dict[bytes, list[Packet]] = {}
        for peer, packet in underlay.vtep.flush(self.clock.now()):
            if isinstance(packet, ArpPacket):
                self._answer_arp(underlay, peer, packet)
            elif isinstance(packet, Ipv6Packet) and solicited_target(packet) is not None:
                self._answer_solicitation(underlay, peer, packet)
            elif (error := self._too_big(underlay, packet)) is not None:
                underlay.vtep.drops[DropReason.OVERSIZE] += 1
                self._send_error(error)
            elif packet.destination in self.stacks:
                batches.setdefault(packet.destination, []).append(packet)
            else:
                self._refuse(underlay, packet)
        now = self.clock.now()
        for address, batch in batches.items():
            stack = self.stacks[address]
            stack.receive(batch, now)
            self._touched[stack] = None
        if batches:
            self.flush()

    def _answer_arp(self, underlay: Underlay, peer: Peer, request: ArpPacket) -> None:
        if request.tpa in self.stacks:
            _send_neighbour(underlay, peer, answer_arp(request, request.tpa, underlay.vtep.spec.mac))

    def _answer_solicitation(self, underlay: Underlay, peer: Peer, packet: Ipv6Packet) -> None:
        try:
            reply = answer_solicitation(packet, self.stacks, underlay.vtep.spec.mac)
        except WireError as error:
            underlay.vtep.drops[error.reason] += 1
        else:
            _send_neighbour(underlay, peer, reply)

    def _refuse(self, underlay: Underlay, packet: Packet) -> None:
        """An address of ours that no pod has: RFC 1122 3.2.2.1, RFC 4443 3.1; from the node's address."""
        underlay.vtep.drops[DropReason.UNKNOWN_INNER_DESTINATION] += 1
        whole = flatten(packet) if isinstance(packet, TcpPacket) else packet
        source = self.address_for(whole.destination)
        error: IpPacket | None
        if isinstance(whole, Ipv6Packet):
            error = icmpv6.unreachable(whole, ADDRESS_UNREACHABLE, source)
        else:
            error = icmp.unreachable(whole, HOST_UNREACHABLE, source)
        if error is not None:
            self._send_error(error)

    def _too_big(self, underlay: Underlay, packet: Packet) -> IpPacket | None:
        """What is to be said of a packet that our links do not take; peers' pods may have larger ones.

        Not of TCP: its packets may be many that were joined, and `receive_mss` keeps peers from larger ones.
        """
        if isinstance(packet, TcpPacket):
            return None
        source, mtu = self.address_for(packet.destination), underlay.vtep.spec.mtu
        if source is None:
            return None
        if isinstance(packet, Ipv6Packet):
            return icmpv6.too_big(packet, mtu, source)
        return icmp.too_big(packet, mtu, source)

    def _send_error(self, error: IpPacket) -> None:
        if self._errors_limit.allows(self.clock.now()):
            self._route(error, self.clock.now())

    # ---- the turn

    def flush(self) -> None:
        """Deliver events, send packets, arm the timer; again while that makes more of them."""
        if self._flush_handle is not None:
            self._flush_handle.cancel()
            self._flush_handle = None
        for _ in range(_ROUNDS):
            if not self._touched:
                break
            touched, self._touched = self._touched, {}
            now = self.clock.now()
            for stack in touched:
                for event in stack.events():
                    self._tell(event)
                for packet in stack.output(now):
                    self._route(packet, now)
                if stack.has_events:  # of what it said to itself
                    self._touched[stack] = None
        else:
            self._flush_handle = self._loop.call_soon(self.flush)
        self._arm_timer()

    def _tell(self, event: Event) -> None:
        """What fails with one event is logged, as the loop does with its callbacks: the others are told."""
        try:
            self._on_event(event)
        except Exception as error:
            message = f"{type(event).__name__} of a connection was not taken"
            self._loop.call_exception_handler({"message": message, "exception": error})

    def _route(self, packet: Packet, now: int) -> None:
        underlay = self._by_family[len(packet.source)]
        if underlay.vtep.spec.owns(packet.destination):
            stack = self.stacks.get(packet.destination)
            if stack is not None:  # two pods of this node: nothing to encapsulate
                stack.receive([packet], now)
                self._touched[stack] = None
            else:
                underlay.vtep.drops[DropReason.NO_ROUTE] += 1
            return
        for _ in range(2):  # the first attempt may be what tells of the path's MTU
            sent = underlay.vtep.encap(packet, now)
            if isinstance(sent, TooBig):
                self._shrink(packet, sent.mtu, now)
                return
            if sent is None or underlay.send(sent):
                return

    def _shrink(self, packet: Packet, mtu: int, now: int) -> None:
        """RFC 1191 4, RFC 8201 4: what a router would say by ICMP, our tunnel says to its stack itself."""
        stack = self.stacks.get(packet.source)
        if stack is not None:
            stack.on_path_mtu(packet.destination, mtu, now)
            self._touched[stack] = None

    def _arm_timer(self) -> None:
        earliest = min(
            (at for stack in self.stacks.values() if (at := stack.next_timeout()) is not None), default=None
        )
        if earliest == self._timer_at:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer_at = earliest
        self._timer = None
        if earliest is not None:
            self._timer = self._loop.call_at(self.clock.loop_time(earliest), self._on_timer)

    def _on_timer(self) -> None:
        self._timer = self._timer_at = None
        now = self.clock.now()
        for stack in self.stacks.values():
            at = stack.next_timeout()
            if at is not None and at <= now:
                stack.handle_timeout(now)
                self._touched[stack] = None
        self.flush()


def _send_neighbour(underlay: Underlay, peer: Peer, reply: ArpPacket | IpPacket | None) -> None:
    datagrams = underlay.vtep.encap_neighbour(peer, reply) if reply is not None else None
    if datagrams is not None:
        underlay.send(datagrams)
