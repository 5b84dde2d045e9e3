"""The request's body on its way to the upstream: its beginning collected, the rest streamed and counted."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from aiohttp import StreamReader
from aiohttp.web_protocol import RequestPayloadError

from bronzewillow.host.tasks import spawn
from bronzewillow.proxy.access import RequestRecord
from bronzewillow.proxy.client import ClientConnection
from bronzewillow.proxy.config import HttpLimits
from bronzewillow.proxy.errors import ProxyError
from bronzewillow.proxy.heads import RequestHead, emit_chunk
from bronzewillow.proxy.upstream import UpstreamConnection

_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"


async def collect(body: StreamReader, limits: HttpLimits) -> bytes:
    """What came until the body ended or `early_body_bytes` were here. ProxyError 400, 408 or 413."""
    early = bytearray()
    while True:
        early += body.read_nowait() if body.is_eof() else await _next_bytes(body, limits)
        if len(early) > limits.body_bytes:
            raise _too_long(limits)
        if body.at_eof() or len(early) >= limits.early_body_bytes:
            return bytes(early)


async def _next_bytes(body: StreamReader, limits: HttpLimits) -> bytes:
    try:
        async with asyncio.timeout(limits.body_timeout_s):
            return await body.readany()
    except TimeoutError:
        cause = f"no byte of the request's body came for {limits.body_timeout_s:g} s"
        raise ProxyError(408, cause, code="slow_body") from None
    except RequestPayloadError:
        raise ProxyError(400, "the request's body is malformed") from None


def _too_long(limits: HttpLimits) -> ProxyError:
    return ProxyError(413, f"the request's body is longer than {limits.body_bytes} bytes")


class BodyPump:
    """Sends one request. A body that is all here goes out with the head, another is pumped by a task."""

    def __init__(
        self,
        head: RequestHead,
        body: StreamReader,
        early: bytes,
        client: ClientConnection,
        upstream: UpstreamConnection,
        limits: HttpLimits,
        record: RequestRecord,
        on_complete: Callable[[], None],
    ) -> None:
        """`early` was read of `body` already; `on_complete` is called when all of it was sent."""
        self._head = head
        self._body = body
        self._early = early
        self._is_whole = body.at_eof()
        self._has_read_on = False  # past `early`: that is in no other pump's reach
        self._client = client
        self._upstream = upstream
        self._limits = limits
        self._record = record
        self._report_complete = on_complete
        self._task: asyncio.Task[None] | None = None
        self._may_go_on = asyncio.Event()
        self.failure: ProxyError | None = None
        """Why the body could not be sent; the upstream connection was cut then."""
        self.is_complete = False
        self.was_nothing_sent = False
        """Whether the transport took nothing: the upstream cannot have seen the request."""
        self.sent = 0
        """Body bytes handed to the transport."""

    @property
    def is_repeatable(self) -> bool:
        """Whether another pump could send the same request."""
        return self._is_whole or (self.sent == 0 and not self._has_read_on)

    def start(self, wire_head: bytes) -> None:
        """Send the head, and the body as it comes."""
        transport = self._upstream.transport
        if transport is None:  # lost since it was acquired
            self.was_nothing_sent = True
            return
        if not self._is_whole:
            transport.write(wire_head)
            self.was_nothing_sent = transport.is_closing()
            self._task = spawn(self._run(), name="request body")
            return
        self._may_go_on.set()
        data = self._early
        transport.write(wire_head + (emit_chunk(data, last=True) if self._head.chunked else data))
        # The transport sends at once. If it is closing now, that first send failed and nothing left us.
        self.was_nothing_sent = transport.is_closing()
        self._on_complete(len(data))

    def go_on(self) -> None:
        """The upstream wants the body."""
        self._may_go_on.set()

    def stop(self) -> None:
        """Send no more."""
        if self._task is not None:
            self._task.cancel()

    async def _run(self) -> None:
        try:
            if self._head.expects_continue:
                await self._wait_for_leave()
                self._client.send(_CONTINUE)
            await self._send_body()
        except ProxyError as failure:
            self.failure = failure
            self._upstream.abort()  # wakes the exchange, which answers with the failure
        except ConnectionError:
            return  # one of the two is gone, and the exchange learns it from its own end

    async def _wait_for_leave(self) -> None:
        # RFC 9110 10.1.1: the client is not kept waiting for a server that does not know the expectation.
        try:
            async with asyncio.timeout(self._limits.expect_wait_s):
                await self._may_go_on.wait()
        except TimeoutError:
            return

    async def _send_body(self) -> None:
        body, upstream, head = self._body, self._upstream, self._head
        data, sent = self._early, 0
        while self._client.wire is not None:
            sent += len(data)
            if sent > self._limits.body_bytes:
                raise _too_long(self._limits)
            transport = upstream.transport
            if transport is None:
                return
            if data:
                transport.write(emit_chunk(data) if head.chunked else data)
                self.sent = sent
            if upstream.writing_paused:
                await self._drain()
            if body.at_eof():
                break
            data = await _next_bytes(body, self._limits)
            self._has_read_on = True
        if not body.at_eof():
            return  # the client is gone
        if head.chunked and upstream.transport is not None:
            upstream.transport.write(emit_chunk(b"", last=True))
        self._on_complete(sent)

    async def _drain(self) -> None:
        try:
            async with asyncio.timeout(self._limits.idle_timeout_s):
                await self._upstream.drain()
        except TimeoutError:
            seconds = self._limits.idle_timeout_s
            cause = f"the model took no byte of the request's body for {seconds:g} s"
            raise ProxyError(504, cause, code="upstream_timeout") from None

    def _on_complete(self, sent: int) -> None:
        self.sent = sent
        self._record.bytes_in = sent
        self.is_complete = True
        self._upstream.start_timeout()  # from here the answer is waited for
        self._report_complete()
