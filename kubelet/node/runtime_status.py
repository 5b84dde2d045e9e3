"""What the Node tells of the container runtime: whether it is ready, its images, whether pods run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from kubelet.model.node_facts import Image, Runtime
from kubelet.provider.errors import RuntimeRefusal
from kubelet.provider.readiness import Readiness
from runtime.api import cri_pb2 as api


class Calls(Protocol):
    """The part of CRI that is asked here. RuntimeRefusal."""

    async def images(self) -> list[api.Image]:
        """All images."""

    async def sandboxes(self) -> list[api.PodSandbox]:
        """All pods of the runtime."""


@dataclass(frozen=True, slots=True)
class RuntimeLook:
    """The runtime at one moment."""

    runtime: Runtime
    images: tuple[Image, ...] = ()
    pods: int = 0
    """That run."""


class RuntimeWatch:
    """Asks every time."""

    def __init__(self, calls: Calls, readiness: Readiness, now: Callable[[], int]) -> None:
        """`now` gives Instants."""
        self._calls, self._readiness, self._now = calls, readiness, now

    async def look(self) -> RuntimeLook:
        """Ask the runtime how it is now."""
        await self._readiness.ask(self._now())
        try:
            images = await self._calls.images()
            sandboxes = await self._calls.sandboxes()
        except RuntimeRefusal:
            return RuntimeLook(self._readiness.runtime(self._now()))
        ready = sum(one.state == api.PodSandboxState.SANDBOX_READY for one in sandboxes)
        return RuntimeLook(self._readiness.runtime(self._now()), tuple(map(image, images)), ready)


def image(one: api.Image) -> Image:
    """Digests first, as they name it for good."""
    return Image((*one.repo_digests, *one.repo_tags), one.size)
