"""Which images give way when the disk fills. k/k pkg/kubelet/images/image_gc_manager.go."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from kubelet.model.times import SECOND

PERIOD = 300 * SECOND
LEAST_AGE = 120 * SECOND
HIGH_PERCENT = 85
LOW_PERCENT = 80


@dataclass(frozen=True, slots=True)
class ImageUse:
    """An image on the disk, and when it was last used."""

    id: str
    size_bytes: int
    detected: int
    """Instant at which it was seen first."""
    last_used: int
    """Instant at which a container used it last; that of `detected`, if none has."""


def images_to_remove(
    images: Iterable[ImageUse], in_use: frozenset[str], capacity_bytes: int, available_bytes: int, now: int
) -> Sequence[ImageUse]:
    """Above 85 % of the disk, those used longest ago, down to 80 %; none in use, none younger than 2 min."""
    excess = excess_bytes(capacity_bytes, available_bytes)
    chosen = []
    for image in unused_images(images, in_use, now):
        if excess <= 0:
            break
        chosen.append(image)
        excess -= image.size_bytes
    return chosen


def excess_bytes(capacity_bytes: int, available_bytes: int) -> int:
    """What is to be freed."""
    used = capacity_bytes - available_bytes
    if capacity_bytes <= 0 or used * 100 < HIGH_PERCENT * capacity_bytes:
        return 0
    return used - capacity_bytes * LOW_PERCENT // 100


def unused_images(images: Iterable[ImageUse], in_use: frozenset[str], now: int) -> Sequence[ImageUse]:
    """All that may go, those used longest ago first. Under disk pressure they do, before a pod has to."""
    return [
        image
        for image in sorted(images, key=lambda one: (one.last_used, one.detected, one.id))
        if image.id not in in_use and now - image.detected >= LEAST_AGE and image.last_used <= now
    ]
