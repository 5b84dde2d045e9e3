"""Header blocks: names and values, compressed as one stream for the whole life of a connection.

SPDY draft 3, 2.6.10: a count, then for each header the length of its name, the name in lower case, the
length of its value, the value; several values of one name are joined by a zero byte.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping

from runtime.streaming.dictionary import DICTIONARY
from runtime.streaming.errors import ProtocolError

LONGEST_BLOCK_BYTES = 16 << 10
"""Of a block that is not compressed: Kubernetes sends three short headers."""
MOST_HEADERS = 64
_LENGTH = struct.Struct(">I")


class HeaderCompressor:
    """One direction of a connection."""

    def __init__(self) -> None:
        self._zlib = zlib.compressobj(
            9, zlib.DEFLATED, 15, 9, zlib.Z_DEFAULT_STRATEGY, DICTIONARY
        )  # fmt: skip

    def emit(self, headers: Mapping[str, str]) -> bytes:
        """A block; it must be sent, and in this order, as later ones build on it."""
        parts = [_LENGTH.pack(len(headers))]
        for name, value in headers.items():
            for text in (name.lower().encode("latin-1"), value.encode("latin-1")):
                parts += [_LENGTH.pack(len(text)), text]
        return self._zlib.compress(b"".join(parts)) + self._zlib.flush(zlib.Z_SYNC_FLUSH)


class HeaderDecompressor:
    """The other direction."""

    def __init__(self) -> None:
        self._zlib = zlib.decompressobj(zdict=DICTIONARY)

    def parse(self, block: bytes) -> dict[str, str]:
        """ProtocolError; after one, no later block can be read."""
        try:
            plain = self._zlib.decompress(block, LONGEST_BLOCK_BYTES + 1)
        except zlib.error as error:
            raise ProtocolError(f"a header block that cannot be decompressed: {error}") from None
        if len(plain) > LONGEST_BLOCK_BYTES or self._zlib.unconsumed_tail:
            raise ProtocolError(f"a header block of more than {LONGEST_BLOCK_BYTES} bytes")
        if self._zlib.eof:
            raise ProtocolError("a header block that ends the compression")
        return _parse_plain(plain)


def _parse_plain(plain: bytes) -> dict[str, str]:
    count, at = _number(plain, 0)
    if count > MOST_HEADERS:
        raise ProtocolError(f"{count} headers where {MOST_HEADERS} are the most")
    found: dict[str, str] = {}
    for _ in range(count):
        name, at = _text(plain, at)
        value, at = _text(plain, at)
        if not name or name != name.lower() or name in found:
            raise ProtocolError(f"the header name {name[:80]!r} is empty, there twice, or not in lower case")
        found[name] = value
    if at != len(plain):
        raise ProtocolError(f"{len(plain) - at} bytes behind the headers of a block")
    return found


def _number(plain: bytes, at: int) -> tuple[int, int]:
    if at + _LENGTH.size > len(plain):
        raise ProtocolError("a header block that is cut off")
    return _LENGTH.unpack_from(plain, at)[0], at + _LENGTH.size


def _text(plain: bytes, at: int) -> tuple[str, int]:
    length, at = _number(plain, at)
    if at + length > len(plain):
        raise ProtocolError("a header block that is cut off")
    return plain[at : at + length].decode("latin-1"), at + length
