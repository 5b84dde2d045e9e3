"""The door into the cluster's network: a program comes in, says whom to reach (`greeting`), and is joined.

It stands on a unix socket that this user alone may open and, where that was asked for, on a port of loopback:
the outlet. Pods of this node are reached as others are: through their stacks and the proxy, from the node's
own address.

The pods' outlet is another port of loopback. Nobody passes there without the password of a pod, which CNI ADD
has made and only that pod's containers are given; whoever says it, there or at another entrance, speaks from
the pod's address and is bound by its policies.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import cast

from bronzewillow.agent.greeting import Destination, Greeting, Unacceptable, refusal
from bronzewillow.agent.kept_socket import KeptSocket
from bronzewillow.agent.way import Caller, Ways
from bronzewillow.host.listening import ONE, with_queue
from bronzewillow.host.splice import CLIENT, Splice
from bronzewillow.host.tasks import spawn

MOST_CONNECTIONS = 1024
"""Of pods; and so many of others, so that none of them shuts the door on a kubelet's probes. Of those that
have not said yet whom to reach, the oldest makes room for another."""
MOST_OF_A_POD = 256
_LOOPBACK = "127.0.0.1"
_FIRST_PORT, _LAST_PORT = 20_000, 30_000
"""Below what Linux (32768) and macOS (49152) give to sockets that do not choose, and below NodePorts."""
_TRIES = 16
_MOST_EARLY_BYTES = 65_536
_GREETING_LIMIT_S = 10.0
_IDLE_LIMIT_S = 4 * 3600.0  # as long as a kubelet lets a port-forward stand idle
_log = logging.getLogger(__name__)

Callers = Callable[[str, str], Caller | None]
"""The pod that a name and a password are of."""


class Door:
    """Whoever may open it may reach every pod, and every Service, as far as a pod's policies let that pod."""

    def __init__(self, ways: Ways, callers: Callers = lambda name, password: None) -> None:
        self.ways = ways
        self.callers = callers
        self.guests: dict[Guest, None] = {}
        """The oldest first."""
        self.outlets: dict[str, str] = {}
        """Where this machine's `programs`, and its `pods`, find an outlet."""
        self.refusals: Counter[int] = Counter()
        """What was not reached, by the HTTP status that says why; SOCKS has the same."""
        self._servers: list[asyncio.Server] = []
        self._kept: KeptSocket | None = None

    async def start(self, path: Path, outlet: tuple[str, int] | None = None) -> None:
        """Listen at `path`, whatever an agent before us left there, and at `outlet`. ValueError, OSError."""
        path.unlink(missing_ok=True)
        self._kept = KeptSocket(path, partial(Guest, self))
        await self._kept.open()
        if outlet is not None:
            loop = asyncio.get_running_loop()
            try:
                server = await with_queue(loop.create_server(partial(Guest, self), *outlet, backlog=ONE))
                self._servers.append(server)
            except OSError as error:
                where = f"{outlet[0]}:{outlet[1]}"
                raise ValueError(
                    f"{where}: {error.strerror or error}; choose another with --outlet"
                ) from None
            self.outlets["programs"] = _place_of(self._servers[-1])

    async def start_for_pods(self, port: int) -> int:
        """Listen for pods at `port` of 127.0.0.1, or at a free one where another program has it; which."""
        guest = partial(Guest, self, for_pods=True)
        loop = asyncio.get_running_loop()
        for number in (port, *_ports()) if port else _ports():
            try:
                server = await with_queue(loop.create_server(guest, _LOOPBACK, number, backlog=ONE))
                break
            except OSError as error:
                if not number:
                    raise
                if number == port:
                    _log.warning(
                        "the pods' outlet was port %d, which another program has now (%s): "
                        "pods that run have no way out until they are made anew",
                        port,
                        error.strerror,
                    )
        self._servers.append(server)
        self.outlets["pods"] = _place_of(server)
        return int(server.sockets[0].getsockname()[1])

    def count(self, caller: Caller) -> int:
        """How many connections of a pod are open."""
        return sum(1 for one in self.guests if one.caller == caller)

    def close(self) -> None:
        """Nobody comes in any more, and who is in is cut off."""
        if self._kept is not None:
            self._kept.close()
        for server in self._servers:
            server.close()
        for guest in list(self.guests):
            guest.abort()

    def has_room_for(self, newcomer: Guest) -> bool:
        """Once the oldest that says nothing has left, if need be."""
        there = [one for one in self.guests if one.for_pods == newcomer.for_pods]
        if len(there) < MOST_CONNECTIONS:
            return True
        silent = next((one for one in there if one.is_silent), None)
        if silent is None:
            return False
        silent.abort()
        del self.guests[silent]
        return True


