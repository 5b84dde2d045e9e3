"""Texts of strangers and of broken disks are parsed, or are a ValueError."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bronzewillow.host.parsing import parse_json, parse_toml

DEEP = 100_000
DIGITS = "9" * 5000
NOT_JSON: dict[str, bytes] = {
    "nothing": b"",
    "torn": b'{"a": ',
    "nested lists": b"[" * DEEP + b"]" * DEEP,
    "nested objects": b'{"a":' * DEEP,
    "an integer without end": DIGITS.encode(),
    "half of a pair": b'["\\ud800"]',
    "half of a pair, written large": b'{"\\uDC00": 1}',
    "half of a pair in bytes": b'["\xed\xa0\x80"]',
    "no UTF-8": b'["\xff"]',
    "no number": b"[NaN]",
    "no end": b"[-Infinity]",
    "a power without end": b"[1e999]",
    "zeros": b"\0" * 100,
}
NOT_TOML: dict[str, bytes] = {
    "torn": b"a = ",
    "nested lists": b"a = " + b"[" * DEEP + b"]" * DEEP,
    "an integer without end": b"a = " + DIGITS.encode(),
    "no UTF-8": b'a = "\xff"',
    "zeros": b"\0" * 100,
}


@pytest.mark.parametrize("raw", NOT_JSON.values(), ids=NOT_JSON)
def test_what_is_no_json_is_a_value_error(raw: bytes) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        parse_json(raw)
    assert "\n" not in str(caught.value)


@given(st.binary())
def test_bytes_never_raise_anything_else(raw: bytes) -> None:
    for parse in (parse_json, parse_toml):
        try:
            parse(raw)
        except ValueError:
            continue


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=5))
def test_json_says_what_was_meant(value: object) -> None:
    assert parse_json(json.dumps(value)) == value
    assert parse_json(json.dumps(value, ensure_ascii=False).encode()) == value


def test_a_mark_at_the_beginning_is_no_part_of_the_text() -> None:
    assert parse_json(b"\xef\xbb\xbf[1.5]") == [1.5]
    assert parse_toml(b"\xef\xbb\xbfa = 1") == {"a": 1}
    assert parse_toml("\ufeffa = 1") == {"a": 1}


@pytest.mark.parametrize("raw", NOT_TOML.values(), ids=NOT_TOML)
def test_what_is_no_toml_is_a_value_error(raw: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_toml(raw)
