from __future__ import annotations

import pytest

from bronzewillow.wire.errors import DropReason, WireError
from bronzewillow.wire.ethernet import EthernetFrame, emit_ethernet, parse_ethernet

FRAME = EthernetFrame(b"\x66\x93\x7f\x54\xd5\x53", b"\x66\x36\x00\x37\xa4\x7c", 0x0800, b"packet")


def test_round_trip() -> None:
    data = emit_ethernet(FRAME)
    assert data == bytes.fromhex("66937f54d553 66360037a47c 0800") + b"packet"
    assert parse_ethernet(memoryview(data)) == FRAME


def test_truncated() -> None:
    with pytest.raises(WireError) as caught:
        parse_ethernet(emit_ethernet(FRAME)[:13])
    assert caught.value.reason is DropReason.TRUNCATED


@pytest.mark.parametrize("ethertype", [0x8100, 0x88A8, 0x9100])
def test_tagged_frames_are_refused(ethertype: int) -> None:
    with pytest.raises(WireError) as caught:
        parse_ethernet(emit_ethernet(EthernetFrame(FRAME.destination, FRAME.source, ethertype, bytes(64))))
    assert caught.value.reason is DropReason.VLAN_TAGGED
