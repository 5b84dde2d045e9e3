"""Sizes of a terminal, as a client tells them: `{"Width":80,"Height":24}`, one behind the other."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

from runtime.streaming.errors import ProtocolError

_LONGEST_BYTES = 1024
_LARGEST = 65535
_decoder = json.JSONDecoder()


@dataclass(frozen=True, slots=True)
class TerminalSize:
    """Width and height of a terminal, in characters."""

    width: int
    height: int


class SizeReader:
    """Reads the sizes that come on one stream."""

    def __init__(self) -> None:
        self._rest = ""

    def feed(self, data: bytes) -> Iterator[TerminalSize]:
        """Those that are complete; what is no size of a terminal is passed over. ProtocolError."""
        self._rest = (self._rest + data.decode("latin-1")).lstrip()
        while self._rest:
            try:
                found, end = _decoder.raw_decode(self._rest)
            except (ValueError, RecursionError):
                if len(self._rest) > _LONGEST_BYTES:
                    raise ProtocolError("what comes on the resize stream is no JSON") from None
                return
            self._rest = self._rest[end:].lstrip()
            if isinstance(found, dict):
                size = TerminalSize(found.get("Width", 0), found.get("Height", 0))
                if _is_size(size.width) and _is_size(size.height):
                    yield size


def _is_size(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value <= _LARGEST
