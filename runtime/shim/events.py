"""What containerd is told of containers: by its own ttrpc service, in order, and later while it is away.

Source: containerd, core/runtime/v2/shim/publisher.go, and api/services/ttrpc/events.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from pathlib import Path

from google.protobuf.any_pb2 import Any
from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from bronzewillow.host.tasks import spawn
from runtime.api.task_pb2 import Envelope, ForwardRequest
from runtime.ttrpc.client import connect
from runtime.ttrpc.errors import RpcError

_SERVICE = "containerd.services.events.ttrpc.v1.Events"
_MOST_WAITING = 1024
_LIMIT_S = 5.0
_AGAIN_S = 1.0


class Events:
    """Tells containerd, at `address`, what happens to tasks of one namespace."""

    def __init__(self, address: str, namespace: str) -> None:
        """`address`: of containerd's ttrpc socket; without one nobody is told."""
        self._path = Path(address.removeprefix("unix://"))
        self._namespace = namespace
        self._waiting: deque[ForwardRequest] = deque(maxlen=_MOST_WAITING)
        self._is_told = bool(address)
        self._teller: asyncio.Task[None] | None = None

    def publish(self, topic: str, event: Message) -> None:
        """Send it soon, in order; nobody waits for that."""
        if not self._is_told:
            return
        now = Timestamp()
        now.FromNanoseconds(time.time_ns())
        # containerd's registry knows an event by its name alone
        packed = Any(type_url=f"containerd.events.{type(event).__name__}", value=event.SerializeToString())
        envelope = Envelope(timestamp=now, namespace=self._namespace, topic=topic, event=packed)
        self._waiting.append(ForwardRequest(envelope=envelope))
        if self._teller is None or self._teller.done():
            self._teller = spawn(self._tell(), name="events")

    async def flushed(self, limit_s: float) -> None:
        """Until all are told, or until the limit."""
        if self._teller is not None:
            await asyncio.wait([self._teller], timeout=limit_s)

    async def _tell(self) -> None:
        while self._waiting:
            try:
                client = await connect(self._path)
            except OSError:
                await asyncio.sleep(_AGAIN_S)
                continue
            try:
                while self._waiting:
                    await client.call(_SERVICE, "Forward", self._waiting[0], Empty, _LIMIT_S)
                    self._waiting.popleft()
            except RpcError:
                await asyncio.sleep(_AGAIN_S)
            finally:
                client.close()
