from __future__ import annotations

import pytest

from bronzewillow.wire.errors import DropReason, WireError
from bronzewillow.wire.geneve import GeneveDatagram, emit_geneve, parse_geneve


def test_round_trip() -> None:
    data = emit_geneve(GeneveDatagram(0xABCDEF, b"frame"))
    assert data == bytes.fromhex("00006558 abcdef00") + b"frame"
    assert parse_geneve(memoryview(data)) == GeneveDatagram(0xABCDEF, b"frame")


@pytest.mark.parametrize(
    "header",
    [
        "0100655800000100 01020300",  # an option without data
        "0200655800000100 01020301 aabbccdd",
        "0300655800000100 01020301 aabbccdd 01020400",
        "0200655800000100 01028301 aabbccdd",  # critical, but C is clear: no walk is asked for
        "0140655800000100 01020300",  # C set, and no critical option
        "003f6558000001ff",  # reserved bits
    ],
)
def test_options_are_skipped(header: str) -> None:
    assert parse_geneve(bytes.fromhex(header) + b"frame") == GeneveDatagram(1, b"frame")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ("", DropReason.TRUNCATED),
        ("00006558000001", DropReason.TRUNCATED),
        ("4000655800000100", DropReason.GENEVE_VERSION),
        ("0080655800000100", DropReason.GENEVE_CONTROL),
        ("0000080000000100", DropReason.GENEVE_PROTOCOL),
        ("0100655800000100", DropReason.TRUNCATED),
        ("3f00655800000100 01020300", DropReason.TRUNCATED),
        ("0240655800000100 014b8101 aabbccdd", DropReason.GENEVE_CRITICAL_OPTION),  # Cilium's service address
        ("0100655800000100 01020301", DropReason.GENEVE_OPTION),
    ],
)
@pytest.mark.case("case-23")
def test_drops(data: str, reason: DropReason) -> None:
    with pytest.raises(WireError) as caught:
        parse_geneve(bytes.fromhex(data))
    assert caught.value.reason is reason
