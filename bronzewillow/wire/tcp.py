"""TCP segments and their options (RFC 9293 3.1, 3.2; RFC 7323; RFC 2018).

Options are parsed liberally. An unknown option is skipped (RFC 9293 3.2 MUST-6); a known one of the wrong
length is ignored; an illegal length (below 2, or past the end) ends option parsing and keeps what came
before: RFC 9293 3.2 MUST-7 asks only to be prepared for it, and Linux does the same. The segment itself stays
good.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntFlag
from typing import cast

from bronzewillow.wire.checksum import (
    Buffer,
    PartialPolicy,
    Verdict,
    internet_checksum,
    pseudo_header_sum,
    verify,
)
from bronzewillow.wire.errors import DropReason, WireError

PROTOCOL = 6
HEADER_BYTES = 20
MAX_OPTION_BYTES = 40
MAX_WINDOW_SCALE = 14

_HEADER = struct.Struct("!HHIIHHHH")
_TIMESTAMPS = struct.Struct("!II")


class Flags(IntFlag):
    FIN = 0x01
    SYN = 0x02
    RST = 0x04
    PSH = 0x08
    ACK = 0x10
    URG = 0x20
    ECE = 0x40
    CWR = 0x80


@dataclass(frozen=True, slots=True)
class TcpOptions:
    mss: int | None = None
    """Maximum segment size as received, bytes; 0 and other hostile values are the stack's to judge."""
    window_scale: int | None = None
    """Shift count; a received value above 14 is read as 14 (RFC 7323 2.3)."""
    sack_permitted: bool = False
    timestamps: tuple[int, int] | None = None
    """TSval and TSecr (RFC 7323 3.2)."""
    sack: tuple[tuple[int, int], ...] = ()
    """Left edge (included) and right edge (excluded) of each block (RFC 2018 3)."""
    user_timeout_s: int | None = None
    """RFC 5482 3; beyond 32,767 seconds whole minutes."""


NO_OPTIONS = TcpOptions()


@dataclass(frozen=True, slots=True)
class TcpSegment:
    source_port: int
    destination_port: int
    seq: int
    ack: int
    flags: int
    """Bits of `Flags`, as a plain int."""
    wnd: int
    """The window field as it stands in the header, 16 bits, not scaled."""
    options: TcpOptions = NO_OPTIONS
    payload: bytes = b""
    urgent: int = 0
    """Urgent pointer."""

    @property
    def len(self) -> int:
        """SEG.LEN: payload bytes, plus one for SYN and one for FIN (RFC 9293 3.3.1)."""
        flags = self.flags
        return len(self.payload) + (flags >> 1 & 1) + (flags & 1)


class _SegmentDraft:
    """Fills the fields while they are plain slots, then turns into a TcpSegment, whose layout is the same."""

    __slots__ = (
        "ack",
        "destination_port",
        "flags",
        "options",
        "payload",
        "seq",
        "source_port",
        "urgent",
        "wnd",
    )

    def __init__(
        self,
        source_port: int,
        destination_port: int,
        seq: int,
        ack: int,
        flags: int,
        wnd: int,
        options: TcpOptions = NO_OPTIONS,
        payload: bytes = b"",
        urgent: int = 0,
    ) -> None:
        self.source_port = source_port
        self.destination_port = destination_port
        self.seq = seq
        self.ack = ack
        self.flags = flags
        self.wnd = wnd
        self.options = options
        self.payload = payload
        self.urgent = urgent
        self.__class__ = TcpSegment  # type: ignore[assignment]


class _OptionsDraft:
    __slots__ = ("mss", "sack", "sack_permitted", "timestamps", "user_timeout_s", "window_scale")

    def __init__(
        self,
        mss: int | None = None,
        window_scale: int | None = None,
        sack_permitted: bool = False,
        timestamps: tuple[int, int] | None = None,
        sack: tuple[tuple[int, int], ...] = (),
        user_timeout_s: int | None = None,
    ) -> None:
        self.user_timeout_s = user_timeout_s
        self.mss = mss
        self.window_scale = window_scale
        self.sack_permitted = sack_permitted
        self.timestamps = timestamps
        self.sack = sack
        self.__class__ = TcpOptions  # type: ignore[assignment]


new_segment = cast("type[TcpSegment]", _SegmentDraft)
"""TcpSegment(...) in a fifth of the time, for per-segment code: a frozen dataclass pays a call per field."""
new_options = cast("type[TcpOptions]", _OptionsDraft)
"""TcpOptions(...), likewise."""


