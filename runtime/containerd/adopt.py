"""Making an image fit for a stock containerd: a snapshot for each layer, by the name containerd gives it.

Then nothing is left to be unpacked, which containerd could not do: it takes layers for tar archives. Files
are linked from containerd's content store where they can be, so that a model is on the disk once.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from runtime.api.images_pb2 import Descriptor
from runtime.containerd.adapted import Adapted, adapt, digest_of, this_platform
from runtime.containerd.client import Containerd
from runtime.containerd.errors import ContainerdError, NotAdoptable
from runtime.images.manifest import Index, parse_manifest
from runtime.images.model_image import Part, read_model_image
from runtime.imagestore.untar import extract

_LONGEST_TEXT = 4 << 20
_GC = "containerd.io/gc.ref."
_ORIGIN = "bronzewillow.io/adopted-from"


@dataclass(frozen=True, slots=True)
class Adopted:
    """What `adopt` did."""

    digest: str
    """Of the manifest that the name now stands for."""
    layers: int
    warnings: tuple[str, ...]


async def adopt(containerd: Containerd, name: str, snapshotter: str, blobs: Path) -> Adopted:
    """So that `ctr run --snapshotter` serves the image; doing it again changes nothing.

    `blobs`: the folder of containerd's blobs, from which files are linked if it is on the snapshotter's file
    system. ContainerdError, NotAdoptable, UnservableImage, OSError.
    """
    image = await containerd.image(name)
    raw = await containerd.read(image.target.digest, _LONGEST_TEXT)
    manifest = parse_manifest(raw, image.target.media_type)
    if isinstance(manifest, Index):
        raise NotAdoptable(f"{name} is an index of images; adopt the model's own image by its digest")
    config = await containerd.read(manifest.config.digest, _LONGEST_TEXT)
    model = read_model_image(manifest, config)
    adapted = adapt(raw, config, *this_platform())
    async with containerd.leased():
        parent = ""
        for layer, chain_id in zip(manifest.layers, adapted.chain_ids, strict=True):
            if not await containerd.has_snapshot(snapshotter, chain_id):
                parts = [part for part in model.parts if part.descriptor.digest == layer.digest]
                await _Layer(containerd, snapshotter, blobs).show(parts, chain_id, parent)
            parent = chain_id
        labels = {f"{_GC}snapshot.{snapshotter}": parent}
        if adapted.manifest == raw:
            await containerd.label(manifest.config.digest, labels)
        else:
            await _write(containerd, adapted, [layer.digest for layer in manifest.layers], labels)
            origin = image.target.digest
            image.target.CopyFrom(
                Descriptor(
                    media_type=image.target.media_type,
                    digest=digest_of(adapted.manifest),
                    size=len(adapted.manifest),
                )
            )
            await containerd.retarget(image, {_ORIGIN: origin})
    return Adopted(image.target.digest, len(manifest.layers), model.warnings)


async def _write(
    containerd: Containerd, adapted: Adapted, layers: Sequence[str], labels: dict[str, str]
) -> None:
    await containerd.write(adapted.config, labels)
    kept = {f"{_GC}content.l.{number}": digest for number, digest in enumerate(layers)}
    await containerd.write(adapted.manifest, {f"{_GC}content.config": digest_of(adapted.config)} | kept)


@dataclass(frozen=True, slots=True)
class _Layer:
    """Making the snapshot of one."""

    containerd: Containerd
    snapshotter: str
    blobs: Path

    async def show(self, parts: Sequence[Part], chain_id: str, parent: str) -> None:
        key = f"adopt-{uuid.uuid4().hex}"
        folder = await self.containerd.prepare(self.snapshotter, key, parent)
        try:
            if not folder.is_dir():
                raise ContainerdError(
                    f"{folder}: cannot be seen from here; adopt on containerd's own machine"
                )
            for part in parts:
                await self._show(part, folder / part.file_name)
            await self.containerd.commit(self.snapshotter, chain_id, key)
        except BaseException:
            await self.containerd.remove(self.snapshotter, key)
            raise

    async def _show(self, part: Part, target: Path) -> None:
        async with self._file(part.descriptor.digest, target) as source:
            if part.member is not None:
                with source.open("rb") as archive:
                    extract(archive, part.member, target)
            else:
                _link(source, target)

    @asynccontextmanager
    async def _file(self, digest: str, target: Path) -> AsyncIterator[Path]:
        """The blob as a file: containerd's own, or a copy that goes afterwards."""
        algorithm, _, digits = digest.partition(":")
        own = self.blobs / algorithm / digits
        if _is_near(own, target.parent):
            yield own
            return
        copy = target.with_name(f"{target.name}.part")
        try:
            with copy.open("xb") as file:
                async for data in self.containerd.blocks(digest):
                    file.write(data)
            yield copy
        finally:
            copy.unlink(missing_ok=True)


def _is_near(path: Path, folder: Path) -> bool:
    """Whether it can be read, and linked into `folder`."""
    return os.access(path, os.R_OK) and path.stat().st_dev == folder.stat().st_dev


def _link(source: Path, target: Path) -> None:
    if not target.exists():  # one layer may be in an image twice
        os.link(source, target)
