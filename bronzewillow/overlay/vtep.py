"""The tunnel endpoint (RFC 7348 4): trains of datagrams in, checked packets out; packets in, datagrams out.

VXLAN and Geneve carry no authentication. What stands in for it: the outer source must be a known node, and
the inner source must belong to that node, or to nobody else (`replies`). Inner MACs are never learned, and
what is looked at of them the spec says (`MacRule`), as CNIs differ in them.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from bronzewillow.overlay.mtu import LEAST, PathMtus
from bronzewillow.overlay.outer_marks import mark_inner
from bronzewillow.overlay.replies import Replies
from bronzewillow.overlay.routes import Routes
from bronzewillow.overlay.spec import OverlaySpec, Peer
from bronzewillow.wire import arp, nd
from bronzewillow.wire.arp import ArpPacket
from bronzewillow.wire.encap import emit_encap_header
from bronzewillow.wire.errors import DropReason, WireError
from bronzewillow.wire.icmpv6 import solicited_target
from bronzewillow.wire.ip import IpPacket, ethertype_of
from bronzewillow.wire.ipv6 import Ipv6Packet
from bronzewillow.wire.kernel import Coalescer, encap_packet, segment
from bronzewillow.wire.packet import Packet, TcpPacket


@dataclass(frozen=True, slots=True)
class Datagrams:
    """Outer UDP payloads for one peer, back to back."""

    peer: Peer
    buffer: bytes | bytearray
    piece_bytes: int
    """Each payload has this many bytes; the last may have fewer."""
    fragmented: bool = False
    """They do not fit the path, and cannot be made smaller: the outer packets must be fragmented."""

    @property
    def count(self) -> int:
        """How many datagrams these are."""
        return -(-len(self.buffer) // self.piece_bytes)


@dataclass(frozen=True, slots=True)
class TooBig:
    """A packet that does not fit the way to its peer."""

    mtu: int
    """The largest inner packet that does, bytes."""


class Vtep:
    """One node's tunnel endpoint."""

    def __init__(self, spec: OverlaySpec) -> None:
        self.drops: Counter[DropReason] = Counter()
        self.drops_by_peer: Counter[tuple[str, DropReason]] = Counter()
        self.datagrams_in = 0
        self.bytes_in = 0
        self.datagrams_out = 0
        self.bytes_out = 0
        self._coalescer = Coalescer(
            spec.encap,
            None if spec.any_vni else spec.vni,
            spec.partial_checksums,
            spec.mac_rule,
            spec.mac,
        )
        self._by_address: dict[bytes, tuple[Peer, ...]] = {}
        self.replies = Replies()
        self.path_mtus = PathMtus()
        self.update(spec)

    def update(self, spec: OverlaySpec) -> None:
        """Take over a new set of peers at once; counters and what is in flight stay.

        The encapsulation, the VNI, our MAC and its rule are the endpoint's identity and need a new Vtep.
        """
        by_address: dict[bytes, tuple[Peer, ...]] = {}
        for peer in spec.peers:
            by_address[peer.address] = (*by_address.get(peer.address, ()), peer)
        self.spec = spec
        self._by_address = by_address
        self._routes = Routes(spec.peers)
        self._source_vnis = dict(spec.source_vnis)
        self._headers: dict[tuple[Peer, int, int], bytes] = {}  # made when first needed
        self.path_mtus.keep(set(by_address))

    @property
    def partial_checksums(self) -> dict[str, int]:
        """Segments accepted with an unfinished checksum, by peer; peers at one address share their count."""
        return self._by_peer(self._coalescer.partial_checksums)

    @property
    def foreign_macs(self) -> dict[str, int]:
        """Frames that were taken though their MACs are not right, by peer, likewise."""
        return self._by_peer(self._coalescer.foreign_macs)

    def _by_peer(self, counts: dict[object, int]) -> dict[str, int]:
        return {
            peer.name: count
            for origin, count in counts.items()
            if isinstance(origin, bytes)
            for peer in self._by_address.get(origin, ())
        }

    def all_drops(self) -> Counter[DropReason]:
        """Everything that was not used, malformed encapsulations and packets included."""
        return self.drops + Counter(self._coalescer.drops)

    # ---- inbound

    def receive(self, train: bytes, piece_bytes: int, source: bytes) -> None:
        """A train of datagrams from underlay address `source`, cut every `piece_bytes` (0: one datagram)."""
        count = -(-len(train) // piece_bytes) if piece_bytes else 1
        self.datagrams_in += count
        self.bytes_in += len(train)
        if source in self._by_address:
            self._coalescer.add(train, piece_bytes, source)
        else:
            self.drops[DropReason.UNKNOWN_OUTER_SOURCE] += count

    def receive_marked(self, train: bytes, piece_bytes: int, source: bytes) -> None:
        """As `receive`, where the outer headers say CE: the underlay is congested (RFC 6040 4.2)."""
        piece_bytes = piece_bytes or len(train)
        for at in range(0, len(train), max(piece_bytes, 1)):
            piece = train[at : at + piece_bytes]
            marked = mark_inner(piece, self.spec.encap)
            if marked is None:
                self.datagrams_in += 1
                self.bytes_in += len(piece)
                self._drop(source, DropReason.CONGESTION, 1)
            else:
                self.receive(marked, 0, source)

    def flush(self, now: int) -> list[tuple[Peer, Packet | ArpPacket]]:
        """The packets of all trains since the last call, each with the peer that may rightly send it."""
        checked: list[tuple[Peer, Packet | ArpPacket]] = []
        for origin, packet in self._coalescer.flush():
            assert isinstance(origin, bytes)
            source, destination = _ends(packet)
            peer = self._owner(source, origin)
            if peer is None and not isinstance(packet, ArpPacket) and self.spec.owns(destination):
                peer = self._host_of(source, origin, now)
            if peer is None and isinstance(packet, Ipv6Packet):
                peer = self._asks_or_makes_noise(packet, origin)
            pieces = packet.pieces if isinstance(packet, TcpPacket) else 1
            if peer is None:
                self._drop(origin, DropReason.SPOOFED_INNER_SOURCE, pieces)
            elif not self.spec.owns(destination):
                self._drop(origin, DropReason.UNKNOWN_INNER_DESTINATION, pieces)
            else:
                checked.append((peer, packet))
        return checked

    def _owner(self, source: bytes, origin: bytes) -> Peer | None:
        """The peer at underlay address `origin` that owns inner address `source`."""
        peer = self._routes.lookup(source)
        if peer is not None:
            return peer if peer.address == origin else None
        # a node may speak from its own underlay address: host processes, host-network pods
        return self._node_at(origin) if source == origin else None

    def _host_of(self, source: bytes, origin: bytes, now: int) -> Peer | None:
        """The peer at `origin`, when `source` may be its host's: nobody else's that we know."""
        if self._routes.lookup(source) is not None or source in self._by_address or self.spec.owns(source):
            return None
        return self._node_at(origin) if self.replies.learn(source, origin, now) else None

    def _asks_or_makes_noise(self, packet: Ipv6Packet, origin: bytes) -> Peer | None:
        """What a kernel says from its link-local address: it asks for neighbours, routers and listeners.

        Questions for neighbours are answered; the rest is for nobody here, and no forgery either.
        """
        is_question = solicited_target(packet) is not None or packet.destination[0] == 0xFF
        return self._node_at(origin) if nd.is_link_local(packet.source) and is_question else None

    def _drop(self, origin: bytes, reason: DropReason, pieces: int) -> None:
        self.drops[reason] += pieces
        for peer in self._by_address.get(origin, ()):
            self.drops_by_peer[peer.name, reason] += pieces

    # ---- outbound

    def has_route(self, address: bytes) -> bool:
        """Whether an address is a peer's pod's."""
        return self._routes.lookup(address) is not None

    def encap(self, packet: Packet, now: int) -> Datagrams | TooBig | None:
        """`packet` for the peer its destination belongs to; None, and counted, when it cannot be sent."""
        peer = self._peer_towards(packet.destination, now)
        if peer is None:
            self.drops[DropReason.NO_ROUTE] += 1
            return None
        header = self._header(peer, packet.source, ethertype_of(packet.source))
        try:
            if isinstance(packet, TcpPacket):
                buffer, piece_bytes = segment(header, packet)
            else:
                buffer = encap_packet(header, packet)
                piece_bytes = len(buffer)
        except WireError as error:
            self.drops[error.reason] += 1
            return None
        inner_bytes = piece_bytes - len(header)
        fits = self.path_mtus.towards(peer.address, self.spec.mtu, now)
        if inner_bytes > fits:
            limit = min(max(fits, LEAST[len(packet.source)]), self.spec.mtu)
            if inner_bytes > limit:
                self.drops[DropReason.OVERSIZE] += 1
                return TooBig(limit)
        return self._sent(Datagrams(peer, buffer, piece_bytes, inner_bytes > fits))

    def encap_neighbour(self, peer: Peer, packet: ArpPacket | IpPacket) -> Datagrams | None:
        """An answer about our addresses straight to `peer`; None when it is a peer no longer."""
        if peer not in self._by_address.get(peer.address, ()):
            return None
        if isinstance(packet, ArpPacket):
            buffer = bytearray(self._header(peer, b"", arp.ETHERTYPE) + arp.emit_arp(packet))
        else:
            header = self._header(peer, packet.source, ethertype_of(packet.source))
            buffer = encap_packet(header, packet)
        return self._sent(Datagrams(peer, buffer, len(buffer)))

    def _header(self, peer: Peer, source: bytes, ethertype: int) -> bytes:
        """What stands before a packet from `source` to `peer`."""
        spec = self.spec
        vni = self._source_vnis.get(source, spec.vni)
        header = self._headers.get((peer, vni, ethertype))
        if header is None:
            header = emit_encap_header(spec.encap, vni, peer.mac, spec.mac, ethertype)
            self._headers[peer, vni, ethertype] = header
        return header

    def _sent(self, datagrams: Datagrams) -> Datagrams:
        self.datagrams_out += datagrams.count
        self.bytes_out += len(datagrams.buffer)
        return datagrams

    def _peer_towards(self, address: bytes, now: int) -> Peer | None:
        peer = self._routes.lookup(address) or self._node_at(address)
        if peer is None and (outer := self.replies.lookup(address, now)) is not None:
            peer = self._node_at(outer)
        return peer

    def on_refused(self, peer: bytes, outer_mtu: int, now: int) -> None:
        """The way to `peer` takes no outer packet above `outer_mtu` bytes."""
        if peer in self._by_address:
            self.path_mtus.learn(peer, outer_mtu, now)

    def _node_at(self, address: bytes) -> Peer | None:
        """The way back to a node that spoke from its underlay address."""
        peers = self._by_address.get(address)
        return peers[0] if peers else None


def _ends(packet: Packet | ArpPacket) -> tuple[bytes, bytes]:
    """Who speaks, and to whom; who asks, and for whom."""
    if isinstance(packet, ArpPacket):
        return packet.spa, packet.tpa
    if isinstance(packet, Ipv6Packet):
        return packet.source, solicited_target(packet) or packet.destination
    return packet.source, packet.destination
