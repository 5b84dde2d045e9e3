"""The proxy's connections from clients: aiohttp's server protocol, with what a proxy needs besides.

Half-close: a client may send FIN and still wait for its answer, and a client that was closed sends FIN as
well. TCP tells the two apart only when we send: a closed socket answers with RST. So on FIN, while a
request is being served, a few bytes without meaning are sent (`probe`): an interim response before the
head, a leading zero of the next chunk's length after it. A client that is gone resets, and its request is
cancelled at once; a half-closed one reads on.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any, Final, Protocol, cast

from aiohttp import StreamReader, web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http_exceptions import LineTooLong
from aiohttp.web_protocol import RequestPayloadError

from bronzewillow.host.splice import SpliceSide, reset
from bronzewillow.proxy.config import HttpLimits
from bronzewillow.proxy.errors import ProxyError, emit_error_response
from bronzewillow.proxy.upstream import TailCollector

_log = logging.getLogger(__name__)

# RFC 9110 15.2: a client must be able to parse any number of 1xx responses, expected or not.
PROBE_BEFORE_HEAD: Final = b"HTTP/1.1 102 Processing\r\n\r\n"
# RFC 9112 7.1: chunk-size is 1*HEXDIG and last-chunk 1*("0"), so a zero in front changes nothing.
PROBE_IN_CHUNKS: Final = b"0"
# The first waits a moment, for most answers are quicker than that. There are more, because a kernel socket
# shows a reset only to the write after the one that was answered by it.
_PROBES_AFTER_S: Final = (0.02, 0.1, 1.0)
_REFUSAL_LINGERS_S: Final = 2.0
_LINGERING_S: Final = 5.0
# Requests read ahead of the one being served. aiohttp would hold 32, with megabytes of head each.
_MOST_WAITING: Final = 2


class ConnectionOwner(Protocol):
    """What a connection asks of the proxy that it belongs to."""

    limits: HttpLimits
    where: str

    def refusal(self) -> ProxyError | None:
        """Why a new connection is not taken; None if it is."""

    def on_open(self, connection: ClientConnection) -> None: ...

    def on_closed(self, connection: ClientConnection) -> None: ...

    def on_refused(self, connection: ClientConnection, status: int, outcome: str) -> None:
        """A request or a connection was answered before it became an exchange."""


class Answered(web.StreamResponse):
    """Tells aiohttp that the answer was written already, and whether the connection goes on."""

    def __init__(self, *, keep_alive: bool) -> None:
        super().__init__()
        self._goes_on = keep_alive

    @property
    def keep_alive(self) -> bool:
        return self._goes_on

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        return None

    async def write_eof(self, data: bytes = b"") -> None:
        return


class ClientServer(web.Server):
    """Makes ClientConnections; cancels the exchange of a client that goes away."""

    def __init__(self, handler: Any, owner: ConnectionOwner) -> None:
        super().__init__(handler, handler_cancellation=True)
        self._owner = owner

    def __call__(self) -> ClientConnection:
        return ClientConnection(self, self._owner)


class ClientConnection(web.RequestHandler):
    """One client connection: requests one after the other, or the client's side of a splice."""

    def __init__(self, server: ClientServer, owner: ConnectionOwner) -> None:
        limits = owner.limits
        super().__init__(
            server,
            loop=asyncio.get_running_loop(),
            keepalive_timeout=limits.keep_alive_s,
            tcp_keepalive=False,
            access_log=cast(logging.Logger, None),
            max_line_size=limits.header_bytes,
            max_field_size=limits.header_bytes,
            lingering_time=_LINGERING_S,
            auto_decompress=False,
        )
        self._owner = owner
        self.wire: asyncio.Transport | None = None
        """The transport, until the connection is lost."""
        self.probe = b""
        """Bytes that may be sent now without changing the answer."""
        self.is_half_closed = False
        self.is_answering = False
        """Whether bytes of an answer's head were written."""
        self.is_last = False
        """Whether no further request will be answered on this connection."""
        self.was_cut = False
        """Whether it was we who ended the connection in the middle of an answer."""
        self.gone: asyncio.Future[None] = self._loop.create_future()
        self._max_msg_queue_size, self._msg_queue_resume_size = _MOST_WAITING, _MOST_WAITING - 1
        self._head_bytes = 0
        self._is_head_too_long = False
        self._body: StreamReader | None = None
        self._latest_body: StreamReader | None = None
        self._ended = 0
        self._is_refused = False
        self._side: SpliceSide | None = None
        self._timer: asyncio.TimerHandle | None = None

    @property
    def client(self) -> tuple[str, int]:
        """Address and port of the client; empty for a transport without a peer name (a unix socket)."""
        name = self.wire.get_extra_info("peername") if self.wire is not None else None
        return (str(name[0]), int(name[1])) if isinstance(name, tuple) else ("", 0)

    @property
    def authority(self) -> str:
        """Address and port that the client connected to."""
        name = self.wire.get_extra_info("sockname") if self.wire is not None else None
        if not isinstance(name, tuple):
            return "localhost"
        return f"[{name[0]}]:{name[1]}" if ":" in name[0] else f"{name[0]}:{name[1]}"

    @property
    def is_idle(self) -> bool:
        """Whether no request is being read, queued or served."""
        return self._request_count == self._ended and self._side is None

    @property
    def has_asked_all(self) -> bool:
        """Whether the client sent FIN and nothing waits behind the request being served."""
        return self.is_half_closed and not self._messages

    def begin(self, body: StreamReader, probe: bytes) -> None:
        """An exchange starts. ProxyError 400 if its body is broken already."""
        self._cancel_timer()
        self._body = body
        self.is_answering = False
        self.probe = probe
        if self.is_half_closed:
            self._probe_later(_PROBES_AFTER_S)
        if self._is_body_broken():
            raise ProxyError(400, "the request's body is malformed")

    def end(self, *, keep_alive: bool) -> Answered:
        """The exchange ended; whether another may follow is also the client's choice."""
        self._ended += 1
        self._body = None
        self.probe = b""
        self.is_answering = False
        if not keep_alive or self.has_asked_all:
            self.is_last = True
        elif self._is_head_too_long and self.is_idle:
            self._refuse_long_head()
        return Answered(keep_alive=not self.is_last)

    def send(self, data: bytes) -> None:
        """Write at once."""
        if self.wire is not None:
            self.wire.write(data)

    async def drain(self) -> None:
        """Wait until the transport takes more. ConnectionError once it is lost."""
        if self.writing_paused:
            await self._drain_helper()

    def cut(self) -> None:
        """Reset: the client must not take what it got for the whole."""
        self.was_cut = True
        if self.wire is not None:
            reset(self.wire)

    def switch(self, side: SpliceSide) -> bytes:
        """Hand all further bytes to `side`; the bytes that came behind the upgrade request are returned."""
        tail = bytearray()
        self.set_parser(cast(Any, TailCollector(tail)))
        self._side = side
        self.probe = b""
        assert self.wire is not None
        return bytes(tail)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.wire = cast(asyncio.Transport, transport)
        refusal = self._owner.refusal()
        if refusal is not None:
            self._refuse(refusal)
            return
        super().connection_made(transport)
        self._owner.on_open(self)

    def data_received(self, data: bytes) -> None:
        if self._side is not None:
            self._side.data_received(data)
            return
        if self._is_refused or self._is_head_too_long:
            return
        asked, was_in_head = self._request_count, self._latest_body is None or self._latest_body.is_eof()
        super().data_received(data)
        if self._messages:
            self._latest_body = self._messages[-1][1]
        if self._body is not None and self._is_body_broken():
            self._body.set_exception(RequestPayloadError("malformed request body"))
        if self._request_count > asked:
            self._head_bytes = 0
        elif data and was_in_head and not self._upgraded and not self.is_last:
            self._on_part_of_head(len(data))

    def eof_received(self) -> bool:  # type: ignore[override]  # the base lets asyncio close, always
        if self._side is not None:
            return self._side.eof_received()
        last = self._latest_body
        if self._is_refused or self.is_idle or last is None or not last.is_eof():
            return False  # nothing asked, or asked only half: close, which cancels what is being served
        self.is_half_closed = True
        self._cancel_timer()
        self._probe_later(_PROBES_AFTER_S)
        return True

    def pause_writing(self) -> None:
        super().pause_writing()
        if self._side is not None:
            self._side.pause_writing()

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._side is not None:
            self._side.resume_writing()

    def connection_lost(self, exc: BaseException | None) -> None:
        self._cancel_timer()
        self.wire = None
        if self._side is not None:
            self._side.connection_lost(exc if isinstance(exc, Exception) else None)
        if not self._is_refused:
            super().connection_lost(exc)
            self._owner.on_closed(self)
        if not self.gone.done():
            self.gone.set_result(None)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """aiohttp's hook for requests that cannot be parsed, and for faults of our own."""
        self._cancel_timer()
        if status == 500:
            _log.error("%s: fault while serving a request", self._owner.where, exc_info=exc)
        else:
            _log.debug("%s: malformed request: %s", self._owner.where, message)
        if self.is_answering:
            self.cut()
            raise ConnectionResetError("fault in the middle of an answer")
        if isinstance(exc, LineTooLong):
            status = 431
            cause = f"a line of the request's head is longer than {self._owner.limits.header_bytes} bytes"
        else:
            cause = "the proxy failed" if status == 500 else "the request is malformed"
        self._owner.on_refused(self, status, "failed" if status == 500 else "malformed")
        self.send(emit_error_response(ProxyError(status, cause), self._owner.where, close=True))
        return self.end(keep_alive=False)

    def _is_body_broken(self) -> bool:
        # Nothing can be queued behind a body that has not ended, except the parser's report that it failed.
        return self._body is not None and not self._body.is_eof() and bool(self._messages)

    def _refuse(self, refusal: ProxyError) -> None:
        # Answer, send FIN and read on for a moment: closing with unread bytes would be a reset, which
        # takes the answer away from the client.
        self._is_refused = True
        assert self.wire is not None
        self._owner.on_refused(self, refusal.status, refusal.code or "refused")
        self.send(emit_error_response(refusal, self._owner.where, close=True))
        if self.wire.can_write_eof():
            self.wire.write_eof()
        self._timer = self._loop.call_later(_REFUSAL_LINGERS_S, self.wire.close)

    def _on_part_of_head(self, size: int) -> None:
        # The parser bounds lines and their number, together to megabytes that it would hold for each client.
        self._head_bytes += size
        self._is_head_too_long = self._head_bytes > self._owner.limits.header_bytes
        if not self.is_idle:
            return  # it is refused in its turn
        if self._is_head_too_long:
            self._refuse_long_head()
        elif self._timer is None:
            self._timer = self._loop.call_later(self._owner.limits.header_timeout_s, self._on_slow_head)

    def _refuse_long_head(self) -> None:
        limit = self._owner.limits.header_bytes
        self._give_up(431, "malformed", f"the request's head is longer than {limit} bytes")

    def _on_slow_head(self) -> None:
        self._timer = None
        seconds = self._owner.limits.header_timeout_s
        self._give_up(408, "slow_head", f"the request's head did not arrive within {seconds:g} s")

    def _give_up(self, status: int, outcome: str, cause: str) -> None:
        """Answer a head that will not be read to its end, and close."""
        self._cancel_timer()
        self._owner.on_refused(self, status, outcome)
        self.send(emit_error_response(ProxyError(status, cause), self._owner.where, close=True))
        self.is_last = True
        self.force_close()

    def _probe_later(self, times_s: tuple[float, ...]) -> None:
        self._timer = self._loop.call_later(times_s[0], self._probe_client, times_s[1:])

    def _probe_client(self, later_s: tuple[float, ...]) -> None:
        self._timer = None
        if self.probe:
            self.send(self.probe)
        if later_s:
            self._probe_later(later_s)

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
