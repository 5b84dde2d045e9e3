"""Images that nobody uses go when their disk fills up: what is seen of them, and what `model.image_gc`
says."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from kubelet.model.decision import EventType, PodEvent
from kubelet.model.image_gc import ImageUse, excess_bytes, images_to_remove, unused_images
from kubelet.provider.errors import RuntimeRefusal
from runtime.api import cri_pb2 as api

DETECT_S = 60.0
"""Between looks: what is used for less is not known to have been used."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Disk:
    """The one that images are on."""

    capacity_bytes: int
    available_bytes: int


class Runtime(Protocol):
    """The part of `RuntimeClient` that is needed."""

    async def images(self) -> list[api.Image]:
        """All images."""

    async def containers(self, uid: str = "") -> list[api.Container]:
        """All containers, or those of one pod."""

    async def remove_image(self, name: str) -> None:
        """With all of its names."""


class ImageCollection:
    """Removes images that nobody uses when the disk is full."""

    def __init__(
        self,
        runtime: Runtime,
        disk: Callable[[], Disk],
        now: Callable[[], int],
        tell: Callable[[PodEvent], None],
    ) -> None:
        """`tell` records an event of the Node."""
        self._runtime, self._disk, self._now, self._tell = runtime, disk, now, tell
        self._uses: dict[str, ImageUse] = {}
        self._images: list[api.Image] = []

    @property
    def images(self) -> list[api.Image]:
        """As of the last look."""
        return self._images

    async def detect(self) -> set[str]:
        """Look at what there is; the ids of what is in use. RuntimeRefusal."""
        used = {ref for one in await self._runtime.containers() for ref in (one.image_ref, one.image_id)}
        now = self._now()
        self._images = await self._runtime.images()
        uses = {}
        for image in self._images:
            known = self._uses.get(image.id)
            last_used = now if image.id in used or known is None else known.last_used
            uses[image.id] = ImageUse(image.id, image.size, known.detected if known else now, last_used)
        self._uses = uses
        pinned = {image.id for image in self._images if image.pinned}
        return used | pinned

    async def collect(self) -> None:
        """Free what is to be freed. RuntimeRefusal."""
        kept, disk = await self.detect(), self._disk()
        chosen = images_to_remove(
            self._uses.values(), frozenset(kept), disk.capacity_bytes, disk.available_bytes, self._now()
        )
        freed = await self._remove(chosen)
        excess = excess_bytes(disk.capacity_bytes, disk.available_bytes)
        if freed < excess:
            message = (
                f"Failed to garbage collect required amount of images. Attempted to free {excess} bytes, but "
                f"only found {freed} bytes eligible to free."
            )
            self._tell(PodEvent(EventType.WARNING, "FreeDiskSpaceFailed", message))

    async def free_all(self) -> None:
        """Remove all that nobody uses. RuntimeRefusal."""
        kept = await self.detect()
        await self._remove(unused_images(self._uses.values(), frozenset(kept), self._now()))

    async def _remove(self, chosen: Sequence[ImageUse]) -> int:
        """How many bytes they had."""
        freed = 0
        for image in chosen:
            try:
                await self._runtime.remove_image(image.id)
            except RuntimeRefusal as refused:
                _log.warning("image %s is not removed: %s", image.id, refused)
                continue
            self._uses.pop(image.id, None)  # another look has seen it gone, perhaps
            freed += image.size_bytes
            _log.info("image %s was unused and is removed", image.id)
        return freed
