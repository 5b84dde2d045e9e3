"""The proxy's connections to one upstream, kept alive between requests.

They are aiohttp's client protocol without aiohttp's ClientSession above it: the session writes heads of its
own, swallows 1xx answers, re-encodes header bytes and cannot tell whether a request was sent at all.
"""

from __future__ import annotations

import asyncio
import logging
import select
from collections import deque
from collections.abc import Callable

from aiohttp.client_proto import ResponseHandler

from bronzewillow.host.splice import SpliceSide
from bronzewillow.proxy.config import HttpLimits, Upstream
from bronzewillow.proxy.errors import ProxyError
from bronzewillow.proxy.transports import dial

_log = logging.getLogger(__name__)


class UpstreamConnection(ResponseHandler):
    """One connection: parses answers, and turns into a splice side after 101 Switching Protocols."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, on_lost: Callable[[UpstreamConnection], None]
    ) -> None:
        super().__init__(loop)
        self.is_reused = False
        self.idle_since_s = 0.0
        self.lost: asyncio.Future[None] = loop.create_future()
        self._side: SpliceSide | None = None
        self._on_lost = on_lost

    @property
    def is_usable(self) -> bool:
        """Whether another request may be sent: open, and nothing unasked for has arrived."""
        if not self.is_connected() or self.should_close:
            return False
        # The loop may not have come round to an end that the kernel knows already.
        sock = self.transport.get_extra_info("socket") if self.transport is not None else None
        if sock is None:
            return True
        poll = select.poll()
        poll.register(sock.fileno(), select.POLLIN)
        return not poll.poll(0)

    async def drain(self) -> None:
        """Wait until the transport takes more. ConnectionError once it is lost."""
        if self.writing_paused:
            await self._drain_helper()

    def switch(self, side: SpliceSide) -> bytes:
        """Hand all further bytes to `side`; the bytes that came with the 101 are returned."""
        tail = bytearray()
        self.set_parser(TailCollector(tail), None)
        assert self.transport is not None
        self._side = side
        return bytes(tail)

    def data_received(self, data: bytes) -> None:
        if self._side is not None:
            self._side.data_received(data)
        else:
            super().data_received(data)

    def eof_received(self) -> bool | None:  # type: ignore[override]  # the base lets asyncio close, always
        if self._side is not None:
            return self._side.eof_received()
        super().eof_received()
        return None

    def pause_writing(self) -> None:
        super().pause_writing()
        if self._side is not None:
            self._side.pause_writing()

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._side is not None:
            self._side.resume_writing()

    def connection_lost(self, exc: BaseException | None) -> None:
        super().connection_lost(exc)
        if self._side is not None:
            self._side.connection_lost(exc if isinstance(exc, Exception) else None)
        if not self.lost.done():
            self.lost.set_result(None)
        self._on_lost(self)


class TailCollector:
    """A payload parser, in aiohttp's sense, that only collects what came behind an upgrade."""

    def __init__(self, tail: bytearray) -> None:
        self._tail = tail

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        self._tail += data
        return False, b""

    def feed_eof(self) -> None:
        return


class UpstreamPool:
    """Dials, and keeps what may be used again: the youngest first, each for a limited time."""

    def __init__(self, upstream: Upstream, limits: HttpLimits) -> None:
        self._upstream = upstream
        self._limits = limits
        self._idle: deque[UpstreamConnection] = deque()
        self._all: set[UpstreamConnection] = set()
        self._sweeper: asyncio.TimerHandle | None = None
        self._closed = False

    @property
    def connections(self) -> int:
        """Connections open now, idle ones included."""
        return len(self._all)

    @property
    def idle(self) -> int:
        """Connections that wait for a request."""
        return len(self._idle)

    async def acquire(self, *, fresh: bool = False) -> UpstreamConnection:
        """An idle connection, or a new one (always if `fresh`). ProxyError 502, 503 or 504."""
        while self._idle and not fresh:
            connection = self._idle.pop()
            if connection.is_usable:
                connection.is_reused = True
                return connection
            connection.abort()
        return await self._dial()

    def release(self, connection: UpstreamConnection) -> None:
        """Keep a connection whose exchange is complete; cut what cannot be used again."""
        limits = self._limits
        if self._closed or connection.should_close or not connection.is_connected():
            connection.abort()
            return
        if len(self._idle) >= limits.upstream_idle_connections:
            if not self._idle:
                connection.abort()
                return
            self._idle.popleft().abort()
        loop = asyncio.get_running_loop()
        connection.idle_since_s = loop.time()
        self._idle.append(connection)
        if self._sweeper is None:
            self._sweeper = loop.call_later(limits.upstream_keep_alive_s, self._sweep)

    async def close(self) -> None:
        """Cut every connection and wait until they are gone."""
        self._closed = True
        if self._sweeper is not None:
            self._sweeper.cancel()
            self._sweeper = None
        self._idle.clear()
        leaving = list(self._all)
        for connection in leaving:
            connection.abort()
        for connection in leaving:
            await connection.lost

    async def _dial(self) -> UpstreamConnection:
        loop = asyncio.get_running_loop()
        upstream, limits = self._upstream, self._limits

        def factory() -> UpstreamConnection:
            return UpstreamConnection(loop, self._forget)

        try:
            _, connection = await dial(factory, upstream, limits.connect_timeout_s)
        except FileNotFoundError:
            raise ProxyError(
                503,
                "the model is not up yet (its socket does not exist)",
                code="upstream_absent",
                retry_after_s=limits.retry_after_s,
            ) from None
        except TimeoutError:
            raise ProxyError(
                504,
                f"the model did not accept a connection within {limits.connect_timeout_s:g} s",
                code="upstream_timeout",
            ) from None
        except ConnectionRefusedError:
            # What a killed model leaves behind: a socket that nobody listens on, until it is started again.
            raise ProxyError(
                503,
                "the model is not up (nobody listens on its socket)",
                code="upstream_refused",
                retry_after_s=limits.retry_after_s,
            ) from None
        except OSError as error:
            _log.warning("upstream %s: %s", upstream, error)
            cause = f"the model cannot be reached ({error.strerror or type(error).__name__})"
            raise ProxyError(502, cause, code="upstream_unreachable") from error
        if not connection.lost.done():
            self._all.add(connection)
        return connection

    def _forget(self, connection: UpstreamConnection) -> None:
        self._all.discard(connection)
        if connection in self._idle:
            self._idle.remove(connection)

    def _sweep(self) -> None:
        self._sweeper = None
        loop = asyncio.get_running_loop()
        limit_s = loop.time() - self._limits.upstream_keep_alive_s
        while self._idle and self._idle[0].idle_since_s <= limit_s:
            self._idle.popleft().abort()
        if self._idle:
            self._sweeper = loop.call_at(
                self._idle[0].idle_since_s + self._limits.upstream_keep_alive_s, self._sweep
            )
