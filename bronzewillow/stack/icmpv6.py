"""ICMPv6 of one pod, as `icmp` is ICMP's: echo, the errors it originates, and what it believes of others.

Read RFC 4443, RFC 8201 and RFC 5927 before editing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bronzewillow.stack.icmp import find_in_flight, on_refusal
from bronzewillow.wire import icmpv6
from bronzewillow.wire.errors import DropReason, WireError
from bronzewillow.wire.icmp import DestinationUnreachable, EchoReply, EchoRequest, ParameterProblem
from bronzewillow.wire.ipv6 import HEADER_BYTES, MIN_MTU, NO_NEXT_HEADER, Ipv6Packet

if TYPE_CHECKING:
    from bronzewillow.stack.tcp.demux import Tcp


def echo_reply(packet: Ipv6Packet, request: EchoRequest) -> Ipv6Packet:
    """RFC 4443 4.2: the same data back."""
    reply = EchoReply(request.identifier, request.sequence, request.data)
    return _answer(packet, reply, packet.traffic_class)


def unreachable(packet: Ipv6Packet, code: int, source: bytes | None = None) -> Ipv6Packet | None:
    """The error about `packet`, or None where RFC 4443 2.4 e forbids one.

    It comes from `source`, or else from the address that the packet was for.
    """
    if not _may_be_answered(packet):
        return None
    return _answer(packet, DestinationUnreachable(code, icmpv6.quote(packet)), source=source)


def too_big(packet: Ipv6Packet, mtu: int, source: bytes) -> Ipv6Packet | None:
    """RFC 4443 3.2, as a router before a link of `mtu` bytes; None where `packet` fits."""
    size = HEADER_BYTES + sum(2 + len(body) for _, body in packet.extensions) + len(packet.payload)
    if size <= mtu or not _may_be_answered(packet):
        return None
    return _answer(packet, icmpv6.PacketTooBig(mtu, icmpv6.quote(packet)), source=source)


def unrecognized(packet: Ipv6Packet) -> Ipv6Packet | None:
    """RFC 8200 4, RFC 4443 3.4: nobody here knows the protocol; None where there is nothing to know of."""
    if packet.protocol == NO_NEXT_HEADER or not _may_be_answered(packet):
        return None
    pointer = 6  # of the field that has the value: the header's own, or the last extension's
    if packet.extensions:
        pointer = HEADER_BYTES + sum(2 + len(body) for _, body in packet.extensions[:-1])
    code = icmpv6.UNRECOGNIZED_NEXT_HEADER
    return _answer(packet, ParameterProblem(code, icmpv6.quote(packet), pointer))


def on_error(transport: Tcp, message: icmpv6.Icmpv6Message, address: bytes, now: int) -> None:
    """React to an error about something we sent; raises WireError when it makes no sense."""
    if isinstance(message, icmpv6.PacketTooBig):
        if message.mtu < MIN_MTU:
            raise WireError(DropReason.BAD_ICMP)  # RFC 8201 4: must be discarded
        c = find_in_flight(transport, icmpv6.parse_quoted(message.quoted), address)
        transport.on_path_mtu(c.remote[0], message.mtu, now)
    elif isinstance(message, DestinationUnreachable | ParameterProblem):
        c = find_in_flight(transport, icmpv6.parse_quoted(message.quoted), address)
        if isinstance(message, DestinationUnreachable):
            is_hard = message.code == icmpv6.PORT_UNREACHABLE
        else:
            is_hard = message.code == icmpv6.UNRECOGNIZED_NEXT_HEADER
        c.soft_error = f"{type(message).__name__}, code {message.code}"
        if is_hard:
            on_refusal(c, now)
        # all else is a soft error: the retransmission timer decides (RFC 9293 3.9.2.2 MUST-56)


def _may_be_answered(packet: Ipv6Packet) -> bool:
    if packet.source[0] == 0xFF or packet.source == bytes(16) or packet.destination[0] == 0xFF:
        return False
    if packet.fragment_offset_bytes:
        return False
    return packet.protocol != icmpv6.PROTOCOL or packet.payload[:1] >= b"\x80"


def _answer(
    packet: Ipv6Packet, message: icmpv6.Icmpv6Message, traffic_class: int = 0, source: bytes | None = None
) -> Ipv6Packet:
    source, destination = source or packet.destination, packet.source
    payload = icmpv6.emit_icmpv6(message, source, destination)
    return Ipv6Packet(source, destination, icmpv6.PROTOCOL, payload, traffic_class=traffic_class)
