"""Images that nobody uses, when the disk fills up."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import grpc

from bronzewillow.testing.aio import run
from kubelet.model.decision import PodEvent
from kubelet.pods.image_collection import Disk, ImageCollection
from kubelet.provider.errors import RuntimeRefusal
from runtime.api import cri_pb2 as api

MINUTE = 60_000_000


class Runtime:
    def __init__(self) -> None:
        self.on_remove: Callable[[], Awaitable[object]] | None = None
        self.here = {
            name: api.Image(id=name, size=30) for name in ("used", "old", "older", "pinned", "stuck")
        }
        self.here["pinned"].pinned = True
        self.used = ["used"]

    async def images(self) -> list[api.Image]:
        return list(self.here.values())

    async def containers(self, uid: str = "") -> list[api.Container]:
        return [api.Container(id=name, image_ref=name) for name in self.used]

    async def remove_image(self, name: str) -> None:
        if name == "stuck":
            raise RuntimeRefusal("in use", grpc.StatusCode.FAILED_PRECONDITION)
        del self.here[name]
        if self.on_remove is not None:
            await self.on_remove()


class Rig:
    def __init__(self) -> None:
        self.runtime, self.time = Runtime(), 0
        self.disk = Disk(1000, 500)
        self.events: list[PodEvent] = []
        self.collection = ImageCollection(
            self.runtime, lambda: self.disk, lambda: self.time, self.events.append
        )

    def look(self, minute: int, *used: str) -> None:
        self.time, self.runtime.used = minute * MINUTE, list(used)
        run(self.collection.detect())


def test_nothing_goes_while_there_is_room() -> None:
    rig = Rig()
    rig.look(0)
    rig.time = 60 * MINUTE
    run(rig.collection.collect())
    assert len(rig.runtime.here) == 5
    assert rig.events == []


def test_somebody_may_look_while_images_go() -> None:
    rig = Rig()
    rig.look(0)
    rig.look(10)
    rig.runtime.on_remove = rig.collection.detect
    run(rig.collection.free_all())
    assert set(rig.runtime.here) == {"pinned", "stuck"}
    assert {image.id for image in rig.collection.images} == {"pinned", "stuck"}


def test_the_longest_unused_go_first() -> None:
    rig = Rig()
    rig.look(0, "used", "old", "stuck")
    rig.look(10, "used", "old")
    rig.look(20, "used")
    rig.disk = Disk(1000, 150)
    run(rig.collection.collect())
    assert set(rig.runtime.here) == {"used", "old", "pinned", "stuck"}  # one of them could not be removed
    assert [(one.reason, one.message) for one in rig.events] == [
        (
            "FreeDiskSpaceFailed",
            "Failed to garbage collect required amount of images. Attempted to free 50 bytes, but only found "
            "30 bytes eligible to free.",
        )
    ]


def test_what_is_here_can_be_asked_for() -> None:
    rig = Rig()
    rig.look(0)
    assert {one.id for one in rig.collection.images} == set(rig.runtime.here)


def test_all_that_nobody_uses_can_go() -> None:
    rig = Rig()
    rig.look(0, "used")
    rig.look(10, "used")
    run(rig.collection.free_all())
    assert set(rig.runtime.here) == {"used", "pinned", "stuck"}