def _ports() -> Iterator[int]:
    """Some that no system gives away while an agent is started anew; if all are taken, any."""
    for _ in range(_TRIES):
        yield _FIRST_PORT + secrets.randbelow(_LAST_PORT - _FIRST_PORT)
    yield 0


class Guest(asyncio.Protocol):
    """One that came in; once it is answered its transport belongs to a splice."""

    def __init__(self, door: Door, *, for_pods: bool = False) -> None:
        self._door = door
        self.for_pods = for_pods
        self.caller: Caller | None = None
        """Whose it is, once it has said that."""
        self._greeting = Greeting()
        self._early = bytearray()
        self._transport: asyncio.Transport
        self._splice: Splice | None = None
        self._dialling: asyncio.Task[None] | None = None
        self._late: asyncio.TimerHandle

    @property
    def is_silent(self) -> bool:
        """Whether it has not said yet whom to reach."""
        return self._dialling is None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._late = asyncio.get_running_loop().call_later(_GREETING_LIMIT_S, self._transport.abort)
        if self._door.has_room_for(self):
            self._door.guests[self] = None
        else:
            self._hang_up(refusal(503, f"{MOST_CONNECTIONS} connections are open already"))

    def data_received(self, data: bytes) -> None:
        if self._transport.is_closing():
            return
        if self._dialling is not None:  # early words, for whoever is being reached
            self._early += data
            if len(self._early) > _MOST_EARLY_BYTES:
                self._transport.pause_reading()  # what follows waits; that it leaves is not noticed so long
            return
        try:
            wanted = self._greeting.receive(data)
        except Unacceptable as unacceptable:
            self._hang_up(unacceptable.answer)
            return
        if self._greeting.replies:
            self._transport.write(bytes(self._greeting.replies))
            self._greeting.replies.clear()
        if wanted is not None:
            self._late.cancel()
            self._dialling = spawn(self._dial(wanted), name=f"door to {wanted.host}:{wanted.port}")

    def connection_lost(self, exc: Exception | None) -> None:
        self._late.cancel()
        if self._dialling is not None:
            self._dialling.cancel()
        self._door.guests.pop(self, None)

    def abort(self) -> None:
        """Cut it off, on both sides."""
        if self._splice is not None:
            self._splice.abort()
        self._transport.abort()

    async def _dial(self, wanted: Destination) -> None:
        if wanted.credentials is not None:
            self.caller = self._door.callers(*wanted.credentials)
        if self.caller is None and (self.for_pods or wanted.credentials is not None):
            self._refuse(wanted, 407, "say the name and the password of a pod of this node")
            return
        if self.caller is not None and self._door.count(self.caller) > MOST_OF_A_POD:
            self._refuse(wanted, 503, f"{MOST_OF_A_POD} connections of this pod are open already")
            return
        splice = Splice(idle_timeout_s=_IDLE_LIMIT_S)
        try:
            status, reason = await self._door.ways.dial(wanted.host, wanted.port, splice, self.caller)
        except asyncio.CancelledError:  # it has left
            splice.abort()
            raise
        if status != 200:
            _log.debug("door to %s:%d: %s", wanted.host, wanted.port, reason)
            self._refuse(wanted, status, reason)
            return
        self._splice = splice
        splice.finished.add_done_callback(lambda _: self._door.guests.pop(self, None))
        if wanted.welcome:
            self._transport.write(wanted.welcome)
        client = splice.sides[CLIENT]
        self._transport.set_protocol(client)
        client.connection_made(self._transport)
        self._transport.resume_reading()
        if words := wanted.first_words + bytes(self._early):
            client.data_received(words)

    def _refuse(self, wanted: Destination, status: int, reason: str) -> None:
        self._door.refusals[status] += 1
        self._hang_up(wanted.refusal(status, reason))

    def _hang_up(self, answer: bytes) -> None:
        self._transport.write(answer)
        self._transport.close()


def _place_of(server: asyncio.Server) -> str:
    host, port, *_ = server.sockets[0].getsockname()
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
