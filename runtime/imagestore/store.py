"""What images are here, by name; each can be shown as a folder without a copy.

<root>/content/      the content store
<root>/snapshots/    the snapshotter; an image's committed snapshot has the digest of its manifest as its name
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from runtime.content import ContentStore
from runtime.content.disk import as_store_error
from runtime.content.errors import CorruptBlob, DiskFull, StoreError, UnknownBlob, UnknownName
from runtime.content.store import Pruned
from runtime.images.errors import ImageError
from runtime.images.manifest import Descriptor, Index, Manifest
from runtime.images.model_image import LONGEST_TEXT, WEIGHTS, ModelImage, Part, read_model_image
from runtime.images.reference import Reference, parse_reference
from runtime.imagestore.untar import extract
from runtime.snapshots.errors import AlreadyExists, FailedPrecondition, NotFound, SnapshotError
from runtime.snapshots.snapshotter import Snapshotter

USED_BY = "bronzewillow.used-by"
"""A label of a snapshot that stands on an image's: for whom, in words."""
SERVED_BY_HAND = "`runm serve`"
_SHORTEST_ID = 4
_ID_DIGITS = 12


@dataclass(frozen=True, slots=True)
class StoredImage:
    """One name, and what it means."""

    reference: Reference
    descriptor: Descriptor
    manifest: Manifest
    modified: datetime
    """When it came here."""

    @property
    def id(self) -> str:
        """Enough of the digest for people."""
        return self.descriptor.digest.partition(":")[2][:_ID_DIGITS]

    @property
    def size_bytes(self) -> int:
        """Of all blobs; what other images share is in it."""
        return sum(blob.size for blob in self.manifest.blobs)


