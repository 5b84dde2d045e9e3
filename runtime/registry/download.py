"""One blob into the store: several ranges at once, hashed in order as they arrive, in one pass.

    readers   one request each, of PIECE bytes, pieces taken in order
       |      blocks of about a megabyte, with their offset
    writer    puts a block into the ingest, which journals it
       |
    hasher    takes blocks in the order of the blob; what an earlier process fetched it reads from the disk

A reader that is more than WINDOW bytes ahead of the hasher waits, so memory is bounded; that of the next
byte to be hashed never waits.
"""

from __future__ import annotations

import asyncio
import hashlib
import math
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import aiohttp

from bronzewillow.host.tasks import together
from runtime.content.blobs import Blobs
from runtime.content.errors import DigestMismatch, IngestBusy
from runtime.content.ingest import Ingest, Range
from runtime.images.manifest import Descriptor
from runtime.registry.errors import BadAnswer, Unreachable
from runtime.registry.patience import LeastSpeed, TooSlow
from runtime.registry.progress import Progress
from runtime.registry.transport import Transport

_T = TypeVar("_T")

PIECE = 32 << 20
WINDOW = 64 << 20
_BLOCK = 1 << 20
_WORTH_BYTES = 64 << 10
"""Fewer in an answer are no success: a registry could keep us busy for ever."""
_BUSY_S = 0.2
_SLOW_S = 120.0
"""A registry that is too slow is asked again as long as that without success."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where blobs are asked for."""

    transport: Transport
    registry: str
    repository: str

    @property
    def scope(self) -> str:
        """Of the token for it."""
        return f"repository:{self.repository}:pull"

    def path(self, digest: str) -> str:
        """Below the API's root."""
        return f"/{self.repository}/blobs/{digest}"


async def download(
    source: Source, blobs: Blobs, blob: Descriptor, progress: Progress, readers: int = 4
) -> None:
    """Get `blob` into the store, if it is not there. RegistryError, StoreError."""
    while not blobs.has_whole(blob.digest, blob.size):
        try:
            ingest = Ingest(blobs, blob.digest, blob.size)
        except IngestBusy:
            await asyncio.sleep(_BUSY_S)
            continue
        try:
            is_resumed = bool(ingest.finished)
            progress.begin(blob, sum(end - start for start, end in ingest.finished))
            try:
                await _Download(source, ingest, blob, progress).run(readers)
            except DigestMismatch as error:
                progress.advance(blob, -blob.size)
                if not is_resumed:
                    raise BadAnswer(f"registry {source.registry}: {error}") from None
                continue  # what was on the disk was bad: once more, without it
            progress.end(blob, "pulled")
            return
        finally:
            ingest.close()
    progress.end(blob, "exists")


@dataclass(slots=True)
class _Piece:
    """What one request is for; `start` moves on as it comes."""

    start: int
    end: int


