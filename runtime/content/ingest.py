"""A blob on its way in, in ranges and any order; what has arrived outlives its writer.

<root>/ingest/sha256-<hex>           as long as the blob will be, with holes
<root>/ingest/sha256-<hex>.ranges    `START END` a line: bytes that are written, END not among them

A range is journalled after its bytes are written, so that kill -9 loses what was not, and nothing else. A
power cut may leave lines without their bytes; the digest finds that out, as it finds all else.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from bronzewillow.host.files import sync_file, sync_folder
from runtime.content.blobs import Blobs
from runtime.content.disk import as_store_error, check_room
from runtime.content.errors import DigestMismatch, IngestBusy
from runtime.images.digest import parse_digest

Range = tuple[int, int]
_JOURNAL_SUFFIX = ".ranges"


class Ingest:
    """The only writer of one blob. Close it, committed or not."""

    def __init__(self, blobs: Blobs, digest: str, size: int) -> None:
        """IngestBusy when another writer has it; StoreError when the disk has no room."""
        self.digest, self.size = parse_digest(digest), size
        self._final = blobs.path(digest)
        self._path = _path(blobs, digest)
        self._journal_path = self._path.with_name(f"{self._path.name}{_JOURNAL_SUFFIX}")
        with as_store_error(self._path):
            self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                self._lock()
                self._journal = os.open(
                    self._journal_path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600
                )
            except BaseException:
                os.close(self._file)
                raise
        try:
            self._finished = self._read_journal()
            if not self._finished:
                self.drop()  # lines that mean nothing now could mean something when the file has grown
            self._check_room()
        except BaseException:
            self.close()
            raise

    @property
    def finished(self) -> tuple[Range, ...]:
        """What is here, sorted; no two touch."""
        return tuple(self._finished)

    def missing(self) -> Iterator[Range]:
        """What is not, in order."""
        at = 0
        for start, end in self._finished:
            if at < start:
                yield at, start
            at = end
        if at < self.size:
            yield at, self.size

    def write(self, offset: int, chunks: Sequence[bytes]) -> None:
        """Put `chunks` there, one after another, and note it. StoreError. From one thread at a time."""
        at = offset
        with as_store_error(self._path):
            for chunk in chunks:
                view = memoryview(chunk)
                while view:
                    count = os.pwrite(self._file, view, at)
                    view, at = view[count:], at + count
            os.write(self._journal, b"%d %d\n" % (offset, at))
        self._finished = _merged([*self._finished, (offset, at)])

    def read(self, offset: int, count: int) -> bytes:
        """What was written there. StoreError."""
        with as_store_error(self._path):
            return os.pread(self._file, count, offset)

    def commit(self, found: str) -> None:
        """The blob is whole, and its digest is `found`. DigestMismatch forgets all of it."""
        if found != self.digest:
            self.drop()
            raise DigestMismatch(f"blob {self.digest}: what came is {found}")
        with as_store_error(self._path):
            os.ftruncate(self._file, self.size)
            os.fchmod(self._file, 0o444)
            sync_file(self._file)
            self._path.replace(self._final)
            sync_folder(self._final.parent)
            self._journal_path.unlink(missing_ok=True)

    def drop(self) -> None:
        """Begin anew: nothing of it is here."""
        with as_store_error(self._path):
            os.ftruncate(self._journal, 0)
            os.ftruncate(self._file, 0)
        self._finished = []

    def close(self) -> None:
        """Let others go on."""
        os.close(self._journal)
        os.close(self._file)

    def _lock(self) -> None:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise IngestBusy(f"blob {self.digest} is being written by somebody else") from None
        try:
            is_ours = self._path.stat().st_ino == os.fstat(self._file).st_ino
        except FileNotFoundError:
            is_ours = False
        if not is_ours:  # it became a blob between our open and our lock
            raise IngestBusy(f"blob {self.digest} was just written by somebody else")

    def _read_journal(self) -> list[Range]:
        with as_store_error(self._journal_path):
            raw = os.pread(self._journal, os.fstat(self._journal).st_size, 0)
            there = os.fstat(self._file).st_size
        ranges = []
        whole, newline, _ = raw.rpartition(b"\n")  # a last line may be torn
        for line in whole.split(b"\n") if newline else ():
            numbers = line.split(b" ")
            if len(numbers) != 2 or not all(number.isdigit() and len(number) < 20 for number in numbers):
                return []
            start, end = map(int, numbers)
            if not start < end <= min(self.size, there):
                return []
            ranges.append((start, end))
        return _merged(ranges)

    def _check_room(self) -> None:
        needed = sum(end - start for start, end in self.missing())
        check_room(self._path.parent, needed, f"blob {self.digest}")


def lacking_bytes(blobs: Blobs, digest: str, size: int) -> int:
    """What of a blob would still have to be written, about."""
    if blobs.has(digest):
        return 0
    try:
        return max(0, size - _path(blobs, digest).stat().st_blocks * 512)
    except OSError:
        return size


def remove_abandoned(folder: Path, before: float) -> int:
    """Remove what dead writers have left in the folder of ingests since before `before`; its bytes."""
    freed = 0
    for path in folder.iterdir():
        data = path.with_name(path.name.removesuffix(_JOURNAL_SUFFIX))
        try:
            if path != data and not data.exists():
                path.unlink()  # its writer was killed after the very last step but this
            elif path == data and (found := path.stat()).st_ctime <= before and _remove_unlocked(path):
                freed += min(found.st_size, found.st_blocks * 512)
        except FileNotFoundError:
            continue  # its writer has just finished
    return freed


def _remove_unlocked(path: Path) -> bool:
    """Remove a file that nobody writes, with its journal; while it is locked nobody begins to."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        path.unlink()
        path.with_name(f"{path.name}{_JOURNAL_SUFFIX}").unlink(missing_ok=True)
    except BlockingIOError:
        return False
    finally:
        os.close(descriptor)
    return True


def _path(blobs: Blobs, digest: str) -> Path:
    return blobs.ingest / digest.replace(":", "-")


def _merged(ranges: list[Range]) -> list[Range]:
    merged: list[Range] = []
    for start, end in sorted(ranges):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged
