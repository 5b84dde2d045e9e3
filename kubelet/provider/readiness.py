"""Whether the runtime and the pod network are ready, for the Node's condition Ready.

Source of the words: kubernetes/kubernetes, pkg/kubelet/runtime.go, kubelet.go (updateRuntimeUp) and pleg.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Protocol

from kubelet.model.node_facts import Runtime
from kubelet.model.times import SECOND, go_duration
from kubelet.provider.errors import RuntimeRefusal
from runtime.api import cri_pb2 as api

ASK_S = 10.0
"""Between questions: each may cost the runtime a process of a network plugin."""
_UNHEALTHY_AFTER = 180 * SECOND
_UNHEALTHY_WITH_EVENTS_AFTER = 600 * SECOND


class Calls(Protocol):
    """The part of CRI that is asked. RuntimeRefusal."""

    async def version(self) -> api.VersionResponse:
        """The runtime's name and version."""

    async def status(self) -> api.StatusResponse:
        """RuntimeReady and NetworkReady."""


class Lists(Protocol):
    """When all pods were listed last, as `kubelet.provider.lifecycle` knows it."""

    @property
    def hears(self) -> bool:
        """Whether events come between lists."""

    @property
    def listed_at(self) -> int | None:
        """Instant; None for never."""


class Readiness:
    """Of one runtime: what it said last, and whether it is still heard of."""

    def __init__(self, calls: Calls, lists: Lists) -> None:
        self._calls, self._lists = calls, lists
        self._told = Runtime()
        self.asked_at: int | None = None
        """Instant of the last answer, or refusal."""

    async def ask(self, now: int) -> None:
        """Ask the runtime once."""
        self.asked_at = now
        try:
            version = await self._calls.version()
            status = (await self._calls.status()).status
        except RuntimeRefusal:
            self._told = replace(self._told, problem="container runtime is down", network_problem="")
            return
        self._told = Runtime(version.runtime_name, version.runtime_version, *problems(status.conditions))

    def runtime(self, now: int) -> Runtime:
        """All that the Node tells of it."""
        return replace(self._told, lifecycle_problem=self._lifecycle_problem(now))

    @property
    def name(self) -> str:
        """Its own; empty before it has told."""
        return self._told.name

    @property
    def network_problem(self) -> str:
        """Of the network nothing is said before the runtime has, or when it is down."""
        return self._told.network_problem

    def _lifecycle_problem(self, now: int) -> str:
        listed_at = self._lists.listed_at
        if listed_at is None:
            return "PLEG is not healthy: pleg has yet to be successful"
        limit = _UNHEALTHY_WITH_EVENTS_AFTER if self._lists.hears else _UNHEALTHY_AFTER
        if now - listed_at <= limit:
            return ""
        ago = go_duration((now - listed_at) // SECOND * SECOND)
        return f"PLEG is not healthy: pleg was last seen active {ago} ago; threshold is {go_duration(limit)}"


def problems(conditions: Iterable[api.RuntimeCondition]) -> tuple[str, str]:
    """Of the runtime and of its network; empty for none."""
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
