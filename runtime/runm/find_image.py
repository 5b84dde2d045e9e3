"""An image by its name: here, or from its registry."""

from __future__ import annotations

from runtime.content.errors import UnknownName
from runtime.images.manifest import Manifest
from runtime.images.model_image import read_model_image
from runtime.images.reference import parse_reference
from runtime.imagestore import ImageStore, StoredImage
from runtime.registry.client import ClientConfig, RegistryClient, registry_client
from runtime.registry.pull import pull
from runtime.runm.transfer_progress import shown_progress


async def pull_shown(client: RegistryClient, store: ImageStore, text: str) -> StoredImage:
    """Pull the image named `text`, refuse it early when nothing here can serve it, show how it goes."""
    reference = parse_reference(text)
    with shown_progress("pulling") as progress:
        await pull(client, store.content, reference, progress, _check)
    return store.get(str(reference))


async def find_or_pull(store: ImageStore, text: str, config: ClientConfig) -> StoredImage:
    """The image that is here, else that of its registry."""
    try:
        return store.get(text)
    except UnknownName:
        if not parse_reference(text).registry:
            raise
    async with registry_client(config) as client:
        return await pull_shown(client, store, text)


def _check(manifest: Manifest, config: bytes) -> None:
    read_model_image(manifest, config)
