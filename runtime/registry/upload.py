"""One blob out of the store: not at all, by a mount, in one request, or in chunks.

Source: OCI distribution specification, Pushing blobs, and Mounting a blob from another repository.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import BinaryIO
from urllib.parse import quote

import aiohttp

from runtime.content.blobs import Blobs
from runtime.images.manifest import Descriptor
from runtime.registry.errors import BadAnswer, NotThere, RegistryError, Unreachable
from runtime.registry.progress import Progress
from runtime.registry.transport import MakeBody, Transport, join_url

CHUNK = 512 << 20
"""Larger blobs go in chunks of this, so that a broken connection costs one chunk at most. Stores behind
registries take no more than 5 GB in one request."""
_BLOCK = 1 << 20
Answer = AbstractAsyncContextManager[aiohttp.ClientResponse]
_RANGE = re.compile(r"(?:bytes=)?0-(\d{1,18})")


@dataclass(frozen=True, slots=True)
class Target:
    """The repository that blobs go to."""

    transport: Transport
    registry: str
    repository: str

    @property
    def scope(self) -> str:
        """Of the token for it."""
        return f"repository:{self.repository}:pull,push"


async def upload(
    target: Target,
    blobs: Blobs,
    blob: Descriptor,
    progress: Progress,
    mounts: Sequence[str] = (),
    chunk_bytes: int = CHUNK,
) -> None:
    """See to it that the registry has `blob`; `mounts`: repositories of it that may have it already."""
    upload_ = _Upload(target, blobs, blob, progress, chunk_bytes)
    if await upload_.exists():
        progress.end(blob, "exists")
        return
    location = await upload_.open(mounts)
    if location is None:
        progress.end(blob, "mounted")
        return
    progress.begin(blob, 0)
    patience, backoff = target.transport.patience, target.transport.patience.backoff()
    while True:
        try:
            await (upload_.monolithic(location) if blob.size <= chunk_bytes else upload_.chunked(location))
            break
        except Unreachable as error:
            progress.advance(blob, -upload_.sent)
            upload_.sent = 0
            if not await patience.again(backoff, target.registry, error):
                raise
            location = await upload_.open(()) or location
    progress.end(blob, "pushed")


class _Upload:
    def __init__(
        self, target: Target, blobs: Blobs, blob: Descriptor, progress: Progress, chunk_bytes: int
    ) -> None:
        self._target, self._blobs, self._blob, self._progress = target, blobs, blob, progress
        self._chunk_bytes = chunk_bytes
        self.sent = 0

    async def exists(self) -> bool:
        """Whether there is nothing to do."""
        target = self._target
        path = f"/{target.repository}/blobs/{self._blob.digest}"
        try:
            async with target.transport.send("HEAD", target.registry, path, scope=target.scope):
                return True
        except NotThere:
            return False

    async def open(self, mounts: Sequence[str]) -> str | None:
        """The URL of a new upload; None when a mount has made it needless."""
        target = self._target
        for source in (*mounts, None):
            query = f"?mount={quote(self._blob.digest)}&from={quote(source, safe='')}" if source else ""
            path = f"/{target.repository}/blobs/uploads/{query}"
            scope = target.scope + (f" repository:{source}:pull" if source else "")
            try:
                async with target.transport.send("POST", target.registry, path, scope=scope) as answer:
                    if answer.status == 201:
                        return None
                    location = self._location(answer)
            except RegistryError:
                if source is None:
                    raise
                continue  # a repository that may not be read is no reason to fail
            if source is None:
                return location
            async with target.transport.send(
                "DELETE", target.registry, location, scope=target.scope, tries=1
            ):
                pass
        raise AssertionError("the last of the sources is None")

    async def monolithic(self, location: str) -> None:
        """Send all of it in one request."""
        headers = {"Content-Length": str(self._blob.size), "Content-Type": "application/octet-stream"}
        with self._blobs.open(self._blob.digest) as file:
            body = self._body(file, 0, self._blob.size)
            async with self._send("PUT", self._with_digest(location), headers, body):
                pass

    async def chunked(self, location: str) -> None:
        """In several; what a broken one has brought is asked for and not sent again."""
        with self._blobs.open(self._blob.digest) as file:
            at = 0
            patience = self._target.transport.patience
            backoff = patience.backoff()
            while at < self._blob.size:
                try:
                    location, at = await self._chunk(location, file, at)
                    backoff.reset()
                except Unreachable as error:
                    if not await patience.again(backoff, self._target.registry, error):
                        raise
                    location, at = await self._status(location)
        async with self._send("PUT", self._with_digest(location), {"Content-Length": "0"}, None):
            pass

    async def _chunk(self, location: str, file: BinaryIO, at: int) -> tuple[str, int]:
        """Send one; where the next one goes, and where in the blob it begins."""
        end = min(at + self._chunk_bytes, self._blob.size)
        headers = {
            "Content-Length": str(end - at),
            "Content-Range": f"{at}-{end - 1}",
            "Content-Type": "application/octet-stream",
        }
        async with self._send("PATCH", location, headers, self._body(file, at, end)) as answer:
            minimum = answer.headers.get("OCI-Chunk-Min-Length", "")
            if minimum.isdecimal() and len(minimum) < 12:
                self._chunk_bytes = max(self._chunk_bytes, int(minimum))
            return self._location(answer), end

    async def _status(self, location: str) -> tuple[str, int]:
        """How far the upload has come."""
        target = self._target
        async with target.transport.send("GET", target.registry, location, scope=target.scope) as answer:
            found = _RANGE.fullmatch(answer.headers.get("Range", ""))
            at = int(found[1]) + 1 if found else 0
            if at == 1 and answer.headers.get("Range") == "0-0":
                at = 0  # registries say 0-0 of an upload that has nothing yet
            self._count(at - self.sent)
            return self._location(answer), at

    def _send(self, method: str, url: str, headers: dict[str, str], body: MakeBody | None) -> Answer:
        target = self._target
        return target.transport.send(
            method, target.registry, url, scope=target.scope, headers=headers, body=body, tries=1
        )

    def _body(self, file: BinaryIO, start: int, end: int) -> MakeBody:
        """The file is the caller's: nobody can say when an abandoned generator would close it."""

        async def blocks() -> AsyncIterator[bytes]:
            file.seek(start)
            left = end - start
            while left:
                data = await asyncio.to_thread(file.read, min(_BLOCK, left))
                if not data:
                    raise aiohttp.ClientPayloadError(f"blob {self._blob.digest} is shorter than it was")
                left -= len(data)
                yield data
                self._count(len(data))

        return blocks

    def _count(self, count: int) -> None:
        self.sent += count
        self._progress.advance(self._blob, count)

    def _location(self, answer: aiohttp.ClientResponse) -> str:
        location = answer.headers.get("Location", "")
        if not location:
            raise BadAnswer(f"registry {self._target.registry}: an upload without a Location")
        return join_url(answer, location)

    def _with_digest(self, location: str) -> str:
        return f"{location}{'&' if '?' in location else '?'}digest={quote(self._blob.digest)}"
