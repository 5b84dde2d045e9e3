"""An image from the store to its registry."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from bronzewillow.host.tasks import together
from runtime.content import ContentStore
from runtime.content.errors import StoreError
from runtime.images.errors import InvalidReference
from runtime.images.manifest import Descriptor, Index, Manifest
from runtime.images.reference import Reference, parse_reference
from runtime.registry.client import RegistryClient
from runtime.registry.errors import BadAnswer, RegistryError
from runtime.registry.progress import Progress, Silent
from runtime.registry.upload import CHUNK, upload

_BLOBS_AT_ONCE = 3
_MOST_MOUNTS = 3


async def push(
    client: RegistryClient,
    store: ContentStore,
    reference: Reference,
    progress: Progress | None = None,
    chunk_bytes: int = CHUNK,
) -> str:
    """Send the image of that name; the digest of its manifest. RegistryError, StoreError, UnknownName."""
    if not reference.registry:
        raise RegistryError(
            f"image {reference.familiar}: names no registry; tag it first, such as "
            f"registry.example/{reference.familiar}"
        )
    manifest = store.manifest(store.names.get(str(reference)).digest)
    if isinstance(manifest, Index):
        raise RegistryError(f"image {reference.familiar}: is an index, of which one image is here")
    target = client.target(reference)
    shown = progress or Silent()
    turns = asyncio.Semaphore(_BLOBS_AT_ONCE)

    async def one(blob: Descriptor) -> None:
        async with turns:
            mounts = _repositories_with(store, reference, blob.digest)
            try:
                await upload(target, store.blobs, blob, shown, mounts, chunk_bytes)
            except BadAnswer:  # perhaps it is ours that is bad
                await asyncio.to_thread(store.blobs.check, blob.digest)
                raise

    await together(*map(one, manifest.blobs))
    await client.put_manifest(reference, manifest)
    return manifest.digest


def _repositories_with(store: ContentStore, reference: Reference, digest: str) -> Sequence[str]:
    """Others of the same registry that, by what we know, have the blob."""
    found: dict[str, None] = {}
    for name, descriptor in store.names.all().items():
        try:
            other = parse_reference(name)
        except InvalidReference:
            continue
        if other.registry != reference.registry or other.repository == reference.repository:
            continue
        try:
            manifest = store.manifest(descriptor.digest)
        except StoreError:  # of another image; this one does not depend on it
            continue
        if isinstance(manifest, Manifest) and any(one.digest == digest for one in manifest.blobs):
            found[other.repository] = None
    return list(found)[:_MOST_MOUNTS]
