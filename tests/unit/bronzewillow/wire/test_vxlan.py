from __future__ import annotations

import pytest

from bronzewillow.wire.errors import DropReason, WireError
from bronzewillow.wire.vxlan import VxlanDatagram, emit_vxlan, parse_vxlan


def test_round_trip() -> None:
    data = emit_vxlan(VxlanDatagram(4096, b"frame"))
    assert data == bytes.fromhex("08000000 00100000") + b"frame"
    assert parse_vxlan(memoryview(data)) == VxlanDatagram(4096, b"frame")
    assert parse_vxlan(emit_vxlan(VxlanDatagram(0xFFFFFF))) == VxlanDatagram(0xFFFFFF)


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ("", DropReason.TRUNCATED),
        ("08000000001000", DropReason.TRUNCATED),
        ("0000000000100000", DropReason.VXLAN_FLAGS),
        ("8800000000100000", DropReason.VXLAN_FLAGS),  # group based policy
        ("0c00000000100000", DropReason.VXLAN_FLAGS),  # generic protocol extension
        ("0900000000100000", DropReason.VXLAN_FLAGS),
        ("0800000100100000", DropReason.VXLAN_RESERVED),
        ("0801000000100000", DropReason.VXLAN_RESERVED),
        ("0800000000100001", DropReason.VXLAN_RESERVED),
    ],
)
@pytest.mark.case("case-23")
def test_what_a_kernel_peer_drops_too(header: str, reason: DropReason) -> None:
    with pytest.raises(WireError) as caught:
        parse_vxlan(bytes.fromhex(header) + (bytes(64) if len(header) == 16 else b""))
    assert caught.value.reason is reason
