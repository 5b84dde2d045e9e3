"""An image from its registry into the store."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from bronzewillow.host.tasks import together
from runtime.content import ContentStore
from runtime.content.disk import check_room
from runtime.content.errors import UnknownBlob
from runtime.content.ingest import lacking_bytes
from runtime.images.errors import InvalidManifest
from runtime.images.manifest import Descriptor, Index, Manifest, our_platforms
from runtime.images.reference import Reference
from runtime.registry.client import RegistryClient
from runtime.registry.download import download
from runtime.registry.errors import BadAnswer, RegistryError
from runtime.registry.progress import Progress, Silent

_BLOBS_AT_ONCE = 4
_LONGEST_CONFIG = 4 << 20

CheckImage = Callable[[Manifest, bytes], None]


async def pull(
    client: RegistryClient,
    store: ContentStore,
    reference: Reference,
    progress: Progress | None = None,
    check: CheckImage | None = None,
) -> Descriptor:
    """Get an image and name it as it is named there; what is here already is not fetched.

    `check` sees the manifest and the configuration before anything large moves, and may raise.
    RegistryError, StoreError.
    """
    if not reference.registry:
        raise RegistryError(
            f"image {reference.familiar}: is not here and names no registry, such as "
            f"registry.example/{reference.familiar}"
        )
    shown = progress or Silent()
    manifest = await _manifest(client, reference)
    source = client.source(reference)
    if manifest.config.size > _LONGEST_CONFIG:
        raise BadAnswer(f"image {reference.familiar}: a configuration of {manifest.config.size:,} bytes")
    await download(source, store.blobs, manifest.config, Silent())
    if check is not None:
        check(manifest, store.blobs.read(manifest.config.digest, _LONGEST_CONFIG))
    lacking = sum(lacking_bytes(store.blobs, blob.digest, blob.size) for blob in manifest.blobs)
    check_room(store.root, lacking, f"image {reference.familiar}")
    turns = asyncio.Semaphore(_BLOBS_AT_ONCE)

    async def one(blob: Descriptor) -> None:
        async with turns:
            await download(source, store.blobs, blob, shown)

    layers = [blob for blob in manifest.blobs if blob.digest != manifest.config.digest]
    for is_last in (False, False, True):
        await together(*map(one, layers))
        descriptor = store.write_manifest(manifest.raw, manifest.media_type)
        try:
            store.name(str(reference), descriptor)
            break
        except UnknownBlob:  # somebody removed another image that had it
            if is_last:
                raise
            await download(source, store.blobs, manifest.config, Silent())
    return descriptor


async def _manifest(client: RegistryClient, reference: Reference) -> Manifest:
    found = await client.manifest(reference)
    if isinstance(found, Index):
        try:
            chosen = found.choose(our_platforms())
        except InvalidManifest as error:
            raise BadAnswer(f"image {reference}: {error}") from None
        found = await client.manifest(
            Reference(reference.registry, reference.repository, None, chosen.digest)
        )
    if isinstance(found, Index):
        raise BadAnswer(f"image {reference}: an index within an index")
    return found
