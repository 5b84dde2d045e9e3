"""The two loops that run once per datagram: `Coalescer.add` on receive, `segment` on send.

Read RFC 9293 3.1 and the way of a datagram in the design notes before editing. This file runs in two ways: as
plain Python, and compiled by Cython to `_native`, with C types from `_native.pxd`. So it is written for both:
integers and indexes for the compiler, whole slices where an interpreter needs them (`_sum_words`, `_copy`).
Both must give equal results for any bytes; property tests hold them to it. Import it through
`bronzewillow.wire.kernel`.
"""

from __future__ import annotations

from bronzewillow.wire import arp, ethernet, ipv4, ipv6
from bronzewillow.wire.arp import ArpPacket
from bronzewillow.wire.checksum import PartialPolicy, ones_complement_sum
from bronzewillow.wire.encap import Encap, decap
from bronzewillow.wire.errors import DropReason, WireError
from bronzewillow.wire.ethernet import EthernetFrame, MacRule, mac_mismatch
from bronzewillow.wire.ip import IpPacket, emit_ip
from bronzewillow.wire.ipv4 import parse_ipv4
from bronzewillow.wire.ipv6 import parse_ipv6
from bronzewillow.wire.packet import Packet, TcpPacket, new_tcp_packet, parse_tcp_packet
from bronzewillow.wire.tcp import emit_options, new_segment, parse_options

COMPILED = not __file__.endswith((".py", ".pyc"))

_FIN = 0x01
_SYN = 0x02
_RST = 0x04
_PSH = 0x08
_ACK = 0x10
_URG = 0x20
_CWR = 0x80
_MAX_BYTES = 0xFFFF


def _sum_words(data: bytes, start: int, end: int) -> int:
    """The one's-complement sum of data[start:end], folded: 0 only for zeros, else 1..0xFFFF."""
    if not COMPILED:
        return ones_complement_sum(data[start:end])
    total = 0
    for at in range(start, end - 1, 2):
        total += data[at] << 8 | data[at + 1]
    if (end - start) & 1:
        total += data[end - 1] << 8
    if total == 0:
        return 0
    return total % 0xFFFF or 0xFFFF


def _copy(out: bytearray, at: int, data: bytes, start: int, end: int) -> None:
    """out[at:] begins with data[start:end] from now on; both have that much, which C does not check."""
    if not COMPILED:
        out[at : at + end - start] = data[start:end]
        return
    for offset in range(end - start):
        out[at + offset] = data[start + offset]


class _Run:
    """Segments of one flow, each where the one before it ends: one TcpPacket to be."""

    __slots__ = (
        "ack",
        "address_bytes",
        "at",
        "data",
        "flags",
        "next_seq",
        "options",
        "origin",
        "parts",
        "payload_bytes",
        "seq",
        "tos_ttl",
        "wnd",
    )

    def __init__(self, origin: object, data: bytes, at: int, address_bytes: int) -> None:
        self.origin = origin
        self.data = data
        """The train that the first segment came in."""
        self.at = at
        """Offset in it of the first segment; the two addresses stand right before."""
        self.address_bytes = address_bytes
        self.parts: list[bytes] = []
        self.payload_bytes = 0
        self.options = b""
        self.seq = 0
        self.next_seq = 0
        self.ack = 0
        self.wnd = 0
        self.flags = 0
        self.tos_ttl = 0

    def packet(self) -> TcpPacket:
        data = self.data
        at = self.at
        destination = at - self.address_bytes
        parts = self.parts
        segment = new_segment(
            data[at] << 8 | data[at + 1],
            data[at + 2] << 8 | data[at + 3],
            self.seq,
            self.ack,
            self.flags,
            self.wnd,
            parse_options(self.options),
            parts[0] if len(parts) == 1 else b"".join(parts),
            data[at + 18] << 8 | data[at + 19],
        )
        return new_tcp_packet(
            data[destination - self.address_bytes : destination],
            data[destination:at],
            segment,
            0,
            self.tos_ttl >> 8,
            self.tos_ttl & 0xFF,
            len(parts),
        )