class ImageStore:
    """All images below one root, for any number of processes."""

    def __init__(self, root: Path) -> None:
        """StoreError when the root cannot be used."""
        self.content = ContentStore(root / "content")
        self.snapshots = Snapshotter(root / "snapshots")

    # ---- asking

    def images(self, lost: Callable[[str], object] = lambda name: None) -> Iterator[StoredImage]:
        """All whose manifest can be read, by name; `lost` hears the names of the others."""
        for name, descriptor in sorted(self.content.names.all().items()):
            try:
                yield self._stored(parse_reference(name), descriptor)
            except (StoreError, ImageError):
                lost(name)  # `verify` says what is wrong with it

    def get(self, text: str) -> StoredImage:
        """By name, or by the first digits of an id. UnknownName, InvalidReference, StoreError."""
        return self._stored(*self.find(text))

    def find(self, text: str) -> tuple[Reference, Descriptor]:
        """The same of an image of which perhaps hardly more than the name is left."""
        reference = parse_reference(text)
        names = self.content.names.all()
        for name in (str(reference), reference.name + f"@{reference.digest}"):
            if name in names:
                return reference, names[name]
        if len(text) >= _SHORTEST_ID and all(digit in "0123456789abcdef" for digit in text):
            ids = {one.digest for one in names.values() if one.digest.partition(":")[2].startswith(text)}
            if len(ids) > 1:
                raise UnknownName(f"image {text}: {len(ids)} images have ids that begin so; give more digits")
            for name, descriptor in sorted(names.items()):
                if descriptor.digest in ids:
                    return parse_reference(name), descriptor
        raise UnknownName(f"image {reference.familiar} is not here; `runm list` shows those that are")

    def model_image(self, image: StoredImage) -> ModelImage:
        """What of it is served. UnservableImage, StoreError."""
        config = self.content.blobs.read(image.manifest.config.digest, LONGEST_TEXT)
        return read_model_image(image.manifest, config)

    def text(self, part: Part) -> str:
        """A small part. StoreError."""
        raw = self.content.blobs.read(part.descriptor.digest, LONGEST_TEXT)
        return raw.decode(errors="replace")

    def users(self, digest: str) -> list[str]:
        """The containers that stand on an image, in words; last, who serves it by hand."""
        standing = (one for one in self.snapshots.walk() if one.parent == digest)
        users = sorted(one.labels.get(USED_BY) or f"container {one.name[:_ID_DIGITS]}" for one in standing)
        return [*users, SERVED_BY_HAND] if self.snapshots.is_held(digest) else users

    # ---- changing

    def name(self, reference: Reference, descriptor: Descriptor) -> None:
        """Give a manifest that is here a name."""
        self.content.name(str(reference), descriptor)

    def remove(self, image: StoredImage) -> Pruned:
        """Take the name away, and what only it kept; what is being served stays until its end."""
        return self.remove_name(image.reference, image.descriptor)

    def remove_name(self, reference: Reference, descriptor: Descriptor) -> Pruned:
        """The same of what `find` has found."""
        name = str(reference)
        try:
            self.content.names.remove(name)
            freed = Pruned()
        except DiskFull:  # the list of names needs room: what goes anyway goes first
            freed = self._release(descriptor, losing=name)
            self.content.names.remove(name)
        rest = self._release(descriptor)
        return Pruned(freed.blobs + rest.blobs, freed.size_bytes + rest.size_bytes)

    def prune(self, grace_s: float = 3600.0) -> Pruned:
        """Remove what no image needs and nobody has written in the last `grace_s` seconds."""
        kept = {one.digest for one in self.content.names.all().values()}
        for info in list(self.snapshots.walk()):
            age_s = (datetime.now(UTC) - info.created).total_seconds()
            is_ours = info.name.startswith((_UNPACK, "sha256:"))
            if is_ours and info.name not in kept and age_s >= grace_s:
                self._forget_snapshot(info.name)
        return self.content.prune(grace_s)

    # ---- serving

    def unpack(self, image: StoredImage) -> str:
        """The name of the committed snapshot that shows it; made when it is not there yet, mended when its
        files are no longer those of the store. CorruptBlob, UnknownBlob, StoreError.
        """
        name = image.descriptor.digest
        parts = self.model_image(image).parts
        try:
            self._show(image, parts, self.snapshots.tree(name))
            return name
        except NotFound:
            pass
        key = f"{_UNPACK}{uuid.uuid4().hex}"
        self.snapshots.prepare(key)
        try:
            self._show(image, parts, self.snapshots.tree(key))
            self.snapshots.commit(name, key)
        except AlreadyExists:
            self.snapshots.remove(key)
        except BaseException:
            self.snapshots.remove(key)
            raise
        return name

    def folder(self, image: StoredImage) -> Path:
        """It as a folder, for reading: see docs/runm.md for the files."""
        return self.snapshots.tree(self.unpack(image))

    @contextmanager
    def served(self, image: StoredImage) -> Iterator[Path]:
        """The same, which stays meanwhile whoever removes the image, and makes this process its user. Of an
        image that has been removed the last user takes it away.
        """
        name = self.unpack(image)
        try:
            with self.snapshots.held(name) as folder:
                yield folder
        finally:
            with suppress(StoreError, SnapshotError):  # then the next prune
                if all(one.digest != name for one in self.content.names.all().values()):
                    self._forget_snapshot(name)

    # ---- inside

    def _release(self, descriptor: Descriptor, losing: str = "") -> Pruned:
        others = (one for name, one in self.content.names.all().items() if name != losing)
        if all(one.digest != descriptor.digest for one in others):
            self._forget_snapshot(descriptor.digest)
        return self.content.release(descriptor, losing)

    def _stored(self, reference: Reference, descriptor: Descriptor) -> StoredImage:
        manifest = self.content.manifest(descriptor.digest)
        if isinstance(manifest, Index):
            raise StoreError(f"image {reference.familiar}: is an index of images")
        modified = self.content.blobs.path(descriptor.digest).stat().st_mtime
        return StoredImage(reference, descriptor, manifest, datetime.fromtimestamp(modified, UTC))

    def _show(self, image: StoredImage, parts: Sequence[Part], folder: Path) -> None:
        """See to it that `folder` has all parts, as the store has them now: a blob that was found corrupt
        and came again is another file.
        """
        for part in parts:
            try:
                self._check(part)
                if not self._is_shown(part, folder / part.file_name):
                    self._put(part, folder / part.file_name)
            except (UnknownBlob, CorruptBlob) as error:
                raise type(error)(f"{error}; {image.reference.cure}") from None

    def _check(self, part: Part) -> None:
        """As far as can be at each start: small parts whole, of large ones the size."""
        blobs, digest = self.content.blobs, part.descriptor.digest
        if blobs.size(digest) != part.descriptor.size:
            blobs.check(digest)
        elif part.role not in WEIGHTS:
            blobs.read(digest, LONGEST_TEXT)

    def _is_shown(self, part: Part, target: Path) -> bool:
        blob = self.content.blobs.path(part.descriptor.digest)
        try:
            if part.member is None:
                return target.samefile(blob)
            return target.stat().st_mtime >= blob.stat().st_mtime
        except FileNotFoundError:
            return False

    def _put(self, part: Part, target: Path) -> None:
        """By a rename, as others may read the folder; on its way the file is what `prune` knows."""
        blobs, digest = self.content.blobs, part.descriptor.digest
        made = blobs.ingest / uuid.uuid4().hex
        with as_store_error(target):
            try:
                if part.member is None:
                    _link(blobs.path(digest), made)
                else:
                    with blobs.open(digest) as archive:
                        extract(archive, part.member, made)
                made.replace(target)
            finally:
                made.unlink(missing_ok=True)

    def _forget_snapshot(self, name: str) -> None:
        try:
            self.snapshots.remove(name)
        except (NotFound, FailedPrecondition):
            return  # not unpacked, or somebody uses it: then the next prune


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError as error:
        raise StoreError(
            f"{target}: {error.strerror}; images are shown by hard links, which the file system must have"
        ) from None


_UNPACK = "unpack-"
