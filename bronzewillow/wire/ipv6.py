"""IPv6 packets and their extension headers (RFC 8200, RFC 5095, RFC 6946, RFC 7112, RFC 8504 5.3).

Hop-by-hop and destination options are walked and kept, and nothing in them is acted upon. The chain is
bounded, since every packet of a stranger is walked.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace

from bronzewillow.wire.checksum import Buffer
from bronzewillow.wire.errors import DropReason, WireError

ETHERTYPE = 0x86DD
HEADER_BYTES = 40
FRAGMENT_HEADER_BYTES = 8
MAX_PAYLOAD_BYTES = 0xFFFF
MIN_MTU = 1280
"""What every link takes without fragments (RFC 8200 5)."""

HOP_BY_HOP = 0
ROUTING = 43
FRAGMENT = 44
NO_NEXT_HEADER = 59
DESTINATION_OPTIONS = 60

MAX_EXTENSIONS = 8
MAX_EXTENSION_BYTES = 1024

Extension = tuple[int, bytes]
"""A kind, and all that stands after the header's two first bytes: 6 bytes, or 8 more for each step."""

_HEADER = struct.Struct("!IHBB16s16s")
_FRAGMENT = struct.Struct("!BBHI")
_SKIPPED = frozenset((HOP_BY_HOP, ROUTING, DESTINATION_OPTIONS))
_UPPER_HEADER_BYTES = {6: 20, 17: 8, 58: 8}


@dataclass(frozen=True, slots=True)
class Ipv6Packet:
    source: bytes
    destination: bytes
    protocol: int
    """The next header value of `payload`: an upper layer's, or of a fragment whatever it may be."""
    payload: bytes
    hop_limit: int = 64
    traffic_class: int = 0
    """DSCP and ECN, the whole byte."""
    flow_label: int = 0
    """20 bits."""
    identification: int = 0
    """32 bits; of a fragment only."""
    more_fragments: bool = False
    fragment_offset_bytes: int = 0
    """A multiple of 8."""
    extensions: tuple[Extension, ...] = ()
    """What stands between the header and the payload, the fragment header apart."""

    @property
    def is_fragment(self) -> bool:
        return self.more_fragments or self.fragment_offset_bytes != 0


def parse_ipv6(data: Buffer) -> Ipv6Packet:
    """Parse a packet. Raises WireError. Bytes after the payload length are cut.

    A jumbogram is none of ours: its option asks to be discarded where it is not known (RFC 2675 2).
    deviation: RFC 8200 4.2 and 4.4 answer some wrong chains by ICMP; here they are counted and no more.
    """
    if len(data) < HEADER_BYTES:
        raise WireError(DropReason.TRUNCATED)
    first_word, payload_bytes, next_header, hop_limit, source, destination = _HEADER.unpack_from(data)
    if first_word >> 28 != 6:
        raise WireError(DropReason.IP_VERSION)
    end = HEADER_BYTES + payload_bytes
    if end > len(data):
        raise WireError(DropReason.TRUNCATED)
    packet = Ipv6Packet(
        source,
        destination,
        next_header,
        bytes(data[HEADER_BYTES:end]),
        hop_limit,
        first_word >> 20 & 0xFF,
        first_word & 0xFFFFF,
    )
    if next_header not in _SKIPPED and next_header != FRAGMENT:
        return packet
    packet = _walk(packet)
    if packet.protocol != FRAGMENT:
        return packet
    return _parse_fragment(packet)


def unwrap(packet: Ipv6Packet) -> Ipv6Packet:
    """A reassembled packet with the headers at the front of its payload among `extensions`. WireError."""
    whole = _walk(packet) if packet.protocol in _SKIPPED else packet
    if whole.protocol == FRAGMENT:
        raise WireError(DropReason.IP_EXTENSION)  # a fragment of a fragment is nobody's honest packet
    return whole


