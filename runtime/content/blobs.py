"""Blobs: files named by their digest, whole and unchanging.

<root>/blobs/sha256/<hex>    a blob, mode 0444
<root>/ingest/<id>           one that is being written; of no use to anybody when its writer has died,
                             unless it comes in ranges: see ingest.py
<root>/quarantine/<hex>      one whose bytes turned out not to be those of its name
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from bronzewillow.host.files import sync_file, sync_folder
from runtime.content.disk import as_store_error, share_extents
from runtime.content.errors import CorruptBlob, DigestMismatch, StoreError, UnknownBlob
from runtime.images.digest import parse_digest

_CHUNK_BYTES = 1 << 20
_ALGORITHMS = ("sha256", "sha512")


class Blobs:
    """All blobs below one root. Safe for any number of writers: equal content has one name."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self.ingest, self._quarantine = root / "ingest", root / "quarantine"

    def folders(self) -> tuple[Path, ...]:
        """Those that must be there."""
        algorithms = (self._root / "blobs" / name for name in _ALGORITHMS)
        return (*algorithms, self.ingest, self._quarantine)

    # ---- reading

    def path(self, digest: str) -> Path:
        """Where the blob is or would be. InvalidDigest."""
        algorithm, _, value = parse_digest(digest).partition(":")
        return self._root / "blobs" / algorithm / value

    def has(self, digest: str) -> bool:
        """Whether it is here."""
        return self.path(digest).is_file()

    def has_whole(self, digest: str, size: int) -> bool:
        """Whether it is here; one of another size is read, found corrupt, and put aside."""
        try:
            if self.size(digest) != size:
                self.check(digest)
        except (UnknownBlob, CorruptBlob):
            return False
        return True

    def size(self, digest: str) -> int:
        """The size of a blob in bytes. UnknownBlob."""
        with self._known(digest) as path:
            return path.stat().st_size

    def open(self, digest: str) -> BinaryIO:
        """To read; not checked, for a check would read all of it. UnknownBlob."""
        with self._known(digest) as path:
            return path.open("rb")

    def read(self, digest: str, limit: int) -> bytes:
        """A small blob, checked. UnknownBlob, CorruptBlob; StoreError above `limit` bytes."""
        with self.open(digest) as file, as_store_error(self.path(digest)):
            data = file.read(limit + 1)
        if len(data) > limit:
            raise StoreError(f"blob {digest} has more than {limit:,} bytes")
        if _hash(digest, (data,)) != digest:
            self._put_aside(digest)
        return data

    def check(self, digest: str) -> None:
        """Read all of a blob. CorruptBlob."""
        with self.open(digest) as file, as_store_error(self.path(digest)):
            found = _hash(digest, iter(lambda: file.read(_CHUNK_BYTES), b""))
        if found != digest:
            self._put_aside(digest)

    def __iter__(self) -> Iterator[str]:
        """The digests of all blobs."""
        with as_store_error(self._root):
            for algorithm in _ALGORITHMS:
                for path in sorted((self._root / "blobs" / algorithm).iterdir()):
                    yield f"{algorithm}:{path.name}"

    # ---- writing

    def write(self, data: bytes) -> str:
        """Store `data`; its digest."""
        return self.write_stream((data,))

    def write_stream(self, chunks: Iterable[bytes], digest: str = "", size: int | None = None) -> str:
        """Store what comes, hashed on its way; its digest. DigestMismatch when it is not as announced."""
        with self._new_file() as (path, file):
            algorithm = digest.partition(":")[0] or "sha256"
            state, count = hashlib.new(algorithm), 0
            for chunk in chunks:
                file.write(chunk)
                state.update(chunk)
                count += len(chunk)
                if size is not None and count > size:
                    break
            found = f"{algorithm}:{state.hexdigest()}"
            if size is not None and count != size:
                raise DigestMismatch(f"blob {digest or found}: {size:,} bytes were announced, others came")
            if digest and found != digest:
                raise DigestMismatch(f"blob {digest}: what came is {found}")
            self._publish(path, file, found)
            return found

    def write_file(self, source: Path) -> str:
        """Store a copy of a file, without copying where the file system can share; its digest. StoreError."""
        with as_store_error(source), source.open("rb") as original, self._new_file() as (path, file):
            state = hashlib.sha256()
            is_shared = share_extents(original.fileno(), file.fileno())
            for chunk in iter(lambda: original.read(_CHUNK_BYTES), b""):
                state.update(chunk)
                if not is_shared:
                    file.write(chunk)
            digest = f"sha256:{state.hexdigest()}"
            self._publish(path, file, digest)
            return digest

    def remove(self, digest: str) -> int:
        """Forget a blob; the bytes that it had."""
        with self._known(digest) as path:
            size = path.stat().st_size
            path.unlink()
            return size

    # ---- inside

    @contextmanager
    def _known(self, digest: str) -> Iterator[Path]:
        path = self.path(digest)
        try:
            with as_store_error(path):
                yield path
        except StoreError as error:
            if isinstance(error.__cause__, FileNotFoundError):
                raise UnknownBlob(f"blob {digest} is not here") from None
            raise

    @contextmanager
    def _new_file(self) -> Iterator[tuple[Path, BinaryIO]]:
        path = self.ingest / uuid.uuid4().hex
        with as_store_error(path):
            try:
                with path.open("xb") as file:
                    fcntl.flock(file, fcntl.LOCK_EX)  # so that `prune` sees that somebody writes it
                    yield path, file
            finally:
                path.unlink(missing_ok=True)

    def _publish(self, path: Path, file: BinaryIO, digest: str) -> None:
        file.flush()
        os.fchmod(file.fileno(), 0o444)
        sync_file(file.fileno())
        final = self.path(digest)
        path.replace(final)  # over an equal one, if there is one
        sync_folder(final.parent)

    def _put_aside(self, digest: str) -> None:
        path = self.path(digest)
        with as_store_error(path):
            path.replace(self._quarantine / path.name)
        raise CorruptBlob(f"blob {digest} is corrupt; it was put aside in {self._quarantine}")


def _hash(digest: str, chunks: Iterable[bytes]) -> str:
    algorithm = digest.partition(":")[0]
    state = hashlib.new(algorithm)
    for chunk in chunks:
        state.update(chunk)
    return f"{algorithm}:{state.hexdigest()}"
