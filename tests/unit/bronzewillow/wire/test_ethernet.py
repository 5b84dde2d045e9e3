from __future__ import annotations

import pytest

from bronzewillow.wire.errors import DropReason, WireError
from bronzewillow.wire.ethernet import (
    EthernetFrame,
    emit_ethernet,
    mac_mismatch,
    parse_ethernet,
)

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


OURS, THEIRS, OTHER, BROADCAST = FRAME.destination, FRAME.source, b"\x02other", b"\xff" * 6


@pytest.mark.parametrize(
    ("destination", "source", "is_for_all", "reason"),
    [
        (OURS, THEIRS, False, None),
        (OURS, bytes(6), False, None),
        (OTHER, THEIRS, False, DropReason.FOREIGN_MAC),
        (bytes(6), THEIRS, True, DropReason.FOREIGN_MAC),
        (BROADCAST, THEIRS, False, DropReason.FOREIGN_MAC),
        (BROADCAST, THEIRS, True, None),
        (OURS, OURS, False, DropReason.LOOPED_FRAME),
        (OTHER, OURS, False, DropReason.LOOPED_FRAME),
    ],
)
def test_whose_frame_it_is(
    destination: bytes, source: bytes, is_for_all: bool, reason: DropReason | None
) -> None:
    frame = EthernetFrame(destination, source, 0x0800)
    assert mac_mismatch(frame, OURS, is_for_all=is_for_all) is reason