def emit_ipv6(packet: Ipv6Packet) -> bytes:
    """The packet. Raises WireError OVERSIZE when header chain and payload exceed 65,535 bytes."""
    kinds = [kind for kind, _ in packet.extensions]
    bodies = [body for _, body in packet.extensions]
    if packet.is_fragment:
        kinds.append(FRAGMENT)
        bodies.append(b"")
    kinds.append(packet.protocol)
    parts = []
    for body, following in zip(bodies, kinds[1:], strict=True):
        if body:
            parts.append(bytes((following, (len(body) - 6) >> 3)) + body)
        else:
            offset_more = packet.fragment_offset_bytes | packet.more_fragments
            parts.append(_FRAGMENT.pack(following, 0, offset_more, packet.identification))
    parts.append(packet.payload)
    payload_bytes = sum(map(len, parts))
    if payload_bytes > MAX_PAYLOAD_BYTES:
        raise WireError(DropReason.OVERSIZE)
    first_word = 6 << 28 | packet.traffic_class << 20 | packet.flow_label
    header = _HEADER.pack(
        first_word, payload_bytes, kinds[0], packet.hop_limit, packet.source, packet.destination
    )
    return b"".join((header, *parts))


def _walk(packet: Ipv6Packet) -> Ipv6Packet:
    """Move the extension headers at the front of the payload to `extensions`, up to a fragment header."""
    payload, protocol = packet.payload, packet.protocol
    extensions = list(packet.extensions)
    at = 0
    while protocol in _SKIPPED:
        size = (payload[at + 1] + 1) * 8 if at + 2 <= len(payload) else 8
        if at + size > len(payload):
            raise WireError(DropReason.TRUNCATED)
        if protocol == HOP_BY_HOP and extensions:
            raise WireError(DropReason.IP_EXTENSION)  # RFC 8200 4.1: right after the IPv6 header, or nowhere
        if len(extensions) == MAX_EXTENSIONS or at + size > MAX_EXTENSION_BYTES:
            raise WireError(DropReason.IP_EXTENSION)
        body = payload[at + 2 : at + size]
        if protocol != ROUTING:
            _check_options(body)
        elif body[1]:
            raise WireError(DropReason.SOURCE_ROUTE)  # RFC 8200 4.4, RFC 5095 3: segments are left
        extensions.append((protocol, body))
        protocol = payload[at]
        at += size
    return replace(packet, protocol=protocol, payload=payload[at:], extensions=tuple(extensions))


def _parse_fragment(packet: Ipv6Packet) -> Ipv6Packet:
    """`packet`, whose payload begins with a fragment header."""
    if len(packet.payload) < FRAGMENT_HEADER_BYTES:
        raise WireError(DropReason.TRUNCATED)
    protocol, _reserved, offset_more, identification = _FRAGMENT.unpack_from(packet.payload)
    fragment = replace(packet, protocol=protocol, payload=packet.payload[FRAGMENT_HEADER_BYTES:])
    if not offset_more & 0xFFF9:
        return unwrap(fragment)  # RFC 6946 4: whole by itself, whatever else has this identification
    if offset_more >> 3 == 0:
        head = unwrap(fragment)  # RFC 7112 5: the first fragment has the whole header chain
        if len(head.payload) < _UPPER_HEADER_BYTES.get(head.protocol, 0):
            raise WireError(DropReason.FRAGMENT)
    return replace(
        fragment,
        identification=identification,
        more_fragments=bool(offset_more & 1),
        fragment_offset_bytes=offset_more & 0xFFF8,
    )


def _check_options(options: bytes) -> None:
    """RFC 8200 4.2: the two highest bits of a type say what becomes of a packet whose option is not known."""
    at = 0
    while at < len(options):
        kind = options[at]
        if kind == 0:  # Pad1
            at += 1
            continue
        if at + 1 >= len(options) or at + 2 + options[at + 1] > len(options) or kind & 0xC0:
            raise WireError(DropReason.IP_OPTIONS)
        at += 2 + options[at + 1]
