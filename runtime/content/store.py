"""Blobs and names together: what is kept, what is checked, what may go."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bronzewillow.host.files import locked, replace_file
from bronzewillow.host.paths import make_private
from runtime.content.blobs import Blobs
from runtime.content.disk import as_store_error
from runtime.content.errors import CorruptBlob, StoreError, UnknownBlob
from runtime.content.ingest import remove_abandoned
from runtime.content.names import Names
from runtime.images.errors import InvalidManifest, InvalidReference
from runtime.images.manifest import LONGEST_BYTES, Descriptor, Index, Manifest, parse_manifest
from runtime.images.reference import parse_reference

_LAYOUT = b'{"imageLayoutVersion":"1.0.0"}'


@dataclass(frozen=True, slots=True)
class Pruned:
    """What `prune` removed."""

    blobs: int = 0
    size_bytes: int = 0


class ContentStore:
    """One root folder, for any number of processes."""

    def __init__(self, root: Path) -> None:
        """Makes what is missing. StoreError."""
        self.root = root
        self.blobs = Blobs(root)
        self.names = Names(root)
        with as_store_error(root):
            make_private(root)
            (root / "blobs").mkdir(mode=0o700, exist_ok=True)  # mkdir gives parents no mode
            for folder in self.blobs.folders():
                folder.mkdir(mode=0o700, exist_ok=True)
            if not (root / "oci-layout").exists():
                replace_file(root / "oci-layout", _LAYOUT)

    def manifest(self, digest: str) -> Manifest | Index:
        """A manifest or index that is here, checked. UnknownBlob, CorruptBlob, StoreError."""
        try:
            return parse_manifest(self.blobs.read(digest, LONGEST_BYTES))
        except InvalidManifest as error:
            raise StoreError(f"manifest {digest}: {error}") from None

    def write_manifest(self, raw: bytes, content_type: str = "") -> Descriptor:
        """Store a manifest whose blobs are here. InvalidManifest."""
        manifest = parse_manifest(raw, content_type)
        self.blobs.write(raw)
        return Descriptor(manifest.media_type, manifest.digest, len(raw))

    def name(self, name: str, descriptor: Descriptor) -> None:
        """Name an image that is whole; UnknownBlob when somebody removed a part of it meanwhile."""

        def check(descriptor: Descriptor) -> None:
            for digest in self._below(descriptor.digest, set()):
                self.blobs.size(digest)

        self.names.set(name, descriptor, check)

    def release(self, descriptor: Descriptor, losing: str = "") -> Pruned:
        """Remove what was kept by an image that has lost its name, and by no other. While it is `losing` its
        name, its manifest stays: that tells of the rest.
        """
        blobs = size = 0
        with as_store_error(self.root), locked(self.root / "lock"):
            kept = self.reachable(losing) | ({descriptor.digest} if losing else set())
            for digest in set(self._below(descriptor.digest, set())) - kept:
                if self.blobs.has(digest):
                    size += self.blobs.remove(digest)
                    blobs += 1
        return Pruned(blobs, size)

    def reachable(self, but: str = "") -> set[str]:
        """The digests that names lead to, whether they are here or not; all names `but` one."""
        found: set[str] = set()
        for name, descriptor in self.names.all().items():
            if name != but:
                found.update(self._below(descriptor.digest, found))
        return found

    def verify(self) -> list[str]:
        """Read everything; a line for each corrupt blob, now put aside, and each that a name misses."""
        problems = []
        for digest in self.blobs:
            try:
                self.blobs.check(digest)
            except CorruptBlob as error:
                problems.append(str(error))
        for name, descriptor in self.names.all().items():
            missing = [one for one in self._below(descriptor.digest, set()) if not self.blobs.has(one)]
            problems += [f"image {name}: blob {digest} is missing; {_cure(name)}" for digest in missing]
        return problems

    def prune(self, grace_s: float = 3600.0) -> Pruned:
        """Remove what no name leads to and nobody has written in the last `grace_s` seconds.

        The grace is for those who write blobs first and their name last.
        """
        before = time.time() - grace_s
        blobs = size = 0
        with as_store_error(self.root), locked(self.root / "lock"):
            kept = self.reachable()
            for digest in list(self.blobs):
                if digest not in kept and self.blobs.path(digest).stat().st_mtime <= before:
                    size += self.blobs.remove(digest)
                    blobs += 1
            size += remove_abandoned(self.blobs.ingest, before)
            for path in itertools.chain(self.root.glob("*.new"), (self.root / "quarantine").iterdir()):
                if path.is_file() and path.stat().st_mtime <= before:
                    size += path.stat().st_size
                    path.unlink()
        return Pruned(blobs, size)

    def _below(self, digest: str, seen: set[str]) -> Iterator[str]:
        """`digest` and all that the manifest or index of it names."""
        if digest in seen:
            return
        yield digest
        try:
            found = self.manifest(digest)
        except (UnknownBlob, CorruptBlob):
            return
        if isinstance(found, Index):
            for one in found.manifests:
                yield from self._below(one.digest, seen | {digest})
        else:
            yield from (one.digest for one in found.blobs)


def _cure(name: str) -> str:
    try:
        return parse_reference(name).cure
    except InvalidReference:  # a name that others wrote
        return "bring it here again"