def parse_options(data: Buffer) -> TcpOptions:
    """Parse the option area of a header, at most 40 bytes; never raises."""
    end = len(data)
    if end == 0:
        return NO_OPTIONS
    if (
        end == 12 and data[:4] == b"\x01\x01\x08\x0a"
    ):  # what nearly every data segment carries (RFC 7323 appendix A)
        return new_options(None, None, False, _TIMESTAMPS.unpack_from(data, 4))
    mss: int | None = None
    window_scale: int | None = None
    sack_permitted = False
    timestamps: tuple[int, int] | None = None
    sack: tuple[tuple[int, int], ...] = ()
    user_timeout_s: int | None = None
    at = 0
    while at < end:
        kind = data[at]
        if kind == 0:  # end of option list
            break
        if kind == 1:  # no operation
            at += 1
            continue
        length = data[at + 1] if at + 1 < end else 0
        if length < 2 or at + length > end:
            break
        if kind == 2 and length == 4:
            mss = data[at + 2] << 8 | data[at + 3]
        elif kind == 3 and length == 3:
            window_scale = min(data[at + 2], MAX_WINDOW_SCALE)  # RFC 7323 2.3
        elif kind == 4 and length == 2:
            sack_permitted = True
        elif kind == 5 and length >= 10 and length % 8 == 2:
            sack = tuple(_TIMESTAMPS.unpack_from(data, i) for i in range(at + 2, at + length, 8))
        elif kind == 8 and length == 10:
            timestamps = _TIMESTAMPS.unpack_from(data, at + 2)
        elif kind == 28 and length == 4:
            value = data[at + 2] << 8 | data[at + 3]
            user_timeout_s = (value & 0x7FFF) * 60 if value & 0x8000 else value
        at += length
    return new_options(mss, window_scale, sack_permitted, timestamps, sack, user_timeout_s)


def emit_options(options: TcpOptions) -> bytes:
    """The option area, padded to a multiple of four with NOPs in front.

    SACK blocks come last and as many of them are written as fit, from the first on: 4, or 3 beside timestamps
    (RFC 2018 3). Everything else always fits.
    """
    if options is NO_OPTIONS:
        return b""
    parts: list[bytes] = []
    if options.mss is not None:
        parts.append(struct.pack("!BBH", 2, 4, options.mss))
    if options.timestamps is not None:
        # SACK-permitted in place of the two NOPs, as Linux has it: a SYN with all options takes 20 bytes.
        parts.append(b"\x04\x02\x08\x0a" if options.sack_permitted else b"\x01\x01\x08\x0a")
        parts.append(_TIMESTAMPS.pack(*options.timestamps))
    elif options.sack_permitted:
        parts.append(b"\x01\x01\x04\x02")
    if options.window_scale is not None:
        parts.append(b"\x01\x03\x03" + bytes((options.window_scale,)))
    if options.user_timeout_s is not None:
        seconds = options.user_timeout_s
        value = seconds if seconds < 0x8000 else 0x8000 | min(seconds // 60, 0x7FFF)
        parts.append(struct.pack("!BBH", 28, 4, value))
    if options.sack:
        room = (MAX_OPTION_BYTES - sum(map(len, parts)) - 4) // 8
        blocks = options.sack[:room]
        if blocks:
            parts.append(bytes((1, 1, 5, 2 + 8 * len(blocks))))
            parts.extend(_TIMESTAMPS.pack(left, right) for left, right in blocks)
    return b"".join(parts)


def parse_tcp(
    data: Buffer, source: bytes, destination: bytes, *, partial: PartialPolicy = PartialPolicy.NEVER
) -> TcpSegment:
    """Parse an IP payload of protocol 6 and verify its checksum. Raises WireError.

    The three reserved bits are ignored (RFC 9293 3.1), and so is the AccECN use of one of them.
    """
    if len(data) < HEADER_BYTES:
        raise WireError(DropReason.TRUNCATED)
    source_port, destination_port, seq, ack, offset_flags, wnd, stored, urgent = _HEADER.unpack_from(data)
    header_bytes = offset_flags >> 12 << 2
    if header_bytes < HEADER_BYTES or header_bytes > len(data):
        raise WireError(DropReason.TCP_HEADER)
    pseudo_sum = pseudo_header_sum(source, destination, PROTOCOL, len(data))
    if verify(data, stored, pseudo_sum, partial) is Verdict.BAD:
        raise WireError(DropReason.BAD_TCP_CHECKSUM)
    return new_segment(
        source_port,
        destination_port,
        seq,
        ack,
        offset_flags & 0xFF,
        wnd,
        parse_options(data[HEADER_BYTES:header_bytes]),
        bytes(data[header_bytes:]),
        urgent,
    )


def emit_tcp(segment: TcpSegment, source: bytes, destination: bytes) -> bytes:
    """The whole segment with its checksum, for an IP packet from `source` to `destination`."""
    options = emit_options(segment.options)
    header_bytes = HEADER_BYTES + len(options)
    header = _HEADER.pack(
        segment.source_port,
        segment.destination_port,
        segment.seq,
        segment.ack,
        header_bytes << 10 | segment.flags,
        segment.wnd,
        0,
        segment.urgent,
    )
    data = b"".join((header, options, segment.payload))
    checksum = internet_checksum(data, pseudo_header_sum(source, destination, PROTOCOL, len(data)))
    return b"".join((data[:16], checksum.to_bytes(2, "big"), data[18:]))