class Coalescer:
    """Datagrams in, verified packets out; in-order TCP segments of one flow are merged as GRO does.

    Segments merge if they come from one origin with equal addresses, ports, TOS, TTL, acknowledgement, window
    and option bytes, have a payload, follow each other without a gap, and carry no flag but ACK and PSH. PSH
    joins and ends a run, so do 65,535 bytes of payload. A pure ACK is never merged: the stack counts
    duplicates.

    For any bytes `add` returns, and `datagrams` equals the `pieces` delivered (1 for what is no TcpPacket)
    plus the sum of `drops`, once flushed.
    """

    __slots__ = (
        "_accept_partial",
        "_encap",
        "_flows",
        "_geneve",
        "_looks_at_macs",
        "_mac",
        "_notes_macs",
        "_out",
        "_verify",
        "_vni",
        "datagrams",
        "drops",
        "foreign_macs",
        "partial_checksums",
    )

    def __init__(
        self,
        encap: Encap,
        vni: int | None = None,
        partial_policy: PartialPolicy = PartialPolicy.AUTO,
        mac_rule: MacRule = MacRule.ANY,
        mac: bytes = b"",
    ) -> None:
        """`vni`: the only one accepted, or None for any. `mac`: ours, by which `mac_rule` goes."""
        self._encap = encap
        self._geneve = encap is Encap.GENEVE
        self._vni = -1 if vni is None else vni
        self._verify = partial_policy is not PartialPolicy.ALWAYS
        self._accept_partial = partial_policy is PartialPolicy.AUTO
        self._looks_at_macs = mac_rule is not MacRule.ANY
        self._notes_macs = mac_rule is MacRule.NOTE
        self._mac = mac
        self._out: list[_Run | tuple[object, Packet | ArpPacket]] = []
        self._flows: dict[object, dict[bytes, _Run]] = {}
        self.drops: dict[DropReason, int] = {}
        """Datagrams dropped, by reason."""
        self.partial_checksums: dict[object, int] = {}
        """Segments accepted with a partial checksum, by origin."""
        self.foreign_macs: dict[object, int] = {}
        """Frames with MACs that are not right and are taken (`MacRule.NOTE`), by origin."""
        self.datagrams = 0
        """All datagrams ever added."""

    def add(self, train: bytes | bytearray | memoryview, piece_bytes: int, origin: object) -> None:
        """Take the outer UDP payloads of one read: `train` cut every `piece_bytes`, the last maybe shorter.

        `piece_bytes` 0 means that the train is a single datagram. `origin` is hashable and names the outer
        source. The buffer may be reused at once.
        """
        data = bytes(train)
        total_bytes = len(data)
        if piece_bytes <= 0:
            piece_bytes = total_bytes
        flows = self._flows.get(origin)
        if flows is None:
            flows = self._flows[origin] = {}
        start = 0
        while True:
            end = start + piece_bytes
            if end > total_bytes:
                end = total_bytes
            self.datagrams += 1
            if not self._add_tcp(data, start, end, origin, flows):
                self._add_other(data[start:end], origin, flows)
            start = end
            if start >= total_bytes:
                return

    def flush(self) -> list[tuple[object, Packet | ArpPacket]]:
        """Everything since the last flush as (origin, packet), in order of arrival within each flow."""
        out: list[tuple[object, Packet | ArpPacket]] = []
        for entry in self._out:
            if isinstance(entry, _Run):
                run = entry  # typed in C, which an element of a list is not
                out.append((run.origin, run.packet()))
            else:
                out.append(entry)
        self._out = []
        self._flows = {}
        return out

    def _add_tcp(self, data: bytes, start: int, end: int, origin: object, flows: dict[bytes, _Run]) -> bool:
        """The common case: TCP right behind a plain IP header in an untagged frame. False if it is not."""
        ip = start + 22
        if end - ip < 40:
            return False
        if self._geneve:
            if (
                data[start] != 0
                or data[start + 1] & 0x80
                or data[start + 2] != 0x65
                or data[start + 3] != 0x58
            ):
                return False
        elif data[start] != 8 or data[start + 1] | data[start + 2] | data[start + 3] | data[start + 7]:
            return False
        if self._vni >= 0 and self._vni != data[start + 4] << 16 | data[start + 5] << 8 | data[start + 6]:
            return False
        are_macs_right = not self._looks_at_macs or self._are_macs_right(data, start + 8)
        if not are_macs_right and not self._notes_macs:
            return False
        ethertype = data[start + 20] << 8 | data[start + 21]
        if ethertype == 0x0800:
            if data[ip] != 0x45 or data[ip + 6] & 0x3F or data[ip + 7] or data[ip + 9] != 6:
                return False
            address_bytes = 4
            at = ip + 20
            packet_end = ip + (data[ip + 2] << 8 | data[ip + 3])
            tos_ttl = data[ip + 1] << 8 | data[ip + 8]
        elif ethertype == 0x86DD:
            if end - ip < 60 or data[ip] >> 4 != 6 or data[ip + 6] != 6:
                return False
            address_bytes = 16
            at = ip + 40
            packet_end = at + (data[ip + 4] << 8 | data[ip + 5])
            tos_ttl = (data[ip] & 0xF) << 12 | data[ip + 1] >> 4 << 8 | data[ip + 7]
        else:
            return False
        payload_at = at + (data[at + 12] >> 4 << 2)
        if packet_end > end or payload_at < at + 20 or payload_at > packet_end:
            return False
        if address_bytes == 4 and _sum_words(data, ip, at) != 0xFFFF:
            return False
        addresses = at - 2 * address_bytes
        if self._verify:
            # The addresses stand right before the segment, so that one sum covers the pseudo-header too.
            length = packet_end - at
            if (_sum_words(data, addresses, packet_end) + 6 + length) % 0xFFFF:
                if not self._accept_partial:
                    return False
                pseudo_sum = _sum_words(data, addresses, at) + 6 + length
                if data[at + 16] << 8 | data[at + 17] != (pseudo_sum % 0xFFFF or 0xFFFF):
                    return False
                self.partial_checksums[origin] = self.partial_checksums.get(origin, 0) + 1

        if not are_macs_right:
            self.foreign_macs[origin] = self.foreign_macs.get(origin, 0) + 1
        seq = data[at + 4]  # on its own line: a C int has no room for the shift by 24
        seq = seq << 24 | data[at + 5] << 16 | data[at + 6] << 8 | data[at + 7]
        ack = data[at + 8]
        ack = ack << 24 | data[at + 9] << 16 | data[at + 10] << 8 | data[at + 11]
        wnd = data[at + 14] << 8 | data[at + 15]
        flags = data[at + 13]
        payload_bytes = packet_end - payload_at
        options = data[at + 20 : payload_at]
        key = data[addresses : at + 4]  # and both ports
        merges = payload_bytes > 0 and flags & ~_PSH == _ACK
        run = flows.get(key)
        if run is not None:
            if (
                merges
                and seq == run.next_seq
                and ack == run.ack
                and wnd == run.wnd
                and tos_ttl == run.tos_ttl
                and run.payload_bytes + payload_bytes <= _MAX_BYTES
                and options == run.options
            ):
                run.parts.append(data[payload_at:packet_end])
                run.payload_bytes += payload_bytes
                run.next_seq = (seq + payload_bytes) & 0xFFFFFFFF
                run.flags |= flags
                if flags & _PSH:
                    del flows[key]
                return True
            del flows[key]
        run = _Run(origin, data, at, address_bytes)
        run.seq = seq
        run.next_seq = (seq + payload_bytes) & 0xFFFFFFFF
        run.ack = ack
        run.wnd = wnd
        run.flags = flags
        run.tos_ttl = tos_ttl
        run.payload_bytes = payload_bytes
        run.options = options
        run.parts.append(data[payload_at:packet_end])
        self._out.append(run)
        if merges and not flags & _PSH:
            flows[key] = run
        return True

    def _are_macs_right(self, data: bytes, at: int) -> bool:
        """Whether the frame at `at` is for our MAC, and not from it. By index, for the compiler."""
        mac = self._mac
        return (
            data[at] == mac[0]
            and data[at + 1] == mac[1]
            and data[at + 2] == mac[2]
            and data[at + 3] == mac[3]
            and data[at + 4] == mac[4]
            and data[at + 5] == mac[5]
            and not (
                data[at + 6] == mac[0]
                and data[at + 7] == mac[1]
                and data[at + 8] == mac[2]
                and data[at + 9] == mac[3]
                and data[at + 10] == mac[4]
                and data[at + 11] == mac[5]
            )
        )

    def _add_other(self, datagram: bytes, origin: object, flows: dict[bytes, _Run]) -> None:
        """Everything else, by the plain codecs: once per such datagram, so that clarity may cost time."""
        try:
            packet = self._parse(datagram, origin)
        except WireError as error:
            self.drops[error.reason] = self.drops.get(error.reason, 0) + 1
            return
        if isinstance(packet, TcpPacket):
            # Later segments of this flow must not join a run that began before this one.
            ports = packet.segment.source_port << 16 | packet.segment.destination_port
            flows.pop(packet.source + packet.destination + ports.to_bytes(4, "big"), None)
        self._out.append((origin, packet))

    def _parse(self, datagram: bytes, origin: object) -> Packet | ArpPacket:
        vni, inner = decap(self._encap, datagram)
        if self._vni >= 0 and vni != self._vni:
            raise WireError(DropReason.WRONG_VNI)
        frame = ethernet.parse_ethernet(inner)
        if self._looks_at_macs:
            self._look_at_macs(frame, origin)
        if frame.ethertype == arp.ETHERTYPE:
            return arp.parse_arp(frame.payload)
        packet: IpPacket
        if frame.ethertype == ipv4.ETHERTYPE:
            packet = parse_ipv4(frame.payload)
        elif frame.ethertype == ipv6.ETHERTYPE:
            packet = parse_ipv6(frame.payload)
        else:
            raise WireError(DropReason.UNSUPPORTED_ETHERTYPE)
        if packet.protocol != 6 or packet.is_fragment:
            return packet
        if not self._verify:
            return parse_tcp_packet(packet, partial=PartialPolicy.ALWAYS)
        try:
            return parse_tcp_packet(packet)
        except WireError as error:
            if error.reason is not DropReason.BAD_TCP_CHECKSUM or not self._accept_partial:
                raise
        result = parse_tcp_packet(packet, partial=PartialPolicy.AUTO)
        self.partial_checksums[origin] = self.partial_checksums.get(origin, 0) + 1
        return result

    def _look_at_macs(self, frame: EthernetFrame, origin: object) -> None:
        is_group_v6 = frame.ethertype == ipv6.ETHERTYPE and frame.payload[24:25] == b"\xff"
        reason = mac_mismatch(frame, self._mac, is_for_all=is_group_v6 or frame.ethertype == arp.ETHERTYPE)
        if reason is None:
            return
        if not self._notes_macs:
            raise WireError(reason)
        self.foreign_macs[origin] = self.foreign_macs.get(origin, 0) + 1


