from __future__ import annotations

import dataclasses

import pytest

from bronzewillow.wire.checksum import PartialPolicy, pseudo_header_sum
from bronzewillow.wire.errors import DropReason, WireError
from bronzewillow.wire.tcp import (
    NO_OPTIONS,
    Flags,
    TcpOptions,
    TcpSegment,
    emit_options,
    emit_tcp,
    new_options,
    new_segment,
    parse_options,
    parse_tcp,
)

SOURCE = bytes((10, 65, 0, 2))
DESTINATION = bytes((10, 64, 1, 7))
SYN = TcpSegment(40000, 8080, 0x11223344, 0, Flags.SYN, 0xFFFF, TcpOptions(mss=1410))
SYN_BYTES = bytes.fromhex("9c401f901122334400000000 6002ffff82980000 02040582")
"""As captured and checked by tcpdump."""


@pytest.mark.rfc("9293:MUST-2")
def test_emits_the_captured_syn() -> None:
    assert emit_tcp(SYN, SOURCE, DESTINATION) == SYN_BYTES


def test_parses_the_captured_syn() -> None:
    assert parse_tcp(SYN_BYTES, SOURCE, DESTINATION) == SYN
    assert parse_tcp(memoryview(SYN_BYTES), SOURCE, DESTINATION) == SYN


def test_len_counts_syn_and_fin() -> None:
    assert SYN.len == 1
    assert dataclasses.replace(SYN, flags=Flags.ACK, payload=b"abc").len == 3
    assert dataclasses.replace(SYN, flags=Flags.FIN | Flags.ACK, payload=b"abc").len == 4
    assert dataclasses.replace(SYN, flags=Flags.RST).len == 0


@pytest.mark.parametrize("length", [0, 1, 19])
def test_shorter_than_a_header(length: int) -> None:
    with pytest.raises(WireError) as caught:
        parse_tcp(SYN_BYTES[:length], SOURCE, DESTINATION)
    assert caught.value.reason is DropReason.TRUNCATED


@pytest.mark.parametrize("offset", [0x00, 0x40, 0x70, 0xF0])
def test_data_offset_out_of_bounds(offset: int) -> None:
    data = SYN_BYTES[:12] + bytes((offset,)) + SYN_BYTES[13:]
    with pytest.raises(WireError) as caught:
        parse_tcp(data, SOURCE, DESTINATION, partial=PartialPolicy.ALWAYS)
    assert caught.value.reason is DropReason.TCP_HEADER


@pytest.mark.rfc("9293:MUST-3")
@pytest.mark.parametrize("bit", range(len(SYN_BYTES) * 8))
def test_every_flipped_bit_is_found(bit: int) -> None:
    data = bytearray(SYN_BYTES)
    data[bit >> 3] ^= 0x80 >> (bit & 7)
    with pytest.raises(WireError):
        parse_tcp(data, SOURCE, DESTINATION)


def test_the_addresses_are_part_of_the_checksum() -> None:
    with pytest.raises(WireError):
        parse_tcp(SYN_BYTES, SOURCE, bytes((10, 64, 1, 8)))


def test_partial_checksum_by_policy() -> None:
    left = pseudo_header_sum(SOURCE, DESTINATION, 6, len(SYN_BYTES)).to_bytes(2, "big")
    data = SYN_BYTES[:16] + left + SYN_BYTES[18:]
    assert parse_tcp(data, SOURCE, DESTINATION, partial=PartialPolicy.AUTO) == SYN
    with pytest.raises(WireError) as caught:
        parse_tcp(data, SOURCE, DESTINATION, partial=PartialPolicy.NEVER)
    assert caught.value.reason is DropReason.BAD_TCP_CHECKSUM


@pytest.mark.rfc("9293:MUST-68")
def test_options_of_a_linux_syn() -> None:
    data = bytes.fromhex("020405b4 0402 080a 00000001 00000000 01 030307")
    options = TcpOptions(1460, 7, True, (1, 0))
    assert parse_options(data) == options
    assert emit_options(options) == data


@pytest.mark.rfc("9293:MUST-6")
def test_unknown_options_are_skipped() -> None:
    data = bytes.fromhex("fe06aabbccdd 020405b4 1e04aabb 0101")
    assert parse_options(data) == TcpOptions(mss=1460)


@pytest.mark.rfc("9293:MUST-7")
@pytest.mark.parametrize("malformed", ["0300", "0301", "fe00", "fe", "03ff", "080a0000"])
@pytest.mark.case("case-10")
def test_an_illegal_length_ends_parsing_and_keeps_what_came_before(malformed: str) -> None:
    assert parse_options(bytes.fromhex("020405b4" + malformed)) == TcpOptions(mss=1460)


