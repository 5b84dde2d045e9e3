"""Servers and connections on pod addresses, called as the event loop's own are."""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Callable
from typing import TypeVar

from bronzewillow.agent.addresses import address_text, pack_address
from bronzewillow.agent.datagram import Rung
from bronzewillow.agent.node import Node
from bronzewillow.agent.transport import UserspaceTransport, as_os_error
from bronzewillow.overlay.spec import OverlaySpec
from bronzewillow.policy.enforcer import Enforcer
from bronzewillow.policy.rules import Direction
from bronzewillow.stack import (
    Accepted,
    Closed,
    Connected,
    Connection,
    DataReceived,
    Event,
    Listener,
    LocalError,
    PeerClosed,
    Reset,
    State,
    TcpConfig,
    Writable,
)

ProtocolFactory = Callable[[], asyncio.BaseProtocol]
_Protocol = TypeVar("_Protocol", bound=asyncio.BaseProtocol)


class NetServer:
    """A listening port of a pod. `close` stops accepting; connections live on."""

    def __init__(self, listener: Listener, forget: Callable[[], None]) -> None:
        self._listener = listener
        self._forget = forget

    def close(self) -> None:
        """Accept no more; connections that are open stay. Idempotent."""
        self._listener.close()
        self._forget()


class Net:
    """The node's network for asyncio programs."""

    def __init__(self, *specs: OverlaySpec, rung: Rung | None = None, tcp: TcpConfig | None = None) -> None:
        """Joins the overlay by one underlay or by one of each family: OSError when one cannot be bound."""
        self._loop = asyncio.get_running_loop()
        self.node = Node(specs, self._on_event, rung, tcp)
        self.policy = Enforcer()
        """Who may open connections to our pods; everybody, until it is told of a world."""
        self._now, self._touch = self.node.clock.now, self.node.touch  # bound once for all connections
        self._factories: dict[Listener, ProtocolFactory] = {}
        self._transports: dict[Connection, UserspaceTransport] = {}
        self._connecting: dict[Connection, asyncio.Future[UserspaceTransport]] = {}
        self._last_closed: asyncio.Future[None] | None = None

    @property
    def open_connections(self) -> int:
        """Connections that have a transport."""
        return len(self._transports)

    async def create_server(
        self, protocol_factory: ProtocolFactory, address: str, port: int, *, backlog: int = 1024
    ) -> NetServer:
        """Accept on a pod address that has a stack. LocalError when the port is taken."""
        packed = pack_address(address)
        stack = self.node.stacks[packed]
        listener = stack.listen(
            port,
            backlog,
            lambda peer: self.policy.decide(Direction.INGRESS, packed, peer, "TCP", port).allowed,
        )
        self._factories[listener] = protocol_factory
        return NetServer(listener, lambda: self._forget(listener))

    async def create_connection(
        self,
        protocol_factory: Callable[[], _Protocol],
        address: str,
        port: int,
        *,
        source: str | None = None,
    ) -> tuple[UserspaceTransport, _Protocol]:
        """Dial from a local pod address, by default the node's own. OSError as for a kernel socket."""
        packed = pack_address(address)
        local = pack_address(source) if source else self.node.address_for(packed)
        if local is None:
            raise OSError(errno.ENETUNREACH, os.strerror(errno.ENETUNREACH))
        stack = self.node.stacks[local]
        try:
            connection = stack.connect(packed, port, self.node.clock.now())
        except LocalError as error:  # no room, no free port
            raise OSError(errno.EADDRNOTAVAIL, str(error)) from error
        opened = self._connecting[connection] = self._loop.create_future()
        self.node.touch(stack)
        try:
            transport = await opened
        except asyncio.CancelledError:
            connection.abort(self.node.clock.now())
            self.node.touch(stack)
            raise
        finally:
            self._connecting.pop(connection, None)
        protocol = protocol_factory()
        transport.set_protocol(protocol)
        protocol.connection_made(transport)
        transport.resume_reading()
        return transport, protocol

    def recheck(self) -> None:
        """The rules have changed: reset what was accepted and would not be any more."""
        now = self.node.clock.now()
        for stack in self.node.stacks.values():
            for connection in stack.connections():
                (local, port), (peer, _) = connection.local, connection.remote
                if connection.listener is None or connection.state is State.TIME_WAIT:
                    continue
                if self.policy.stands(Direction.INGRESS, local, peer, "TCP", port):
                    continue
                transport = self._transports.get(connection)
                if transport is not None:
                    transport.abort()
                else:  # half-open
                    connection.abort(now)
                    self.node.touch(stack)

    async def drain(self, timeout_s: float) -> None:
        """Wait until all connections have ended, at most `timeout_s`; then reset the rest."""
        if self._transports:
            self._last_closed = self._loop.create_future()
            await asyncio.wait([self._last_closed], timeout=timeout_s)
            self._last_closed = None
        for transport in list(self._transports.values()):
            transport.abort()
        await asyncio.sleep(0)

    def close(self) -> None:
        """Leave the overlay."""
        for transport in list(self._transports.values()):
            transport.abort()
        self.node.close()

    def _forget(self, listener: Listener) -> None:
        self._factories.pop(listener, None)

    def _on_event(self, event: Event) -> None:
        transport = self._transports.get(event.connection)
        if isinstance(event, DataReceived):
            if transport is not None:
                transport.on_data(event.data)
        elif isinstance(event, Writable):
            if transport is not None:
                transport.on_writable()
        elif isinstance(event, PeerClosed):
            if transport is not None:
                transport.on_peer_closed()
        elif isinstance(event, Accepted):
            self._on_accepted(event)
        elif isinstance(event, Connected):
            self._on_connected(event.connection)
        elif isinstance(event, Reset):
            self._on_reset(event, transport)
        elif isinstance(event, Closed):
            self._transports.pop(event.connection, None)
            if transport is not None:
                transport.on_closed()
            if not self._transports and self._last_closed is not None and not self._last_closed.done():
                self._last_closed.set_result(None)

    def _on_accepted(self, event: Accepted) -> None:
        factory = self._factories.get(event.listener)
        transport = self._make_transport(event.connection)
        if factory is None:  # the server was closed while this connection was being made
            transport.abort()
            return
        protocol = factory()
        transport.set_protocol(protocol)
        protocol.connection_made(transport)

    def _on_connected(self, connection: Connection) -> None:
        opened = self._connecting.get(connection)
        transport = self._make_transport(connection)
        if opened is None or opened.done():
            transport.abort()
            return
        transport.pause_reading()  # until its protocol is there
        opened.set_result(transport)

    def _on_reset(self, event: Reset, transport: UserspaceTransport | None) -> None:
        opened = self._connecting.get(event.connection)
        if opened is not None and not opened.done():
            opened.set_exception(as_os_error(event.error))
        elif transport is not None:
            transport.on_reset(event.error)

    def _make_transport(self, connection: Connection) -> UserspaceTransport:
        stack = self.node.stacks[connection.local[0]]
        transport = UserspaceTransport(self._loop, connection, stack, self._now, self._touch, address_text)
        self._transports[connection] = transport
        return transport
