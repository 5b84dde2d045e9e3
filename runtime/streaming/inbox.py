"""What has come for one stream and waits to be read; who brings more waits while it is full."""

from __future__ import annotations

import asyncio
from collections import deque

MOST_BYTES = 256 << 10
"""Of one stream; a full one holds back the connection that feeds it."""


class Inbox:
    """One side feeds, one side reads."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._pieces: deque[bytes] = deque()
        self._bytes = 0
        self._has_ended = self._is_discarded = False
        self._error: ConnectionError | None = None
        self._changed = asyncio.Event()

    async def feed(self, data: bytes) -> None:
        """Keep it, and return when there is room for more."""
        if self._has_ended or self._is_discarded:
            return
        if data:
            self._pieces.append(data)
            self._bytes += len(data)
            self._changed.set()
        while self._bytes >= self._most_bytes and not self._is_discarded and self._error is None:
            self._changed.clear()
            await self._changed.wait()

    def end(self, error: ConnectionError | None = None) -> None:
        """Nothing more comes; with `error` because the other side is gone, and what waits is dropped."""
        if error is not None:
            self._error = self._error or error
        self._has_ended = True
        self._changed.set()

    def discard(self) -> None:
        """Nobody reads any more: what comes is thrown away."""
        self._is_discarded = True
        self._pieces.clear()
        self._bytes = 0
        self._changed.set()

    async def read(self) -> bytes:
        """What there is, at least one byte; nothing at the end. ConnectionError."""
        while not self._pieces and not self._has_ended and self._error is None:
            self._changed.clear()
            await self._changed.wait()
        if self._error is not None:
            raise self._error
        data = b"".join(self._pieces)
        self._pieces.clear()
        self._bytes = 0
        self._changed.set()
        return data
