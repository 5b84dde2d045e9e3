"""What the container runtime says of itself, in the words that kubelets report it with."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from kubelet.model.node_facts import Image, Runtime
from kubelet.provider.errors import RuntimeRefusal
from runtime.api import cri_pb2 as api

_DOWN = "container runtime is down"


class RuntimeCalls(Protocol):
    """The part of CRI that is asked here; `kubelet.provider.client` has all. RuntimeRefusal."""

    async def version(self) -> api.VersionResponse:
        """Who it is."""

    async def status(self) -> api.StatusResponse:
        """RuntimeReady and NetworkReady."""

    async def images(self) -> list[api.Image]:
        """All."""

    async def sandboxes(self) -> list[api.PodSandbox]:
        """All pods."""


@dataclass(frozen=True, slots=True)
class RuntimeLook:
    """At one moment."""

    runtime: Runtime
    images: tuple[Image, ...] = ()
    pods: int = 0
    """That run."""


class RuntimeWatch:
    """Asks every time; remembers the name of a runtime that has gone."""

    def __init__(self, calls: RuntimeCalls) -> None:
        self._calls = calls
        self._name, self._version = "", ""

    async def look(self) -> RuntimeLook:
        """As it is now."""
        try:
            version = await self._calls.version()
            self._name, self._version = version.runtime_name, version.runtime_version
            status = (await self._calls.status()).status
            images = await self._calls.images()
            sandboxes = await self._calls.sandboxes()
        except RuntimeRefusal:
            return RuntimeLook(Runtime(self._name, self._version, problem=_DOWN))
        problem, network_problem = problems(status.conditions)
        return RuntimeLook(
            Runtime(self._name, self._version, problem, network_problem),
            tuple(map(image, images)),
            sum(one.state == api.PodSandboxState.SANDBOX_READY for one in sandboxes),
        )


def problems(conditions: Iterable[api.RuntimeCondition]) -> tuple[str, str]:
    """Of the runtime and of its network; empty for none. k/k pkg/kubelet/kubelet.go updateRuntimeUp."""
    found = {one.type: one for one in conditions}
    texts = []
    for kind, what in (("RuntimeReady", "container runtime"), ("NetworkReady", "container runtime network")):
        one = found.get(kind)
        if one is None:
            texts.append(f"{what} not ready: condition {kind} is not set")
        elif not one.status:
            texts.append(f"{what} not ready: {kind}=false reason:{one.reason} message:{one.message}")
        else:
            texts.append("")
    return texts[0], texts[1]


def image(one: api.Image) -> Image:
    """Digests first, as they name it for good."""
    return Image((*one.repo_digests, *one.repo_tags), one.size)
