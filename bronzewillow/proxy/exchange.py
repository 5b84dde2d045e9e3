"""One request and its answer: admission, the way to the upstream, the way back, and every way to fail."""

from __future__ import annotations

import asyncio
import logging
from typing import Final, Protocol

from aiohttp import (
    ClientConnectionError,
    ClientPayloadError,
    EofStream,
    ServerTimeoutError,
    StreamReader,
    web,
)
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.http_parser import RawResponseMessage

from bronzewillow.host.splice import Splice
from bronzewillow.proxy.access import CLIENT_LEFT, RequestRecord
from bronzewillow.proxy.admission import Admission
from bronzewillow.proxy.body import BodyPump, collect
from bronzewillow.proxy.client import PROBE_BEFORE_HEAD, PROBE_IN_CHUNKS, Answered, ClientConnection
from bronzewillow.proxy.config import HttpLimits
from bronzewillow.proxy.errors import ProxyError, StreamBroken, emit_error_event, emit_error_response
from bronzewillow.proxy.heads import (
    IDEMPOTENT_METHODS,
    SAFE_METHODS,
    RequestHead,
    emit_chunk,
    emit_request_head,
    emit_response_head,
    parse_request_head,
)
from bronzewillow.proxy.metrics import HttpPortMetrics
from bronzewillow.proxy.tally import StreamTally, is_countable
from bronzewillow.proxy.upstream import UpstreamConnection, UpstreamPool

_log = logging.getLogger(__name__)
_BODYLESS: Final = frozenset({204, 304})
_JOIN_BELOW_BYTES: Final = 32_768
"""Bodies below this share one write with their head."""


class Serving(Protocol):
    """What an exchange needs of the proxy that runs it."""

    pod: str
    port: int
    where: str
    limits: HttpLimits
    admission: Admission
    uploads: Admission
    """Of requests whose bodies are still on their way when they take a turn."""
    pool: UpstreamPool
    metrics: HttpPortMetrics | None
    is_draining: bool
    unavailable: str | None

    def new_splice(self) -> Splice:
        """A splice that the proxy's close() waits for."""


