"""A port of this machine that leads to a port of a pod, through the agent's door and the pod's own stack."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from bronzewillow.host.command import CommandError
from bronzewillow.host.splice import CLIENT, UPSTREAM, Splice
from bronzewillow.host.tasks import spawn

_IDLE_S = 3600.0
_LONGEST_HEAD = 4096
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Way:
    """To one port of one pod."""

    door: Path
    """The agent's."""
    find: Callable[[], Awaitable[str]]
    """The pod's address, asked for by each connection: a pod that is made anew has another. CommandError."""
    port: int
    told: set[str] = field(default_factory=set)
    """Why connections were refused since the last one that was not."""

    async def enter(self, splice: Splice) -> str:
        """The reason when the pod cannot be reached, and empty when it is the splice's other side."""
        loop = asyncio.get_running_loop()
        try:
            address = await self.find()
        except CommandError as error:
            return error.message
        try:
            _, entering = await loop.create_unix_connection(
                lambda: _Entering(splice, address, self.port), str(self.door)
            )
            refusal = await entering.answered
        except OSError as error:
            return f"{self.door}: {error.strerror or error}"
        return f"{address}:{self.port}: {refusal}" if refusal else ""

    async def knock(self) -> None:
        """Tell if the pod takes no connection now."""
        splice = Splice(idle_timeout_s=_IDLE_S)
        self.tell(await self.enter(splice))
        splice.abort()

    def tell(self, refusal: str) -> None:
        """What came of a connection."""
        if not refusal:
            self.told.clear()
        elif refusal not in self.told:
            self.told.add(refusal)
            _log.warning("%s; until that changes connections end at once", refusal)


async def forward(way: Way, local_port: int) -> asyncio.Server:
    """On 127.0.0.1; `local_port` 0 for any. OSError."""
    loop = asyncio.get_running_loop()
    return await loop.create_server(lambda: _Arriving(way), "127.0.0.1", local_port)


class _Arriving(asyncio.Protocol):
    """A client, until its transport belongs to a splice; then the pod is dialled, which may fail at once."""

    def __init__(self, way: Way) -> None:
        self._way = way

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        splice = Splice(idle_timeout_s=_IDLE_S)
        cast(asyncio.Transport, transport).set_protocol(splice.sides[CLIENT])
        splice.sides[CLIENT].connection_made(transport)
        spawn(_dial(self._way, splice), name=f"forward to port {self._way.port}")


async def _dial(way: Way, splice: Splice) -> None:
    refusal = await way.enter(splice)
    way.tell(refusal)
    if refusal:
        splice.abort()


class _Entering(asyncio.Protocol):
    """Asks the door to be let in; its transport belongs to the splice once that is granted."""

    def __init__(self, splice: Splice, address: str, port: int) -> None:
        self._splice, self._request = splice, f"CONNECT {address}:{port} HTTP/1.1\r\n\r\n"
        self._head = b""
        self.answered: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        """The reason when it is refused, else empty."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.write(self._request.encode())

    def data_received(self, data: bytes) -> None:
        self._head += data
        head, end, early = self._head.partition(b"\r\n\r\n")
        if not end:
            if len(self._head) > _LONGEST_HEAD:
                self._refuse("the door gives no answer that can be understood")
            return
        version, _, answer = head.partition(b"\r\n")[0].partition(b" ")
        if not version.startswith(b"HTTP/1.") or not answer.startswith(b"200"):
            self._refuse((early or answer).decode(errors="replace").strip()[:200])
            return
        side = self._splice.sides[UPSTREAM]
        self._transport.set_protocol(side)
        side.connection_made(self._transport)
        if early:
            side.data_received(early)
        self.answered.set_result("")

    def connection_lost(self, error: Exception | None) -> None:
        self._refuse("the agent has closed its door")

    def _refuse(self, reason: str) -> None:
        if not self.answered.done():
            self.answered.set_result(reason)
        self._transport.close()
