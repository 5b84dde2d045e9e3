"""Events to the API server, in their order; with it away they wait, and too many are dropped.

kubernetes/kubernetes, client-go tools/record/event.go: twelve tries, ten seconds apart.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any, Protocol

from bronzewillow.kube.client import PatchType
from bronzewillow.kube.errors import KubeError, NotFound, StatusError, TooManyRequests, Unavailable
from bronzewillow.kube.resources import EVENTS, Resource
from kubelet.model.decision import PodEvent
from kubelet.model.event_correlator import CreateEvent, EventCorrelator, PatchEvent
from kubelet.model.events import Subject, node_subject, pod_subject
from kubelet.model.pod_spec import Object

AGAIN_S = 10.0
_MOST_TRIES = 12
_MOST_WAITING = 1000
_log = logging.getLogger(__name__)


class Api(Protocol):
    """The part of `KubeClient` that is needed."""

    async def create(self, resource: Resource, obj: dict[str, Any]) -> dict[str, Any]:
        """Create an object. KubeError."""

    async def patch(
        self,
        resource: Resource,
        name: str,
        patch: object,
        namespace: str = "",
        *,
        subresource: str = "",
        type: PatchType = PatchType.STRATEGIC,
    ) -> dict[str, Any]:
        """Patch an object. KubeError."""


class EventRecorder:
    """Writes the events of one node, which nobody waits for."""

    def __init__(self, api: Api, node: str, wall: Callable[[], int], now: Callable[[], int]) -> None:
        self._api, self._node = api, node
        self._wall, self._now = wall, now
        self._correlator = EventCorrelator(node)
        self._queue: asyncio.Queue[CreateEvent | PatchEvent] = asyncio.Queue(_MOST_WAITING)
        self.dropped = 0

    def of_pod(self, pod: Object, event: PodEvent) -> None:
        """Record an event of a pod."""
        self._put(pod_subject(pod), event)

    def of_node(self, event: PodEvent) -> None:
        """Record an event of the node."""
        self._put(node_subject(self._node), event)

    async def run(self) -> None:
        """Write what was recorded, until cancelled."""
        while True:
            await self._send(await self._queue.get())

    def _put(self, subject: Subject, event: PodEvent) -> None:
        _log.info(
            "%s %s/%s: %s: %s", subject.kind, subject.namespace, subject.name, event.reason, event.message
        )
        request = self._correlator.correlate(subject, event, self._wall(), self._now())
        if request is None:
            return
        try:
            self._queue.put_nowait(request)
        except asyncio.QueueFull:
            self.dropped += 1

    async def _send(self, request: CreateEvent | PatchEvent) -> None:
        for _ in range(_MOST_TRIES):
            try:
                await self._send_once(request)
            except KubeError as error:
                if isinstance(error, StatusError) and not isinstance(error, Unavailable | TooManyRequests):
                    _log.debug("an event is not taken: %s", error)  # such as in a namespace that ends
                    return
            else:
                return
            await asyncio.sleep(AGAIN_S)
        self.dropped += 1

    async def _send_once(self, request: CreateEvent | PatchEvent) -> None:
        if isinstance(request, CreateEvent):
            await self._api.create(EVENTS, request.body)
            return
        try:
            await self._api.patch(EVENTS, request.name, request.body, request.namespace)
        except NotFound:  # events live for an hour
            await self._api.create(EVENTS, request.recreate)
