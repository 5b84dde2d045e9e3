"""The HTTP proxy of one pod port: its parts, its life, and what it may hold open."""

from __future__ import annotations

import asyncio

from aiohttp import web

from bronzewillow.host.splice import Splice
from bronzewillow.proxy.access import RequestRecord
from bronzewillow.proxy.admission import Admission
from bronzewillow.proxy.client import Answered, ClientConnection, ClientServer
from bronzewillow.proxy.config import HttpLimits, Upstream
from bronzewillow.proxy.errors import ProxyError
from bronzewillow.proxy.exchange import Exchange
from bronzewillow.proxy.metrics import HttpPortMetrics, ProxyMetrics
from bronzewillow.proxy.upstream import UpstreamPool


class HttpProxy:
    """One pod port joined to one upstream. Give `protocol_factory` to a listener between start and close."""

    def __init__(
        self,
        *,
        pod: str,
        port: int,
        upstream: Upstream,
        limits: HttpLimits | None = None,
        metrics: ProxyMetrics | None = None,
    ) -> None:
        self.pod = pod
        self.port = port
        self.upstream = upstream
        self.limits = limits or HttpLimits()
        self.where = f"pod {pod} port {port}"
        """How answers and logs name this port."""
        self.unavailable: str | None = None
        """Set to a cause, such as "the model is loading", to answer 503 with Retry-After; None to serve."""
        self.is_draining = False
        self.metrics: HttpPortMetrics | None = metrics.http_port(pod, port) if metrics else None
        waits = (self.limits.queue_length, self.limits.queue_wait_s, self.limits.retry_after_s)
        self.admission = Admission(self.limits.concurrent_requests, *waits)
        self.uploads = Admission(max(self.limits.concurrent_requests // 2, 1), *waits, share=0.5)
        """Half of the turns are left to bodies that are whole; one client has half of the other half."""
        self.pool = UpstreamPool(upstream, self.limits)
        self._server: ClientServer | None = None
        self._connections: set[ClientConnection] = set()
        self._splices: set[Splice] = set()
        self._in_flight = 0
        self._waiting_for_end: asyncio.Future[None] | None = None

    @property
    def connections(self) -> int:
        """Client connections open now."""
        return len(self._connections)

    @property
    def in_flight(self) -> int:
        """Requests being served or waiting for their turn."""
        return self._in_flight

    @property
    def queued(self) -> int:
        """Requests that wait for their turn."""
        return self.admission.queued + self.uploads.queued

    async def start(self) -> None:
        """Be ready for connections. Needs no upstream yet: that is dialled when a request comes."""
        self._server = ClientServer(self._serve, self)

    def protocol_factory(self) -> asyncio.Protocol:
        """A protocol for one accepted connection."""
        if self._server is None:
            raise RuntimeError(f"{self.where}: start() was not called")
        return self._server()

    async def close(self, drain_s: float) -> None:
        """Take no more, let what is being served end for at most `drain_s` seconds, then cut it off.

        Idle connections are closed at once, waiting requests are answered with 503, and every answer that is
        still given says `Connection: close`.
        """
        self.is_draining = True
        self.admission.close()
        self.uploads.close()
        for connection in list(self._connections):
            if connection.is_idle:
                connection.force_close()
        await self._wait_for_end(drain_s)
        for splice in list(self._splices):
            splice.abort()
        for connection in list(self._connections):
            connection.cut()
        await self._wait_for_end(None)
        await self.pool.close()
        if self.metrics is not None:
            self.metrics.forget()

    def refusal(self) -> ProxyError | None:
        """Why a new connection is not taken; None if it is."""
        if self.is_draining:
            cause, code = "the pod is shutting down", "draining"
        elif len(self._connections) >= self.limits.connections:
            cause, code = f"{self.limits.connections} connections are open already", "too_many_connections"
        else:
            return None
        return ProxyError(503, cause, code=code, retry_after_s=self.limits.retry_after_s)

    def on_open(self, connection: ClientConnection) -> None:
        """A connection was taken."""
        self._connections.add(connection)
        if self.metrics is not None:
            self.metrics.connections.inc()

    def on_closed(self, connection: ClientConnection) -> None:
        """A connection that was taken is lost."""
        self._connections.discard(connection)
        if self.metrics is not None:
            self.metrics.connections.dec()
        self._check_end()

    def on_refused(self, connection: ClientConnection, status: int, outcome: str) -> None:
        """A request or a connection was answered before it became an exchange."""
        if self.metrics is not None:
            self.metrics.answered(status)
        record = RequestRecord("-", "-", connection.client, None)
        record.status = status
        record.outcome = outcome
        record.write(self.pod, self.port)

    def new_splice(self) -> Splice:
        """A splice that `close` waits for."""
        splice = Splice(idle_timeout_s=self.limits.idle_timeout_s, on_finished=self._on_spliced)
        self._splices.add(splice)
        return splice

    def _on_spliced(self, splice: Splice) -> None:
        self._splices.discard(splice)
        self._check_end()

    async def _serve(self, request: web.BaseRequest) -> Answered:
        connection = request.protocol
        assert isinstance(connection, ClientConnection)
        self._in_flight += 1
        if self.metrics is not None:
            self.metrics.in_flight.inc()
        try:
            return await Exchange(self, request, connection).run()
        finally:
            self._in_flight -= 1
            if self.metrics is not None:
                self.metrics.in_flight.dec()
            self._check_end()

    @property
    def _has_ended(self) -> bool:
        return not self._in_flight and not self._connections

    def _check_end(self) -> None:
        if self._waiting_for_end is not None and not self._waiting_for_end.done() and self._has_ended:
            self._waiting_for_end.set_result(None)

    async def _wait_for_end(self, timeout_s: float | None) -> None:
        if self._has_ended:
            return
        self._waiting_for_end = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(timeout_s):
                await self._waiting_for_end
        except TimeoutError:
            return
