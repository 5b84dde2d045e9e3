"""ICMP of one pod: echo, the errors it originates, and what it believes of those it receives.

Read RFC 792, RFC 1122 3.2.2, RFC 1191 and RFC 5927 before editing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bronzewillow.stack.errors import ConnectionRefused
from bronzewillow.stack.tcp.state import State
from bronzewillow.wire import icmp, tcp
from bronzewillow.wire.errors import DropReason, WireError
from bronzewillow.wire.ipv4 import HEADER_BYTES, Ipv4Packet
from bronzewillow.wire.seqnum import ge, lt

if TYPE_CHECKING:
    from bronzewillow.stack.tcp.connection import Connection
    from bronzewillow.stack.tcp.demux import Tcp

#: RFC 1191 7.1 knows of no smaller plateau that is in use; a forged "too big" cannot push us below.
MIN_PATH_MTU = 552


_SAID = {
    icmp.NET_UNREACHABLE: "network unreachable",
    icmp.HOST_UNREACHABLE: "host unreachable",
    icmp.PROTOCOL_UNREACHABLE: "protocol unreachable",
    icmp.PORT_UNREACHABLE: "port unreachable",
    icmp.ADMINISTRATIVELY_PROHIBITED: "prohibited",
}


class RateLimit:
    """At most `per_second` in any one-second slice of virtual time."""

    def __init__(self, per_second: int) -> None:
        self._per_second = per_second
        self._slice = -1
        self._count = 0

    def allows(self, now: int) -> bool:
        """Whether one more may pass at `now`; counts it when it may."""
        if now // 1_000_000 != self._slice:
            self._slice, self._count = now // 1_000_000, 0
        self._count += 1
        return self._count <= self._per_second


def echo_reply(packet: Ipv4Packet, request: icmp.EchoRequest) -> Ipv4Packet:
    """RFC 1122 3.2.2.6: the same data back."""
    reply = icmp.emit_icmp(icmp.EchoReply(request.identifier, request.sequence, request.data))
    return Ipv4Packet(packet.destination, packet.source, icmp.PROTOCOL, reply, tos=packet.tos)


def unreachable(packet: Ipv4Packet, code: int, source: bytes | None = None) -> Ipv4Packet | None:
    """The error about `packet`, or None where RFC 1122 3.2.2 forbids one.

    It comes from `source`, or else from the address that the packet was for.
    """
    return _error(packet, code, source or packet.destination)


def too_big(packet: Ipv4Packet, mtu: int, source: bytes) -> Ipv4Packet | None:
    """RFC 1191 4, as a router before a link of `mtu` bytes; None where `packet` fits or may be cut."""
    size = HEADER_BYTES + len(packet.options) + len(packet.payload)
    if size <= mtu or not packet.dont_fragment:
        return None
    return _error(packet, icmp.FRAGMENTATION_NEEDED, source, mtu)


def _error(packet: Ipv4Packet, code: int, source: bytes, mtu: int = 0) -> Ipv4Packet | None:
    if packet.fragment_offset_bytes or packet.source[0] >= 224 or packet.source == bytes(4):
        return None
    if packet.protocol == icmp.PROTOCOL and packet.payload[:1] not in (b"\x08", b"\x00"):
        return None  # an error, or what may be one
    message = icmp.emit_icmp(icmp.DestinationUnreachable(code, icmp.quote(packet), mtu))
    return Ipv4Packet(source, packet.source, icmp.PROTOCOL, message)


def on_error(transport: Tcp, error: icmp.IcmpError, address: bytes, now: int) -> None:
    """React to an error about something we sent; raises WireError when the quotation makes no sense."""
    c = find_in_flight(transport, icmp.parse_quoted(error.quoted), address)
    if not isinstance(error, icmp.DestinationUnreachable):
        c.soft_error = f"{type(error).__name__}, code {error.code}"
    elif error.code == icmp.FRAGMENTATION_NEEDED:
        transport.on_path_mtu(c.remote[0], max(error.next_hop_mtu, MIN_PATH_MTU), now)
    else:
        c.soft_error = _SAID.get(error.code, f"unreachable, code {error.code}")
        if error.code in (icmp.PROTOCOL_UNREACHABLE, icmp.PORT_UNREACHABLE):
            on_refusal(c, now)
    # all else is a soft error: the retransmission timer decides (RFC 9293 3.9.2.2 MUST-56)


def find_in_flight(transport: Tcp, quoted: icmp.QuotedPacket, address: bytes) -> Connection:
    """The connection that sent what is quoted; raises WireError when none can have.

    RFC 5927 4.1: believed only when the quoted sequence number is in flight.
    """
    c = transport.connections.get((quoted.source_port, quoted.destination, quoted.destination_port))
    if quoted.protocol != tcp.PROTOCOL or quoted.source != address or c is None:
        raise WireError(DropReason.TCP_NO_CONNECTION)
    if not (ge(quoted.seq, c.tcb.snd_una) and lt(quoted.seq, c.tcb.snd_nxt)):
        raise WireError(DropReason.TCP_OUT_OF_WINDOW)
    return c


def on_refusal(c: Connection, now: int) -> None:
    """RFC 9293 3.9.2.2: a hard error; RFC 5927 5.2: to a SYN only."""
    if c.state is State.SYN_SENT:
        c.fail(ConnectionRefused("ICMP: unreachable"), now)
