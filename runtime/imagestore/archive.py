"""Images as one file: a tar of an OCI image layout.

Source: OCI image specification, image-layout.md. Tools for OCI layouts read its manifest and its blobs; those
that insist on layers of file systems, as skopeo does to copy, refuse any model.
"""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, BinaryIO, cast

from runtime.content.disk import check_room
from runtime.content.errors import DigestMismatch
from runtime.content.names import REF_NAME
from runtime.images.digest import parse_digest
from runtime.images.errors import ImageError, InvalidDigest, InvalidManifest
from runtime.images.manifest import LONGEST_BYTES, Descriptor, Index, our_platforms, parse_manifest
from runtime.images.media_types import OCI_INDEX
from runtime.images.model_image import LONGEST_TEXT, read_model_image
from runtime.images.reference import Reference, parse_reference
from runtime.imagestore.errors import ArchiveError
from runtime.imagestore.store import ImageStore, StoredImage
from runtime.imagestore.tar import open_tar

_LAYOUT = b'{"imageLayoutVersion":"1.0.0"}'
_CONTAINERD_NAME = "io.containerd.image.name"
_BLOCK = 1 << 20


def save(store: ImageStore, images: Sequence[StoredImage], target: BinaryIO) -> None:
    """Write the images to `target`, each blob once. StoreError, OSError."""
    with tarfile.open(fileobj=target, mode="w|") as tar:
        _add(tar, "oci-layout", _LAYOUT)
        manifests = [
            image.descriptor.to_json()
            | {"annotations": {REF_NAME: image.reference.tag or "", _CONTAINERD_NAME: str(image.reference)}}
            for image in images
        ]
        document = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": manifests}
        _add(tar, "index.json", json.dumps(document).encode())
        written: set[str] = set()
        for image in images:
            for blob in (image.descriptor, *image.manifest.blobs):
                if blob.digest not in written:
                    written.add(blob.digest)
                    _add_blob(tar, store, blob)


def load(store: ImageStore, source: BinaryIO, name: Reference | None = None) -> list[StoredImage]:
    """Bring in what `source` holds, a tar in any order; `name` is for an image without one.

    ArchiveError, StoreError.
    """
    raw = b""
    with open_tar(source, ArchiveError) as files:
        for member, file in files:
            path = member.name.removeprefix("./")
            if path == "index.json":
                raw = file.read(LONGEST_BYTES + 1)
            elif path.startswith("blobs/"):
                _load_blob(store, path, member.size, _blocks(file))
    if not raw:
        raise ArchiveError("has no index.json: is no OCI image layout")
    return [_name(store, one, name) for one in _index(raw).manifests]


@contextmanager
def opened(path: str, mode: str, standard: BinaryIO) -> Iterator[BinaryIO]:
    """The file at `path`, or the standard stream for `-`. ArchiveError."""
    if path == "-":
        yield standard
        return
    try:
        with Path(path).open(mode) as file:
            yield cast(BinaryIO, file)
    except OSError as error:
        raise ArchiveError(f"{path}: {error.strerror or error}") from None


def _index(raw: bytes) -> Index:
    try:
        index = parse_manifest(raw, OCI_INDEX)
    except InvalidManifest as error:
        raise ArchiveError(f"index.json: {error}") from None
    if not isinstance(index, Index) or not index.manifests:
        raise ArchiveError("index.json: names no image")
    return index


def _name(store: ImageStore, descriptor: Descriptor, given: Reference | None) -> StoredImage:
    text = descriptor.annotations.get(_CONTAINERD_NAME) or descriptor.annotations.get(REF_NAME, "")
    try:
        reference = given or parse_reference(text)
    except ImageError:
        raise ArchiveError(f"image {descriptor.digest}: has no name; give it one with --name") from None
    chosen = _image_of(store, descriptor)
    store.name(reference, chosen)
    return store.get(str(reference))


def _image_of(store: ImageStore, descriptor: Descriptor) -> Descriptor:
    """A model's image: itself, or that of an index, as BuildKit writes one into its layouts."""
    try:
        found = store.content.manifest(descriptor.digest)
        if isinstance(found, Index):
            found = store.content.manifest(found.choose(our_platforms()).digest)
    except InvalidManifest as error:
        raise ArchiveError(f"image {descriptor.digest}: {error}") from None
    if isinstance(found, Index):
        raise ArchiveError(f"image {descriptor.digest}: an index within an index")
    read_model_image(found, store.content.blobs.read(found.config.digest, LONGEST_TEXT))
    return found.descriptor


def _blocks(file: IO[bytes]) -> Iterator[bytes]:
    while block := file.read(_BLOCK):
        yield block


def _add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size, info.mode = len(data), 0o644
    tar.addfile(info, io.BytesIO(data))


def _add_blob(tar: tarfile.TarFile, store: ImageStore, blob: Descriptor) -> None:
    info = tarfile.TarInfo(f"blobs/{blob.digest.replace(':', '/')}")
    info.size, info.mode = blob.size, 0o644
    with store.content.blobs.open(blob.digest) as file:
        tar.addfile(info, file)


def _load_blob(store: ImageStore, path: str, size: int, chunks: Iterator[bytes]) -> None:
    try:
        digest = parse_digest(path.removeprefix("blobs/").replace("/", ":", 1))
    except InvalidDigest as error:
        raise ArchiveError(f"{path}: {error}") from None
    check_room(store.content.root, size, f"the archive's {path[:80]}")
    try:
        store.content.blobs.write_stream(chunks, digest, size)
    except DigestMismatch as error:
        raise ArchiveError(f"{path}: {error}") from None
