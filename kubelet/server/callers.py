"""Connections to :10250, and how much of this node strangers may take.

Anybody who can reach the port may open connections, and nobody is known before a request has said who asks.
So a stranger has little time and few bytes to make one, and there is room for few of them: when another
comes, the source that has the most loses its oldest. When all that may be are known, one goes that asks for
nothing, or has not read for a while what it asked for; whoever is being served stays.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections import Counter as Tally
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv6Address, ip_address, ip_network

from aiohttp import web

from bronzewillow.host.cutting import cut
from bronzewillow.host.tasks import spawn
from kubelet.server.errors import RequestError

_ACCEPT_AGAIN_S = 1.0
_BACKLOG = 128
_WRITE_BUFFER_BYTES = 64 << 10


@dataclass(frozen=True, slots=True)
class CallerLimits:
    """How much room and time callers get."""

    most: int = 256
    """Connections in all; the buffers of TLS alone are a quarter of a MiB each."""
    most_strangers: int = 64
    """Of those, the ones whose owner is not known yet."""
    stranger_s: float = 10.0
    """For the handshake and the head of the first request, together."""
    farewell_s: float = 2.0
    """For a stranger to read that it stays one."""
    stranger_bytes: int = 256 << 10
    """That a stranger may say."""
    stuck_s: float = 10.0
    """After which one that does not read may have to go."""


class Drop(StrEnum):
    """Why a connection was ended by us."""

    FULL = "full"
    """All that there may be are known."""
    CROWDED = "crowded"
    """A stranger made room for another."""
    IDLE = "idle"
    """One who is known, and neither asked nor read, made room for another."""
    LATE = "late"
    TALKATIVE = "talkative"
    """More bytes than a stranger may say."""
    HANDSHAKE = "handshake"
    """No TLS, or a certificate of another authority."""


class Callers:
    """All connections of one server."""

    def __init__(self, limits: CallerLimits) -> None:
        self.limits = limits
        self.drops: Tally[Drop] = Tally()
        self.strangers: dict[Caller, None] = {}
        """The oldest first."""
        self.known: dict[Caller, None] = {}
        """Those who were served longest ago come first."""
        self._listeners: list[socket.socket] = []
        self._accepting: list[asyncio.Task[None]] = []

    def listen(
        self, host: str | None, port: int, context: ssl.SSLContext, serve: Callable[[], asyncio.Protocol]
    ) -> int:
        """`serve` makes the protocol that speaks with one of them; the port. OSError."""
        listener = _listener(host, port)
        self._listeners.append(listener)
        accepting = self._accept(listener, context, serve)
        self._accepting.append(spawn(accepting, name="callers of the node's API"))
        return int(listener.getsockname()[1])

    async def close(self) -> None:
        """Nobody comes any more, and strangers go."""
        for task in self._accepting:
            task.cancel()
        await asyncio.gather(*self._accepting, return_exceptions=True)
        for listener in self._listeners:
            listener.close()
        for caller in list(self.strangers):
            caller.leave()

    def forget(self, caller: Caller) -> None:
        """Its connection is lost."""
        self.strangers.pop(caller, None)
        self.known.pop(caller, None)

    async def _accept(
        self, listener: socket.socket, context: ssl.SSLContext, serve: Callable[[], asyncio.Protocol]
    ) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection, address = await loop.sock_accept(listener)
            except ConnectionError:  # it has gone already
                continue
            except OSError:  # of files there are too many, for now
                await asyncio.sleep(_ACCEPT_AGAIN_S)
                continue
            if not address:  # macOS: it has gone already, and nobody knows who it was
                connection.close()
            elif self.make_room():
                caller = Caller(self, source_of(str(address[0])), serve)
                self.strangers[caller] = None
                caller.greet(connection, context)
            else:
                self.drops[Drop.FULL] += 1
                connection.close()
            await asyncio.sleep(0)  # strangers may be many, and others have their turn

    def make_room(self) -> bool:
        if len(self.strangers) < self.limits.most_strangers:
            if len(self.strangers) + len(self.known) < self.limits.most:
                return True
            if not self.strangers:
                return self._send_away_one()
        [(crowd, _)] = Tally(one.source for one in self.strangers).most_common(1)
        next(one for one in self.strangers if one.source == crowd).drop(Drop.CROWDED)
        return True

    def _send_away_one(self) -> bool:
        for caller in self.known:
            if caller.is_idle(self.limits.stuck_s):
                caller.drop(Drop.IDLE)
                return True
        return False


class Caller(asyncio.Protocol):
    """One connection, in front of the protocol that speaks with it."""

    def __init__(self, callers: Callers, source: str, serve: Callable[[], asyncio.Protocol]) -> None:
        """`source`: with whom it shares its limits; `serve` makes the protocol."""
        self.source = source
        self._callers, self._serve = callers, serve
        self._inner: list[asyncio.Protocol] = []
        """The one that speaks, and the one that it took over from."""
        self._transport: asyncio.Transport | None = None
        self._said = self._requests = 0
        self._stuck_at: float | None = None
        self._is_known = False
        self._greeting: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._limit(callers.limits.stranger_s)

    # ---- who it is

    def greet(self, connection: socket.socket, context: ssl.SSLContext) -> None:
        """Begin the TLS handshake on a connection that was accepted."""

        def end(_: object) -> None:
            self._greeting = None
            if self._transport is None:  # nobody else closes it when it ended before it began
                connection.close()
                self.leave()

        self._greeting = spawn(self._shake_hands(connection, context), name="a caller's handshake")
        self._greeting.add_done_callback(end)

    @contextmanager
    def being_asked_about(self) -> Iterator[None]:
        """Time does not run out while somebody else has to say who this is. If nobody does, it does."""
        self._limit(None)
        try:
            yield
        finally:
            if not self._is_known:
                self._limit(self._callers.limits.farewell_s)

    def introduce(self) -> None:
        """It is known who this is."""
        if not self._is_known and self in self._callers.strangers:
            self._is_known = True
            del self._callers.strangers[self]
            self._callers.known[self] = None
        self._limit(None)

    @contextmanager
    def being_served(self) -> Iterator[None]:
        """It has asked for something, and waits for it or reads it."""
        self._requests += 1
        try:
            yield
        finally:
            self._requests -= 1
            if self in self._callers.known:
                self._callers.known[self] = self._callers.known.pop(self)

    def is_idle(self, stuck_s: float) -> bool:
        """Whether nobody misses it: it asks for nothing, or has not read for so long."""
        now = asyncio.get_running_loop().time()
        return self._requests == 0 or (self._stuck_at is not None and now - self._stuck_at >= stuck_s)

    def hand_over(self, inner: asyncio.Protocol) -> None:
        """What comes from now on is for `inner`, which is connected."""
        assert self._transport is not None
        self._inner.insert(0, inner)
        inner.connection_made(self._transport)

    # ---- how it ends

    def drop(self, why: Drop) -> None:
        """End the connection at once, and count why."""
        self._callers.drops[why] += 1
        self.leave()

    def leave(self) -> None:
        """Whatever it is doing."""
        self._callers.forget(self)
        self._limit(None)
        if self._transport is not None:
            cut(self._transport)
        elif self._greeting is not None:
            self._greeting.cancel()

    async def _shake_hands(self, connection: socket.socket, context: ssl.SSLContext) -> None:
        limits = self._callers.limits
        try:
            await asyncio.get_running_loop().connect_accepted_socket(
                lambda: self, connection, ssl=context, ssl_shutdown_timeout=limits.farewell_s
            )
        except OSError:  # ssl.SSLError is one
            self._callers.drops[Drop.HANDSHAKE] += 1

    def _limit(self, seconds: float | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        loop = asyncio.get_running_loop()
        self._timer = None if seconds is None else loop.call_later(seconds, self.drop, Drop.LATE)

    # ---- the connection

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.set_write_buffer_limits(_WRITE_BUFFER_BYTES)  # half a MiB, with TLS, if nobody says less
        self._inner = [self._serve()]
        self._inner[0].connection_made(transport)

    def data_received(self, data: bytes) -> None:
        if not self._is_known:
            self._said += len(data)
            if self._said > self._callers.limits.stranger_bytes:
                self.drop(Drop.TALKATIVE)
                return
        self._inner[0].data_received(data)

    def eof_received(self) -> bool | None:
        return self._inner[0].eof_received()

    def pause_writing(self) -> None:
        self._stuck_at = asyncio.get_running_loop().time()
        self._inner[0].pause_writing()

    def resume_writing(self) -> None:
        self._stuck_at = None
        self._inner[0].resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._limit(None)
        self._callers.forget(self)
        for inner in self._inner:
            inner.connection_lost(exc)


def caller_of(request: web.Request) -> Caller:
    """Who has made it. RequestError: it has left."""
    found = request.transport.get_protocol() if request.transport is not None else None
    if not isinstance(found, Caller):
        raise RequestError(400, "the client has left")
    return found


def source_of(address: str) -> str:
    """Who shares limits: an address, and of IPv6 the network that one host can have."""
    found = ip_address(address.partition("%")[0])
    if isinstance(found, IPv6Address):
        if found.ipv4_mapped is not None:
            return str(found.ipv4_mapped)
        return str(ip_network((found, 64), strict=False))
    return str(found)


def _listener(host: str | None, port: int) -> socket.socket:
    """None: all addresses of this machine, of both families if it has both."""
    if host is None and socket.has_dualstack_ipv6():
        found = socket.create_server(
            ("", port), family=socket.AF_INET6, backlog=_BACKLOG, dualstack_ipv6=True
        )
    else:
        family = socket.AF_INET6 if ":" in (host or "") else socket.AF_INET
        found = socket.create_server((host or "", port), family=family, backlog=_BACKLOG)
    found.setblocking(False)
    return found
