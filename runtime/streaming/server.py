"""The server of streams: HTTP/1.1 requests with a token in their path, each of which becomes one call.

There is no look at `Host` or `Origin`: a kubelet passes requests on byte for byte, and the token, which only
CRI's socket gives away, says that a caller may.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
from collections.abc import Coroutine
from http import HTTPStatus
from typing import Any, Protocol

from bronzewillow.host.listening import ONE, with_queue
from bronzewillow.host.tasks import race, spawn
from runtime.streaming.calls import Attach, Call, Exec, PortForward, Runtime
from runtime.streaming.channels import CHANNEL_PROTOCOLS
from runtime.streaming.commands import (
    OLDEST_SPDY_PROTOCOL,
    SPDY_PROTOCOLS,
    command_channels,
    serve_channel_command,
    serve_spdy_command,
)
from runtime.streaming.errors import ProtocolError
from runtime.streaming.forwards import (
    CHANNEL_SUBPROTOCOLS,
    SPDY_PROTOCOL,
    TUNNEL_PROTOCOL,
    SpdyForwards,
    forward_channels,
    serve_channel_forwards,
)
from runtime.streaming.links import SocketLink
from runtime.streaming.spdy import SpdyConnection
from runtime.streaming.tokens import Tokens
from runtime.streaming.upgrade import Handshake, Refused, UpgradeRequest, Wire, choose
from runtime.streaming.websocket import Tunnel, WebSocket

HOST = "127.0.0.1"
MOST_CONNECTIONS = 256
HEAD_LIMIT_S = 10.0
HEARTBEAT_S = 10.0
"""Back-pressure may keep us from reading; writing tells all the same whether there is still somebody."""
IDLE_LIMIT_S = 4 * 3600.0
"""As Kubernetes has it (streamIdleTimeout)."""
_LINGER_S = 10.0
_BLOCK = 16 << 10
_TOKEN_BYTES = 16
_KINDS: dict[type[Call], str] = {Exec: "exec", Attach: "attach", PortForward: "portforward"}
_log = logging.getLogger(__name__)


class Conversation(Protocol):
    """A connection after its upgrade."""

    async def run(self) -> None:
        """Read it, until the peer has gone."""

    async def ping(self) -> None:
        """Ask whether the caller is still there. ConnectionError."""

    async def finish(self) -> None:
        """Close in order: all is said. ConnectionError."""


class StreamingServer:
    """Serves the streams of one runtime."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._tokens: Tokens[Call] = Tokens(lambda: secrets.token_urlsafe(_TOKEN_BYTES))
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self._base = ""

    async def start(self, host: str = HOST, port: int = 0) -> None:
        """Listen; port 0 is any that is free. OSError."""
        self._server = await with_queue(asyncio.start_server(self._accept, host, port, backlog=ONE))
        host, port = self._server.sockets[0].getsockname()[:2]
        self._base = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    def url(self, call: Call) -> str:
        """Good once, and for a minute. TooMany."""
        token = self._tokens.give(call, asyncio.get_running_loop().time())
        return f"{self._base}/{_KINDS[type(call)]}/{token}"

    async def close(self) -> None:
        """End all calls."""
        if self._server is not None:
            self._server.close()
        for connection in self._connections:
            connection.cancel()
        if self._connections:
            await asyncio.wait(self._connections)

    # ---- one connection

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = spawn(self._serve(reader, writer), name="stream")
        self._connections.add(connection)
        connection.add_done_callback(self._connections.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        handshake = Handshake()
        try:
            try:
                request = await self._request(handshake, reader)
                call, protocol = self._granted(request)
            except Refused as refused:
                writer.write(handshake.refuse(refused))
                return
            writer.write(handshake.accept(request, protocol))
            await self._answer(SocketLink(reader, writer, handshake.rest), request.wire, call, protocol)
        except (ConnectionError, TimeoutError) as error:
            _log.debug("a stream ends: %s", error)
        except ProtocolError as error:
            _log.info("a stream is closed: %s", error)
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError, TimeoutError):
                async with asyncio.timeout(_LINGER_S):
                    await writer.wait_closed()

    async def _request(self, handshake: Handshake, reader: asyncio.StreamReader) -> UpgradeRequest:
        if len(self._connections) > MOST_CONNECTIONS:
            raise Refused(HTTPStatus.SERVICE_UNAVAILABLE, f"{MOST_CONNECTIONS} streams are open already")
        async with asyncio.timeout(HEAD_LIMIT_S):
            while True:
                data = await reader.read(_BLOCK)
                request = handshake.receive(data)
                if request is not None:
                    return request
                if not data:
                    raise ConnectionResetError("the client has gone before it asked")

    def _granted(self, request: UpgradeRequest) -> tuple[Call, str]:
        """The call and the protocol inside. Refused."""
        kind, _, token = request.path.removeprefix("/").partition("/")
        if kind not in _KINDS.values():
            raise Refused(HTTPStatus.NOT_FOUND, "there is nothing here")
        call = self._tokens.take(token, asyncio.get_running_loop().time())
        if call is None or _KINDS[type(call)] != kind:
            raise Refused(
                HTTPStatus.NOT_FOUND, "the token of this address is unknown, was used, or is too old"
            )
        if isinstance(call, PortForward):
            if request.wire is Wire.SPDY:
                return call, choose(request, (SPDY_PROTOCOL,), SPDY_PROTOCOL)
            return call, choose(request, (TUNNEL_PROTOCOL, *CHANNEL_SUBPROTOCOLS), "")
        if request.wire is Wire.SPDY:
            return call, choose(request, SPDY_PROTOCOLS, OLDEST_SPDY_PROTOCOL)
        return call, choose(request, tuple(CHANNEL_PROTOCOLS), "")

    async def _answer(self, link: SocketLink, wire: Wire, call: Call, protocol: str) -> None:
        runtime = self._runtime
        if isinstance(call, PortForward):
            if wire is Wire.SPDY or protocol == TUNNEL_PROTOCOL:
                spdy = SpdyConnection(link if wire is Wire.SPDY else Tunnel(WebSocket(link)))
                await _converse(link, spdy, SpdyForwards(spdy, call, runtime).serve())
            else:
                channels = forward_channels(WebSocket(link), call, protocol)
                await _converse(link, channels, serve_channel_forwards(channels, call, runtime))
        elif wire is Wire.SPDY:
            spdy = SpdyConnection(link)
            await _converse(link, spdy, serve_spdy_command(spdy, call, protocol, runtime))
        else:
            channels = command_channels(WebSocket(link), call, protocol)
            await _converse(link, channels, serve_channel_command(channels, call, protocol, runtime))


async def _converse(link: SocketLink, conversation: Conversation, work: Coroutine[Any, Any, None]) -> None:
    """Until the work is done and the client has been told, or until the client has gone."""

    async def whole() -> None:
        await work
        await conversation.finish()
        # the client closes when it has read all: closing before could cost it what is on the way
        await asyncio.sleep(_LINGER_S)

    try:
        await race(conversation.run(), whole(), _beat(link, conversation))
    finally:
        work.close()  # it may not have begun


async def _beat(link: SocketLink, conversation: Conversation) -> None:
    now = asyncio.get_running_loop().time
    while now() - link.active_s < IDLE_LIMIT_S:
        await asyncio.sleep(HEARTBEAT_S)
        await conversation.ping()
