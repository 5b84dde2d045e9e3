"""What happens to containers, told to all that listen (GetContainerEvents)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

from runtime.api import cri_pb2 as api

_MOST_WAITING = 1000


class Events:
    """One source, any number of listeners; a listener that does not keep up is cut off."""

    def __init__(self) -> None:
        self._queues: set[asyncio.Queue[api.ContainerEventResponse | None]] = set()

    def publish(
        self,
        kind: api.ContainerEventType,
        container_id: str,
        sandbox: api.PodSandboxStatus | None,
        containers: list[api.ContainerStatus],
    ) -> None:
        """Tell all who listen that this has just happened to a container."""
        event = api.ContainerEventResponse(
            container_id=container_id,
            container_event_type=kind,
            created_at=time.time_ns(),
            pod_sandbox_status=sandbox,
            containers_statuses=containers,
        )
        for queue in list(self._queues):
            if queue.qsize() >= _MOST_WAITING:
                self._queues.discard(queue)
                queue.put_nowait(None)
            else:
                queue.put_nowait(event)

    def close(self) -> None:
        """End all streams of events."""
        for queue in self._queues:
            queue.put_nowait(None)
        self._queues.clear()

    def listen(self) -> AsyncIterator[api.ContainerEventResponse]:
        """From now on, until we are too slow or it is closed."""
        queue: asyncio.Queue[api.ContainerEventResponse | None] = asyncio.Queue()
        self._queues.add(queue)
        return self._heard(queue)

    async def _heard(
        self, queue: asyncio.Queue[api.ContainerEventResponse | None]
    ) -> AsyncIterator[api.ContainerEventResponse]:
        try:
            while (event := await queue.get()) is not None:
                yield event
        finally:
            self._queues.discard(queue)