class _Download:
    """One try at one blob, on an ingest that may have some of it."""

    def __init__(self, source: Source, ingest: Ingest, blob: Descriptor, progress: Progress) -> None:
        self._source, self._ingest, self._blob, self._progress = source, ingest, blob, progress
        self._there = deque(ingest.finished)
        self._pieces = deque(_pieces(ingest.missing()))
        self._ready: dict[int, Sequence[bytes]] = {}
        self._algorithm = blob.digest.partition(":")[0]
        self._hash = hashlib.new(self._algorithm)
        self._hashed = 0
        self._arrived, self._advanced, self._has_ranges = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._patience = source.transport.patience
        self._backoff = self._patience.backoff()

    async def run(self, readers: int) -> None:
        """To the blob's place in the store. RegistryError, StoreError, DigestMismatch."""
        # a thread of each kind: order is kept, and hashing and writing go on side by side
        with ThreadPoolExecutor(1, "write") as self._writer, ThreadPoolExecutor(1, "hash") as self._hasher:
            others = (self._read_more() for _ in range(min(readers, len(self._pieces)) - 1))
            await together(self._hash_all(), self._read_first(), *others)
            found = f"{self._algorithm}:{self._hash.hexdigest()}"
            await _in(self._writer, lambda: self._ingest.commit(found))

    # ---- readers

    async def _read_first(self) -> None:
        """Its first answer says whether the registry knows ranges; until then the others wait."""
        try:
            await self._read_pieces()
        finally:
            self._has_ranges.set()

    async def _read_more(self) -> None:
        await self._has_ranges.wait()
        await self._read_pieces()

    async def _read_pieces(self) -> None:
        while self._pieces:
            piece = self._pieces.popleft()
            while piece.start < piece.end:
                try:
                    await self._read(piece)
                except (aiohttp.ClientError, OSError, TimeoutError) as error:
                    registry = self._source.registry
                    why = " ".join(str(error).split()) or "cut off"
                    failure = f"registry {registry}: blob {self._blob.digest}: {why}"
                    limit_s = _SLOW_S if isinstance(error, TooSlow) else math.inf
                    if not await self._patience.again(self._backoff, registry, failure, limit_s=limit_s):
                        raise Unreachable(f"{failure}; the next pull goes on where this one ends") from None

    async def _read(self, piece: _Piece) -> None:
        """One request for the rest of `piece`; an error of aiohttp's when the answer ends early."""
        is_whole = (piece.start, piece.end) == (0, self._blob.size)
        headers = {} if is_whole else {"Range": f"bytes={piece.start}-{piece.end - 1}"}
        source = self._source
        path = source.path(self._blob.digest)
        async with source.transport.get(source.registry, path, scope=source.scope, headers=headers) as answer:
            unwanted = self._check(answer, piece)
            chunks: list[bytes] = []
            count = 0
            speed = LeastSpeed()
            try:
                async for chunk in answer.content.iter_any():
                    speed.count(len(chunk))
                    if unwanted:
                        chunk, unwanted = chunk[unwanted:], max(0, unwanted - len(chunk))
                    if count + len(chunk) > piece.end - piece.start:
                        if is_whole:
                            raise self._bad(f"is longer than {self._blob.size:,} bytes")
                        chunk = chunk[: piece.end - piece.start - count]
                    chunks.append(chunk)
                    count += len(chunk)
                    is_last = count == piece.end - piece.start
                    if count >= _BLOCK or is_last:
                        put, chunks, count = (chunks, count), [], 0
                        await self._put(piece, *put)
                        if is_last and not is_whole:
                            return
                        speed.begin()
            except (aiohttp.ClientError, OSError, TimeoutError):
                if count:  # a line that is cut again and again gets there too
                    await self._put(piece, chunks, count)
                raise
        if count:
            await self._put(piece, chunks, count)
        if piece.start < piece.end:
            raise aiohttp.ClientPayloadError(f"the answer ended {piece.end - piece.start:,} bytes early")

    def _check(self, answer: aiohttp.ClientResponse, piece: _Piece) -> int:
        """How many bytes come before those that were asked for. BadAnswer."""
        if answer.status == 206:
            wanted = f"bytes {piece.start}-{piece.end - 1}/{self._blob.size}"
            if answer.headers.get("Content-Range", "") != wanted:
                raise self._bad(f"Content-Range {answer.headers.get('Content-Range')!r}, not {wanted!r}")
            self._has_ranges.set()
            return 0
        if answer.status != 200:
            raise self._bad(f"status {answer.status}")
        if answer.content_length not in (None, self._blob.size):
            raise self._bad(f"has {answer.content_length:,} bytes, the manifest says {self._blob.size:,}")
        if not self._has_ranges.is_set():
            # no ranges here: this one answer is for all that is missing
            self._pieces.clear()
            self._there = deque(one for one in self._there if one[0] < piece.start)
            piece.end = self._blob.size
        return piece.start

    async def _put(self, piece: _Piece, chunks: list[bytes], count: int) -> None:
        offset = piece.start
        while offset - self._hashed > WINDOW:
            self._advanced.clear()
            await self._advanced.wait()
        await _in(self._writer, lambda: self._ingest.write(offset, chunks))
        piece.start += count
        self._ready[offset] = chunks
        self._arrived.set()
        if count >= _WORTH_BYTES or piece.start == piece.end:
            self._backoff.reset()
        self._progress.advance(self._blob, count)

    # ---- hasher

    async def _hash_all(self) -> None:
        while self._hashed < self._blob.size:
            if self._there and self._there[0][0] == self._hashed:
                start, end = self._there.popleft()
                for at in range(start, end, _BLOCK):
                    self._hashed += await _in(self._hasher, self._from_disk(at, min(at + _BLOCK, end)))
            elif chunks := self._next_ready():
                self._hashed += await _in(self._hasher, self._from_memory(chunks))
            else:
                self._arrived.clear()
                await self._arrived.wait()
            self._advanced.set()

    def _next_ready(self) -> list[bytes]:
        """All that is here and follows on what was hashed."""
        chunks: list[bytes] = []
        at = self._hashed
        while (block := self._ready.pop(at, None)) is not None:
            chunks += block
            at += sum(map(len, block))
        return chunks

    def _from_memory(self, chunks: Sequence[bytes]) -> Callable[[], int]:
        def update() -> int:
            for chunk in chunks:
                self._hash.update(chunk)
            return sum(map(len, chunks))

        return update

    def _from_disk(self, start: int, end: int) -> Callable[[], int]:
        def update() -> int:
            data = self._ingest.read(start, end - start)
            self._hash.update(data.ljust(end - start, b"\0"))
            return end - start

        return update

    def _bad(self, why: str) -> BadAnswer:
        return BadAnswer(f"registry {self._source.registry}: blob {self._blob.digest} {why}")


def _pieces(missing: Iterator[Range]) -> Iterator[_Piece]:
    for start, end in missing:
        for at in range(start, end, PIECE):
            yield _Piece(at, min(at + PIECE, end))


async def _in(pool: ThreadPoolExecutor, work: Callable[[], _T]) -> _T:
    return await asyncio.get_running_loop().run_in_executor(pool, work)