class Exchange:
    """Serves one request of a client connection."""

    def __init__(self, serving: Serving, request: web.BaseRequest, connection: ClientConnection) -> None:
        self._serving = serving
        self._limits = serving.limits
        self._request = request
        self._client = connection
        self._is_http_11 = request.version >= (1, 1)
        self._record = RequestRecord(request.method, request.raw_path, connection.client, serving.metrics)
        self._record.is_probe = request.headers.get("User-Agent", "").startswith("kube-probe/")
        self._upstream: UpstreamConnection | None = None
        self._pump: BodyPump | None = None
        self._early = b""
        self._is_uploading = False
        self._may_reuse = False
        self._keep_alive = request.keep_alive

    async def run(self) -> Answered:
        """Serve; the connection's protocol learns from the result whether it goes on."""
        record, client = self._record, self._client
        try:
            try:
                client.begin(self._request.content, PROBE_BEFORE_HEAD if self._is_http_11 else b"")
                await self._serve()
            except ProxyError as error:
                self._answer_error(error)
            except StreamBroken as broken:
                self._break_off(str(broken))
        except ConnectionError:  # the client is gone, or was cut because it read nothing
            self._note_lost_client()
            self._keep_alive = False
        except asyncio.CancelledError:
            self._note_lost_client()
            raise
        finally:
            self._release_upstream()
            record.write(self._serving.pod, self._serving.port)
        return client.end(keep_alive=self._keep_alive)

    def _note_lost_client(self) -> None:
        record = self._record
        if record.outcome == "ok":
            record.outcome = "cut_off" if self._client.was_cut else "client_left"
        record.status = record.status or CLIENT_LEFT

    async def _serve(self) -> None:
        serving, request = self._serving, self._request
        if serving.is_draining:
            raise ProxyError(
                503, "the pod is shutting down", code="draining", retry_after_s=self._limits.retry_after_s
            )
        head = parse_request_head(
            request.method,
            request.raw_path,
            request.raw_headers,
            is_http_11=self._is_http_11,
            max_bytes=self._limits.header_bytes,
        )
        if (head.content_length or 0) > self._limits.body_bytes:
            raise ProxyError(413, f"the request's body is longer than {self._limits.body_bytes} bytes")
        if serving.unavailable is not None:
            raise ProxyError(
                503, serving.unavailable, code="model_unavailable", retry_after_s=self._limits.retry_after_s
            )
        body = request.content
        # Whoever does not send its body holds no turn. A body that is sent on demand cannot come before it.
        if body.is_eof() or not head.expects_continue:
            self._early = await collect(body, self._limits)
        if head.method in SAFE_METHODS:  # probes and metrics must answer while every turn is taken
            await self._forward(head)
            return
        await self._wait_for_turn()
        try:
            await self._forward(head)
        finally:
            self._end_upload()
            serving.admission.leave()

    async def _wait_for_turn(self) -> None:
        loop = asyncio.get_running_loop()
        before_s = loop.time()
        queued = self._serving.metrics.queued if self._serving.metrics is not None else None
        if queued is not None:
            queued.inc()
        try:
            if not self._request.content.at_eof():
                await self._serving.uploads.enter(self._record.client[0])
                self._is_uploading = True
            await self._serving.admission.enter(waited_s=loop.time() - before_s)
        except BaseException:
            self._end_upload()
            raise
        finally:
            self._record.queued_s = loop.time() - before_s
            if queued is not None:
                queued.dec()

    def _end_upload(self) -> None:
        if self._is_uploading:
            self._is_uploading = False
            self._serving.uploads.leave(self._record.client[0])

    async def _forward(self, head: RequestHead) -> None:
        client = self._client
        wire_head = emit_request_head(head, client.client[0] or "unknown", client.authority)
        for is_retry in (False, True):
            upstream = self._upstream = await self._serving.pool.acquire(fresh=is_retry)
            pump = self._pump = BodyPump(
                head,
                self._request.content,
                self._early,
                client,
                upstream,
                self._limits,
                self._record,
                self._end_upload,
            )
            self._record.upstream_sent_s = asyncio.get_running_loop().time()
            upstream.set_response_params(
                skip_payload=head.method == "HEAD",
                read_until_eof=True,
                auto_decompress=False,
                read_timeout=self._limits.first_byte_timeout_s,
                max_line_size=65_536,
                max_field_size=65_536,
            )
            pump.start(wire_head)
            try:
                message, payload = await self._read_head(head, upstream, pump)
            except (ClientConnectionError, ConnectionError, EofStream) as error:
                self._release_upstream()
                if upstream.is_reused and not is_retry and self._may_send_again(head, pump, error):
                    continue  # the upstream gave up an idle connection in the moment we used it
                raise self._upstream_error(error, pump) from error
            except HttpProcessingError as error:
                raise self._upstream_error(error, pump) from error
            await self._answer(head, message, payload, upstream)
            return

    def _may_send_again(self, head: RequestHead, pump: BodyPump, error: BaseException) -> bool:
        if pump.failure is not None or not pump.is_repeatable or isinstance(error, ServerTimeoutError):
            return False
        if pump.was_nothing_sent or head.method in IDEMPOTENT_METHODS:
            return True
        # An announced body of which nothing was sent, not even its end: the upstream had no whole request.
        return head.has_body and not pump.sent and not pump.is_complete

    async def _read_head(
        self, head: RequestHead, upstream: UpstreamConnection, pump: BodyPump
    ) -> tuple[RawResponseMessage, StreamReader]:
        """The final head; interim ones are passed on as they come."""
        while True:
            message, payload = await upstream.read()
            if message.code < 100:
                raise ProxyError(502, "the model's answer is not HTTP", code="upstream_bad_response")
            if message.code == 101 or message.code >= 200:
                return message, payload
            if pump.is_complete:
                upstream.start_timeout()  # the parser takes an interim head for an answer and stops the clock
            if message.code == 100:
                pump.go_on()
            elif self._is_http_11:
                self._client.send(
                    emit_response_head(
                        message.code,
                        message.reason,
                        message.raw_headers,
                        chunked=False,
                        drop_length=True,
                        connection=None,
                    )
                )

    async def _answer(
        self,
        head: RequestHead,
        message: RawResponseMessage,
        payload: StreamReader,
        upstream: UpstreamConnection,
    ) -> None:
        client, record, status = self._client, self._record, message.code
        if status == 101:
            if head.upgrade is None:
                raise ProxyError(502, "the model switched protocols unasked", code="upstream_bad_response")
            await self._tunnel(head, message, upstream)
            return
        has_body = head.method != "HEAD" and status not in _BODYLESS
        has_length = not message.chunked and "Content-Length" in message.headers
        chunked = has_body and not has_length and self._is_http_11
        if (has_body and not has_length and not chunked) or self._serving.is_draining:
            self._keep_alive = False
        if not self._request.content.is_eof():
            self._keep_alive = False  # an early answer: what is left of the body is not waited for
        if self._client.has_asked_all:
            self._keep_alive = False
        wire_head = emit_response_head(
            status,
            message.reason,
            message.raw_headers,
            chunked=chunked,
            drop_length=message.chunked,
            connection=self._connection_field(),
            retry_after_s=self._limits.retry_after_s if status == 503 else None,
        )
        record.status = status
        client.is_answering = True
        client.probe = PROBE_IN_CHUNKS if chunked else b""
        upstream.read_timeout = self._limits.idle_timeout_s
        content_type = message.headers.get("Content-Type", "").encode("utf-8", "surrogateescape")
        if has_body and is_countable(content_type) and "Content-Encoding" not in message.headers:
            record.tally = StreamTally(content_type)
        if has_body:
            if not payload.is_eof():
                upstream.start_timeout()
            ends_with_connection = not has_length and not message.chunked
            await self._pass_body(wire_head, payload, upstream, chunked, ends_with_connection)
        else:
            client.send(wire_head)
        self._may_reuse = self._pump is not None and self._pump.is_complete

    async def _pass_body(
        self,
        wire_head: bytes,
        payload: StreamReader,
        upstream: UpstreamConnection,
        chunked: bool,
        ends_with_connection: bool,
    ) -> None:
        client, record = self._client, self._record
        try:
            # What came together with the head goes out together with it; nothing is waited for.
            data = payload.read_nowait()
        except (ClientPayloadError, ClientConnectionError) as error:
            client.send(wire_head)
            raise StreamBroken("the model broke off its answer") from error
        while True:
            at_end = payload.at_eof()
            # Where only the connection's end tells the end of a body, a reset means that it was cut short.
            is_cut = at_end and ends_with_connection and _was_reset(upstream)
            if at_end and not is_cut:
                client.probe = b""
            framed = emit_chunk(data, last=at_end and not is_cut) if chunked else data
            if wire_head and len(framed) > _JOIN_BELOW_BYTES:
                client.send(wire_head)
                wire_head = b""
            if wire_head or framed:
                client.send(wire_head + framed if wire_head else framed)
            wire_head = b""
            if data:
                record.passed(data)
            if is_cut:
                raise StreamBroken("the model's connection was reset")
            if at_end:
                break
            if client.writing_paused:
                await self._drain_client()
            try:
                data = await payload.readany()
            except ServerTimeoutError:
                raise StreamBroken(f"the model fell silent for {self._limits.idle_timeout_s:g} s") from None
            except (ClientPayloadError, ClientConnectionError) as error:
                raise StreamBroken("the model broke off its answer") from error
        if client.writing_paused:
            await self._drain_client()

    async def _drain_client(self) -> None:
        try:
            async with asyncio.timeout(self._limits.idle_timeout_s):
                await self._client.drain()
        except TimeoutError:
            self._record.outcome = "client_stalled"
            self._client.cut()
            raise ConnectionResetError("the client took nothing for too long") from None

    async def _tunnel(
        self, head: RequestHead, message: RawResponseMessage, upstream: UpstreamConnection
    ) -> None:
        client = self._client
        self._record.status = 101
        self._keep_alive = False
        protocol = next((value for name, value in message.raw_headers if name.lower() == b"upgrade"), b"")
        client.is_answering = True
        client.send(
            emit_response_head(
                101,
                message.reason,
                message.raw_headers,
                chunked=False,
                drop_length=True,
                connection=b"Upgrade",
                upgrade=protocol or head.upgrade,
            )
        )
        splice = self._serving.new_splice()
        ends = splice.sides
        assert client.wire is not None and upstream.transport is not None
        transports = (client.wire, upstream.transport)
        early = (client.switch(ends[0]), upstream.switch(ends[1]))
        for side, transport in zip(ends, transports, strict=True):
            side.connection_made(transport)
        for side, data in zip(ends, early, strict=True):
            if data:
                side.data_received(data)
        try:
            await asyncio.shield(splice.finished)
        finally:
            # From here the splice alone decides how the two connections end.
            self._upstream = None
            self._record.bytes_in += ends[0].received
            self._record.bytes_out += ends[1].received
            if splice.timed_out:
                self._record.outcome = "idle"
            elif ends[0].has_ended or ends[1].has_ended:
                self._record.outcome = "closed"

    def _connection_field(self) -> bytes | None:
        if not self._keep_alive:
            return b"close"
        return None if self._is_http_11 else b"keep-alive"

    def _answer_error(self, error: ProxyError) -> None:
        self._record.status = error.status
        self._record.outcome = error.code or "refused"
        if not self._request.content.is_eof() or self._serving.is_draining:
            self._keep_alive = False
        if not self._is_http_11:
            self._keep_alive = False
        self._client.send(
            emit_error_response(
                error,
                self._serving.where,
                close=not self._keep_alive,
                head_only=self._request.method == "HEAD",
            )
        )

    def _break_off(self, cause: str) -> None:
        """The head is out, so the answer can only be made visibly incomplete."""
        self._record.outcome = "upstream_died"
        self._keep_alive = False
        _log.info("%s: %s", self._serving.where, cause)
        tally, chunked = self._record.tally, self._client.probe == PROBE_IN_CHUNKS
        self._client.probe = b""
        if tally is not None and tally.is_event_stream and tally.at_boundary and chunked:
            # The event tells why; the missing last chunk tells those who do not read it. A reset could
            # overtake the event, so the connection is closed with FIN.
            self._client.send(emit_chunk(emit_error_event(self._serving.where, cause)))
        else:
            self._client.cut()

    def _upstream_error(self, error: BaseException, pump: BodyPump) -> ProxyError:
        if pump.failure is not None:
            return pump.failure
        if isinstance(error, ServerTimeoutError):
            seconds = self._limits.first_byte_timeout_s
            return ProxyError(504, f"the model did not answer within {seconds:g} s", code="upstream_timeout")
        if isinstance(error, HttpProcessingError):
            return ProxyError(502, "the model's answer is not HTTP", code="upstream_bad_response")
        return ProxyError(502, "the model closed the connection before it answered", code="upstream_reset")

    def _release_upstream(self) -> None:
        if self._pump is not None:
            self._pump.stop()
        upstream, self._upstream = self._upstream, None
        if upstream is None:
            return
        if self._may_reuse:
            self._serving.pool.release(upstream)
        else:
            upstream.abort()


def _was_reset(upstream: UpstreamConnection) -> bool:
    error = upstream.exception()
    return error is not None and not isinstance(error, asyncio.CancelledError) and isinstance(error, OSError)
