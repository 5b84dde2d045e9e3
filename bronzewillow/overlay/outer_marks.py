"""A congestion mark that the underlay has put on the outer header belongs on the inner one: RFC 6040 4.2.

deviation: RFC 6040 4.1 has the outer header of what we send take the inner one's ECN field; ours says
Not-ECT, its compatibility mode (4.3): routers of the underlay drop where they could have marked. What arrives
is treated in full, as kernels send in normal mode.
"""

from __future__ import annotations

from bronzewillow.wire import ethernet, ipv4, ipv6
from bronzewillow.wire.checksum import ones_complement_sum
from bronzewillow.wire.encap import Encap

_CE = 0b11
_VLAN = 0x8100
_VLAN_BYTES = 4


def mark_inner(datagram: bytes, encap: Encap) -> bytes | None:
    """The UDP payload of a datagram whose outer header said CE, with the mark on its inner packet.

    None where that is not ECN-capable: only a drop would tell its sender (RFC 6040 4.2). What is no IP packet
    comes back as it is; whether it makes sense is for others to say.
    """
    at = 8 + ((datagram[0] & 0x3F) << 2 if encap is Encap.GENEVE and datagram else 0)
    ethertype = int.from_bytes(datagram[at + 12 : at + 14], "big")
    at += ethernet.HEADER_BYTES
    if ethertype == _VLAN:
        ethertype = int.from_bytes(datagram[at + 2 : at + 4], "big")
        at += _VLAN_BYTES
    if ethertype == ipv4.ETHERTYPE and len(datagram) >= at + ipv4.HEADER_BYTES:
        return _mark_ipv4(datagram, at)
    if ethertype == ipv6.ETHERTYPE and len(datagram) >= at + ipv6.HEADER_BYTES:
        return _mark_ipv6(datagram, at)
    return datagram


def _mark_ipv4(datagram: bytes, at: int) -> bytes | None:
    if not datagram[at + 1] & _CE:
        return None
    marked = bytearray(datagram)
    marked[at + 1] |= _CE
    # RFC 1624: the sum of the header grows by what the word has grown by, good or bad as it was
    grown = marked[at + 1] - datagram[at + 1]
    stored = int.from_bytes(datagram[at + 10 : at + 12], "big")
    total = (~stored & 0xFFFF) + grown
    marked[at + 10 : at + 12] = (~ones_complement_sum(total.to_bytes(4, "big")) & 0xFFFF).to_bytes(2, "big")
    return bytes(marked)


def _mark_ipv6(datagram: bytes, at: int) -> bytes | None:
    if not datagram[at + 1] >> 4 & _CE:
        return None
    marked = bytearray(datagram)
    marked[at + 1] |= _CE << 4
    return bytes(marked)