@pytest.mark.parametrize(
    "option",
    [
        "020305",
        "0205058401",
        "0302",
        "03040501",
        "0403ff",
        "0809" + "00" * 7,
        "0502",
        "0503ff",
        "050b" + "00" * 9,
    ],
)
@pytest.mark.case("case-10")
def test_a_known_option_of_the_wrong_length_is_ignored(option: str) -> None:
    assert parse_options(bytes.fromhex(option + "0402")) == TcpOptions(sack_permitted=True)


@pytest.mark.rfc("9293:MUST-4")
def test_nothing_counts_after_the_end_of_the_list() -> None:
    assert parse_options(bytes.fromhex("0402 00 020405b4")) == TcpOptions(sack_permitted=True)


@pytest.mark.rfc("7323:2.3")
@pytest.mark.case("case-10")
def test_a_shift_above_14_is_read_as_14() -> None:
    assert parse_options(bytes.fromhex("03030f")).window_scale == 14
    assert parse_options(bytes.fromhex("0303ff")).window_scale == 14


@pytest.mark.parametrize("mss", [0, 1, 47, 65535])
def test_hostile_mss_is_left_to_the_stack(mss: int) -> None:
    assert parse_options(b"\x02\x04" + mss.to_bytes(2, "big")).mss == mss


def test_sack_blocks_as_many_as_fit() -> None:
    blocks = tuple((n, n + 1) for n in range(0xFFFFFFFB, 0xFFFFFFFF))
    assert parse_options(emit_options(TcpOptions(sack=blocks))).sack == blocks
    beside = TcpOptions(timestamps=(1, 2), sack=blocks)
    assert parse_options(emit_options(beside)) == dataclasses.replace(beside, sack=blocks[:3])
    full = TcpOptions(1460, 7, True, (1, 2), blocks)
    assert len(emit_options(full)) <= 40
    assert parse_options(emit_options(full)) == dataclasses.replace(full, sack=blocks[:2])


def test_timestamps_in_the_recommended_place() -> None:
    data = bytes.fromhex("0101080a deadbeef 00000001")
    assert parse_options(data) == TcpOptions(timestamps=(0xDEADBEEF, 1))
    assert emit_options(TcpOptions(timestamps=(0xDEADBEEF, 1))) == data


def test_no_options() -> None:
    assert parse_options(b"") is NO_OPTIONS
    assert emit_options(NO_OPTIONS) == b"" == emit_options(TcpOptions())


def test_quick_values_are_the_frozen_ones() -> None:
    options = new_options(1, 2, True, (3, 4), ((5, 6),))
    assert type(options) is TcpOptions
    assert options == TcpOptions(1, 2, True, (3, 4), ((5, 6),))
    assert new_options() == NO_OPTIONS
    segment = new_segment(1, 2, 3, 4, 5, 6, options, b"seven", 8)
    assert type(segment) is TcpSegment
    assert segment == TcpSegment(1, 2, 3, 4, 5, 6, options, b"seven", 8)
    assert new_segment(1, 2, 3, 4, 5, 6) == TcpSegment(1, 2, 3, 4, 5, 6)
    with pytest.raises(dataclasses.FrozenInstanceError):
        segment.seq = 9  # type: ignore[misc]


@pytest.mark.rfc("9293:MUST-64")
@pytest.mark.parametrize("before", ["", "01", "0101", "010101"])
def test_options_need_no_alignment(before: str) -> None:
    data = bytes.fromhex(before + "020405b4 0402 080a 00000001 00000002")
    assert parse_options(data) == TcpOptions(mss=1460, sack_permitted=True, timestamps=(1, 2))


@pytest.mark.rfc("9293:MUST-4")
@pytest.mark.rfc("9293:MUST-69")
@pytest.mark.parametrize("mss", [None, 1460])
@pytest.mark.parametrize("window_scale", [None, 7])
@pytest.mark.parametrize("sack_permitted", [False, True])
@pytest.mark.parametrize("stamps", [None, (1, 2)])
def test_options_fill_whole_words_and_need_no_end(
    mss: int | None, window_scale: int | None, sack_permitted: bool, stamps: tuple[int, int] | None
) -> None:
    """Padding stands in front as NOPs, so nothing ever follows an end of the list."""
    options = TcpOptions(mss, window_scale, sack_permitted, stamps)
    data = emit_options(options)
    assert len(data) % 4 == 0 and parse_options(data) == options


@pytest.mark.rfc("5482:3")
@pytest.mark.parametrize(
    ("seconds", "data"), [(0, "1c040000"), (180, "1c0400b4"), (32_767, "1c047fff"), (36_000, "1c048258")]
)
def test_the_user_timeout_is_in_seconds_or_in_minutes(seconds: int, data: str) -> None:
    assert emit_options(TcpOptions(user_timeout_s=seconds)).hex() == data
    assert parse_options(bytes.fromhex(data)).user_timeout_s == seconds