def segment(encap_header: bytes, packet: TcpPacket) -> tuple[bytearray, int]:
    """The outer UDP payloads of one super-segment back to back, and the length of each but the last.

    The last may be shorter. `encap_header` is what stands before each IP header, of the packet's own family.
    Sequence numbers advance by piece; SYN, CWR and URG stand on the first piece only, FIN, PSH and RST on the
    last. Raises WireError OVERSIZE if a piece is no IP packet.
    """
    tcp = packet.segment
    payload = tcp.payload
    options = emit_options(tcp.options)
    payload_bytes = len(payload)
    mss = packet.mss
    if mss <= 0 or mss > payload_bytes:
        mss = payload_bytes
    ip = len(encap_header)
    address_bytes = len(packet.source)
    counted = 20 if address_bytes == 4 else 0  # of its own header bytes, by the length field
    at = ip + 20 if address_bytes == 4 else ip + 40
    tcp_header_bytes = 20 + len(options)
    header_bytes = at + tcp_header_bytes
    if counted + tcp_header_bytes + mss > _MAX_BYTES:
        raise WireError(DropReason.OVERSIZE)
    ack = tcp.ack
    wnd = tcp.wnd
    flags = tcp.flags
    template = b"".join(
        (
            encap_header,
            bytes((0x45, packet.tos, 0, 0, 0, 0, 0x40, 0, packet.ttl, 6, 0, 0))
            if address_bytes == 4
            else bytes((0x60 | packet.tos >> 4, packet.tos << 4 & 0xF0, 0, 0, 0, 0, 6, packet.ttl)),
            packet.source,
            packet.destination,
            tcp.source_port.to_bytes(2, "big"),
            tcp.destination_port.to_bytes(2, "big"),
            b"\0\0\0\0",
            ack.to_bytes(4, "big"),
            bytes((tcp_header_bytes << 2, 0, wnd >> 8, wnd & 0xFF, 0, 0)),
            tcp.urgent.to_bytes(2, "big"),
            options,
        )
    )
    if len(template) != header_bytes or len(packet.destination) != address_bytes:
        raise ValueError("a TcpPacket has two addresses of 4 or of 16 bytes")  # C below relies on the length
    # Sums of what does not change from piece to piece; lengths, seq and flags are added below.
    ip_sum = _sum_words(template, ip, at)
    tcp_sum = _sum_words(template, at - 2 * address_bytes, header_bytes) + 6
    first_only = _SYN | _CWR | _URG
    last_only = _FIN | _PSH | _RST
    seq = tcp.seq
    pieces = (payload_bytes + mss - 1) // mss if mss else 1
    out = bytearray(pieces * header_bytes + payload_bytes)
    base = 0
    taken = 0
    while True:
        upto = taken + mss
        if upto > payload_bytes:
            upto = payload_bytes
        piece_flags = flags
        if taken:
            piece_flags &= ~first_only
        if upto < payload_bytes:
            piece_flags &= ~last_only
        body = base + header_bytes
        _copy(out, base, template, 0, header_bytes)
        _copy(out, body, payload, taken, upto)

        tcp_length = tcp_header_bytes + upto - taken
        tcp_at = base + at
        if address_bytes == 4:
            total = tcp_length + 20
            out[tcp_at - 18] = total >> 8
            out[tcp_at - 17] = total & 0xFF
            checksum = 0xFFFF - ((ip_sum + total) % 0xFFFF or 0xFFFF)
            out[tcp_at - 10] = checksum >> 8
            out[tcp_at - 9] = checksum & 0xFF
        else:
            out[tcp_at - 36] = tcp_length >> 8
            out[tcp_at - 35] = tcp_length & 0xFF

        out[tcp_at + 4] = seq >> 24
        out[tcp_at + 5] = seq >> 16 & 0xFF
        out[tcp_at + 6] = seq >> 8 & 0xFF
        out[tcp_at + 7] = seq & 0xFF
        out[tcp_at + 13] = piece_flags
        words = tcp_sum + tcp_length + (seq >> 16) + (seq & 0xFFFF) + piece_flags
        checksum = 0xFFFF - ((words + _sum_words(payload, taken, upto)) % 0xFFFF or 0xFFFF)
        out[tcp_at + 16] = checksum >> 8
        out[tcp_at + 17] = checksum & 0xFF

        seq = (seq + upto - taken) & 0xFFFFFFFF
        if taken == 0 and flags & _SYN:
            seq = (seq + 1) & 0xFFFFFFFF  # RFC 9293 3.4: SYN stands before the first byte
        base = body + upto - taken
        taken = upto
        if taken >= payload_bytes:
            return out, header_bytes + mss


def encap_packet(encap_header: bytes, packet: IpPacket) -> bytearray:
    """The outer UDP payload of one packet that is not TCP, or is a fragment."""
    return bytearray(encap_header + emit_ip(packet))
