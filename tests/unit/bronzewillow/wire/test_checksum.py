from __future__ import annotations

import pytest

from bronzewillow.wire.checksum import (
    PartialPolicy,
    Verdict,
    fold,
    internet_checksum,
    ones_complement_sum,
    pseudo_header_sum,
    verify,
)

SOURCE = bytes((10, 65, 0, 2))
DESTINATION = bytes((10, 64, 1, 7))


def by_words(data: bytes, total: int = 0) -> int:
    """The sum as RFC 1071 4.1 writes it."""
    for at in range(0, len(data) - 1, 2):
        total += data[at] << 8 | data[at + 1]
    if len(data) % 2:
        total += data[-1] << 8
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def test_the_example_of_rfc_1071() -> None:
    assert ones_complement_sum(bytes.fromhex("0001f203f4f5f6f7")) == 0xDDF2
    assert internet_checksum(bytes.fromhex("0001f203f4f5f6f7")) == 0xFFFF - 0xDDF2


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0",
        b"\0\0",
        b"\0\0\0",
        b"\xff\xff",
        b"\xff\xff\xff\xff",
        b"\x01",
        b"\xff",
        b"\xff\xfe\x00\x01",
        b"\x12\x34\x56",
    ],
)
@pytest.mark.parametrize("initial", [0, 1, 0xFFFF, 0x1FFFE, 0x12345])
@pytest.mark.case("case-22")
def test_agrees_with_the_sum_of_words(data: bytes, initial: int) -> None:
    assert ones_complement_sum(data, initial) == by_words(data, initial)
    assert ones_complement_sum(memoryview(data), initial) == by_words(data, initial)


@pytest.mark.case("case-22")
def test_zero_and_negative_zero() -> None:
    assert fold(0) == 0
    assert fold(0xFFFF) == 0xFFFF
    assert fold(0x1FFFE) == 0xFFFF
    assert ones_complement_sum(b"\xff\xff") == 0xFFFF
    assert internet_checksum(b"\0\0") == 0xFFFF


def test_pseudo_header_of_either_family() -> None:
    header = SOURCE + DESTINATION + bytes((0, 6, 0, 24))
    assert pseudo_header_sum(SOURCE, DESTINATION, 6, 24) == by_words(header)
    source, destination = bytes(range(16)), bytes(range(100, 116))
    header = source + destination + (70_000).to_bytes(4, "big") + bytes((0, 0, 0, 17))
    assert pseudo_header_sum(source, destination, 17, 70_000) == by_words(header)


def partial_segment() -> tuple[bytes, int, int]:
    """A segment whose checksum a kernel left unfinished, that checksum, and its pseudo-header's sum."""
    pseudo_sum = pseudo_header_sum(SOURCE, DESTINATION, 6, 24)
    segment = bytearray(range(24))
    segment[16:18] = pseudo_sum.to_bytes(2, "big")
    return bytes(segment), pseudo_sum, pseudo_sum


@pytest.mark.parametrize(
    ("policy", "verdict"),
    [
        (PartialPolicy.AUTO, Verdict.PARTIAL),
        (PartialPolicy.NEVER, Verdict.BAD),
        (PartialPolicy.ALWAYS, Verdict.GOOD),
    ],
)
@pytest.mark.case("case-22")
@pytest.mark.case("report-29")
def test_partial_checksum_by_policy(policy: PartialPolicy, verdict: Verdict) -> None:
    assert verify(*partial_segment(), policy) is verdict


def test_a_wrong_checksum_is_not_partial() -> None:
    data, stored, pseudo_sum = partial_segment()
    wrong = data[:16] + (stored ^ 1).to_bytes(2, "big") + data[18:]
    assert verify(wrong, stored ^ 1, pseudo_sum, PartialPolicy.AUTO) is Verdict.BAD


def test_a_right_checksum_is_good_in_every_policy() -> None:
    data, _, pseudo_sum = partial_segment()
    stored = internet_checksum(data[:16] + b"\0\0" + data[18:], pseudo_sum)
    good = data[:16] + stored.to_bytes(2, "big") + data[18:]
    assert all(verify(good, stored, pseudo_sum, policy) is Verdict.GOOD for policy in PartialPolicy)
