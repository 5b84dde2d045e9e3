from __future__ import annotations

import pytest

from bronzewillow.wire import arp
from bronzewillow.wire.errors import DropReason, WireError

REQUEST = arp.ArpPacket(arp.REQUEST, b"\x02\0\0\0\0\1", b"\x0a\0\0\1", bytes(6), b"\x0a\0\0\2")
REQUEST_BYTES = bytes.fromhex("0001 0800 06 04 0001 020000000001 0a000001 000000000000 0a000002")


def test_round_trip() -> None:
    assert arp.emit_arp(REQUEST) == REQUEST_BYTES
    assert arp.parse_arp(REQUEST_BYTES + bytes(18)) == REQUEST


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (REQUEST_BYTES[:27], DropReason.TRUNCATED),
        (b"\0\6" + REQUEST_BYTES[2:], DropReason.BAD_ARP),
        (REQUEST_BYTES[:2] + b"\x86\xdd" + REQUEST_BYTES[4:], DropReason.BAD_ARP),
        (REQUEST_BYTES[:4] + b"\x08" + REQUEST_BYTES[5:], DropReason.BAD_ARP),
        (REQUEST_BYTES[:5] + b"\x10" + REQUEST_BYTES[6:], DropReason.BAD_ARP),
    ],
)
def test_malformed(data: bytes, reason: DropReason) -> None:
    with pytest.raises(WireError) as caught:
        arp.parse_arp(data)
    assert caught.value.reason is reason
