"""The Internet checksum (RFC 1071), and what to make of a stored one.

A one's-complement sum of 16-bit words is the number that the bytes spell, modulo 0xFFFF, since 2**16 is 1
modulo 0xFFFF. One big integer is several times faster in plain Python than a loop over words.
"""

from __future__ import annotations

from enum import Enum, StrEnum

Buffer = bytes | bytearray | memoryview


class PartialPolicy(StrEnum):
    """What to do with a TCP or UDP checksum that the sending kernel left for a NIC to finish.

    Such a datagram (CHECKSUM_PARTIAL in Linux) leaves a kernel tunnel device and reaches a socket on the same
    machine over veth or a bridge without ever meeting a NIC. Its field holds the folded sum of the
    pseudo-header, not complemented.
    """

    AUTO = "auto"
    """Check in full; if that fails, accept exactly this signature, and count it."""
    NEVER = "never"
    """Check in full and drop what fails."""
    ALWAYS = "always"
    """Accept without looking: for paths that are known to be checked below. Nothing is counted."""


class Verdict(Enum):
    GOOD = "good"
    PARTIAL = "partial"
    BAD = "bad"


def fold(total: int) -> int:
    """The one's-complement sum of the 16-bit words of `total` (0 or more): 0 only for 0, else 1..0xFFFF."""
    return (total % 0xFFFF or 0xFFFF) if total else 0


def ones_complement_sum(data: Buffer, initial: int = 0) -> int:
    """The folded, not complemented sum over `data`; an odd last byte is padded with zero on the right."""
    total = int.from_bytes(data, "big")
    if len(data) & 1:
        total <<= 8
    total += initial
    return (total % 0xFFFF or 0xFFFF) if total else 0


def internet_checksum(data: Buffer, initial: int = 0) -> int:
    """The checksum to store, or 0 if `data` holds a correct one already. `initial` is a pseudo-header sum."""
    return ones_complement_sum(data, initial) ^ 0xFFFF


def pseudo_header_sum(source: bytes, destination: bytes, protocol: int, length: int) -> int:
    """The folded sum of the IPv4 (RFC 9293 3.1) or IPv6 (RFC 8200 8.1) pseudo-header; `length` in bytes."""
    return fold(int.from_bytes(source, "big") + int.from_bytes(destination, "big") + protocol + length)


def verify(data: Buffer, stored: int, pseudo_sum: int, policy: PartialPolicy) -> Verdict:
    """Judge the checksum `stored` in `data`, a TCP segment or UDP datagram, by its folded `pseudo_sum`."""
    if policy is PartialPolicy.ALWAYS or internet_checksum(data, pseudo_sum) == 0:
        return Verdict.GOOD
    if policy is PartialPolicy.AUTO and stored == pseudo_sum:
        return Verdict.PARTIAL
    return Verdict.BAD
