from __future__ import annotations

import struct
import zlib

import pytest

from runtime.streaming.dictionary import DICTIONARY
from runtime.streaming.errors import ProtocolError
from runtime.streaming.headers import LONGEST_BLOCK_BYTES, HeaderCompressor, HeaderDecompressor

HEADERS = {"streamtype": "data", "port": "8080", "requestid": "7"}


def block(*texts: bytes, count: int | None = None) -> bytes:
    """Compressed as it is."""
    plain = struct.pack(">I", len(texts) // 2 if count is None else count)
    plain += b"".join(struct.pack(">I", len(text)) + text for text in texts)
    return packed(plain)


def packed(plain: bytes, flush: int = zlib.Z_SYNC_FLUSH) -> bytes:
    compressor = zlib.compressobj(9, zlib.DEFLATED, 15, 9, zlib.Z_DEFAULT_STRATEGY, DICTIONARY)
    return compressor.compress(plain) + compressor.flush(flush)


def test_blocks_are_one_stream() -> None:
    compressor, decompressor = HeaderCompressor(), HeaderDecompressor()
    first, second = compressor.emit(HEADERS), compressor.emit(HEADERS)
    assert len(second) < len(first), "what was said before is not said again"
    assert decompressor.parse(first) == decompressor.parse(second) == HEADERS
    with pytest.raises(ProtocolError):
        HeaderDecompressor().parse(second)


def test_names_are_sent_in_lower_case() -> None:
    assert HeaderDecompressor().parse(HeaderCompressor().emit({"requestID": "7"})) == {"requestid": "7"}


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"none", "cannot be decompressed"),
        (packed(b""), "cut off"),
        (block(b"name", b"value", count=2), "cut off"),
        (packed(struct.pack(">II", 1, 1 << 31)), "cut off"),
        (block(b"name", b"value") + b"", ""),
        (packed(struct.pack(">I", 0) + b"more"), "4 bytes behind"),
        (block(b"", b"value"), "empty"),
        (block(b"Name", b"value"), "lower case"),
        (block(b"n", b"1", b"n", b"2"), "twice"),
        (block(count=65), "65 headers"),
        (packed(bytes(4), zlib.Z_FINISH), "ends the compression"),
        (packed(bytes(LONGEST_BLOCK_BYTES + 1)), "more than 16384 bytes"),
        (packed(bytes(64 << 20)), "more than 16384 bytes"),
    ],
)
def test_what_is_no_block(data: bytes, words: str) -> None:
    if not words:
        assert HeaderDecompressor().parse(data) == {"name": "value"}
        return
    with pytest.raises(ProtocolError, match=words):
        HeaderDecompressor().parse(data)
