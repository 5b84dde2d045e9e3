"""The opaque TCP relay of a pod port: every accepted connection gets one of its own to the upstream."""

from __future__ import annotations

import asyncio
import logging
from typing import cast

from bronzewillow.host.splice import CLIENT, UPSTREAM, Splice, SpliceSide, reset
from bronzewillow.host.tasks import spawn
from bronzewillow.proxy.config import RelayLimits, Upstream
from bronzewillow.proxy.metrics import ProxyMetrics, RelayPortMetrics
from bronzewillow.proxy.transports import dial

_log = logging.getLogger(__name__)


class Relay:
    """One pod port joined to one upstream. Give `protocol_factory` to a listener between start and close."""

    def __init__(
        self,
        *,
        pod: str,
        port: int,
        upstream: Upstream,
        limits: RelayLimits | None = None,
        metrics: ProxyMetrics | None = None,
    ) -> None:
        self.pod = pod
        self.port = port
        self.upstream = upstream
        self.limits = limits or RelayLimits()
        self.refused = 0
        """Connections reset because of the connection limit or while closing."""
        self.bytes_in = 0
        """Bytes from clients."""
        self.bytes_out = 0
        """Bytes from the upstream."""
        self._metrics: RelayPortMetrics | None = metrics.relay_port(pod, port) if metrics else None
        self._open: dict[Splice, asyncio.Task[None] | None] = {}
        """With what dials its upstream, until that is there: a task that has ended is a kilobyte."""
        self._count, self._forget = self._on_bytes, self._on_finished  # bound once for all splices
        self._waiting_for_end: asyncio.Future[None] | None = None
        self._closing = False

    @property
    def connections(self) -> int:
        """Client connections open now."""
        return len(self._open)

    @property
    def is_full(self) -> bool:
        """Whether a new connection would be reset."""
        return self._closing or len(self._open) >= self.limits.connections

    async def start(self) -> None:
        """Be ready for connections."""
        self._closing = False

    def protocol_factory(self) -> asyncio.Protocol:
        """A protocol for one accepted connection."""
        return _Accepted(self)

    async def close(self, drain_s: float) -> None:
        """Take no more, let the open ones end for at most `drain_s` seconds, then reset them."""
        self._closing = True
        await self._wait_for_end(drain_s)
        for splice in list(self._open):
            splice.abort()
        await self._wait_for_end(None)
        if self._metrics is not None:
            self._metrics.forget()

    def open(self) -> Splice:
        """A splice for a connection being accepted; its upstream side is dialled in the background."""
        splice = Splice(
            idle_timeout_s=self.limits.idle_timeout_s, on_bytes=self._count, on_finished=self._forget
        )
        if self._metrics is not None:
            self._metrics.opened()
        self._open[splice] = spawn(self._dial(splice), name=f"relay dial {self.pod}:{self.port}")
        return splice

    async def _dial(self, splice: Splice) -> None:
        def upstream_side() -> SpliceSide:
            return splice.sides[UPSTREAM]

        try:
            transport, _ = await dial(upstream_side, self.upstream, self.limits.connect_timeout_s)
        except OSError as error:
            cause = str(error) or "timed out"
            _log.debug("pod %s port %d: upstream %s: %s", self.pod, self.port, self.upstream, cause)
            if self._metrics is not None:
                self._metrics.dial_failed()
            # A reset, as a kernel answers where nobody listens: the client never sees a clean, empty end.
            splice.abort()
            return
        transport.set_write_buffer_limits(high=self.limits.buffer_bytes)
        if splice in self._open:  # else the client left while the connection was being made
            self._open[splice] = None

    def _on_bytes(self, side: int, count: int) -> None:
        if side == CLIENT:
            self.bytes_in += count
        else:
            self.bytes_out += count
        if self._metrics is not None:
            self._metrics.moved(side == CLIENT, count)

    def _on_finished(self, splice: Splice) -> None:
        dialling = self._open.pop(splice)
        if dialling is not None:
            dialling.cancel()
        if self._metrics is not None:
            self._metrics.closed()
        if not self._open and self._waiting_for_end is not None and not self._waiting_for_end.done():
            self._waiting_for_end.set_result(None)

    async def _wait_for_end(self, timeout_s: float | None) -> None:
        if not self._open:
            return
        self._waiting_for_end = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(timeout_s):
                await self._waiting_for_end
        except TimeoutError:
            pass


class _Accepted(asyncio.Protocol):
    """The client's side; a splice exists only once the connection is made and within the limit."""

    __slots__ = ("_relay", "_side")

    def __init__(self, relay: Relay) -> None:
        self._relay = relay
        self._side: SpliceSide | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if self._relay.is_full:
            self._relay.refused += 1
            reset(cast(asyncio.Transport, transport))
            return
        self._side = self._relay.open().sides[CLIENT]
        self._side.connection_made(transport)

    def data_received(self, data: bytes) -> None:
        if self._side is not None:
            self._side.data_received(data)

    def eof_received(self) -> bool:
        return self._side is not None and self._side.eof_received()

    def pause_writing(self) -> None:
        if self._side is not None:
            self._side.pause_writing()

    def resume_writing(self) -> None:
        if self._side is not None:
            self._side.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._side is not None:
            self._side.connection_lost(exc)
