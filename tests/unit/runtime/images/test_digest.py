from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.images.digest import digest_of, parse_digest
from runtime.images.errors import InvalidDigest


def test_of_data() -> None:
    # FIPS 180-4, the empty message
    empty = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert digest_of(b"") == empty == parse_digest(empty)
    assert parse_digest("sha512:" + "0" * 128)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "sha256:",
        "sha256:" + "A" * 64,
        "sha256:" + "0" * 63,
        "md5:" + "0" * 32,
        "0" * 64,
        "sha256:" + "0" * 64 + "\n",
    ],
)
def test_what_is_none(text: str) -> None:
    with pytest.raises(InvalidDigest, match="is no digest"):
        parse_digest(text)


@given(st.text())
def test_any_text_is_one_or_one_error(text: str) -> None:
    with contextlib.suppress(InvalidDigest):
        assert parse_digest(text) == text
