"""The door into the pod network for other programs of this user: HTTP CONNECT on a unix socket.

`CONNECT 10.244.7.3:8080` is answered with 200 once the pod has, and is the connection from then on; it comes
from the node's own address. Pods of this node are reached as others are: through their stacks and the proxy.
"""

from __future__ import annotations

import asyncio
import logging
import re
import socket
from pathlib import Path
from typing import cast

from bronzewillow.agent.net import Net
from bronzewillow.host.paths import prepare_socket_folder
from bronzewillow.host.splice import CLIENT, UPSTREAM, Splice
from bronzewillow.host.tasks import spawn

MOST_CONNECTIONS = 1024
_LONGEST_HEAD = 4096
_MOST_EARLY_BYTES = 65_536
_HEAD_LIMIT_S = 10.0
_DIAL_LIMIT_S = 60.0
_IDLE_LIMIT_S = 4 * 3600.0  # as long as a kubelet lets a port-forward stand idle
_REQUEST = re.compile(rb"CONNECT ([0-9.]{7,15}):([0-9]{1,5}) HTTP/1\.[01]\r\n")
_REASONS = {400: "Bad Request", 502: "Bad Gateway", 503: "Service Unavailable", 504: "Gateway Timeout"}
_log = logging.getLogger(__name__)


class Door:
    """One socket; whoever may open it may reach every pod."""

    def __init__(self, net: Net) -> None:
        self.net = net
        self.guests: set[Guest] = set()
        self._server: asyncio.Server | None = None
        self._path: Path | None = None

    async def start(self, path: Path) -> None:
        """Listen at `path`, in the place of what a former agent left there. ValueError, OSError."""
        prepare_socket_folder(path)
        path.unlink(missing_ok=True)
        loop = asyncio.get_running_loop()
        self._server = await loop.create_unix_server(lambda: Guest(self), str(path), backlog=1024)
        path.chmod(0o600)
        self._path = path

    def close(self) -> None:
        """Nobody comes in any more, and who is in is cut off."""
        if self._server is not None:
            self._server.close()
        for guest in list(self.guests):
            guest.abort()
        if self._path is not None:
            self._path.unlink(missing_ok=True)

    async def dial(self, address: str, port: int, splice: Splice) -> tuple[int, str]:
        """Join the upstream side of `splice`; status and, where that is not 200, the reason."""
        packed = socket.inet_aton(address)
        if self.net.node.vtep.spec.owns(packed) and packed not in self.net.node.stacks:
            return 502, "no route to host"  # no pod has it: nobody would answer
        try:
            async with asyncio.timeout(_DIAL_LIMIT_S):
                await self.net.create_connection(lambda: splice.sides[UPSTREAM], address, port)
        except TimeoutError:
            return 504, "connection timed out"
        except ConnectionRefusedError:
            return 502, "connection refused"
        except OSError as error:
            return 502, str(error) or "connection reset by peer"
        return 200, ""


class Guest(asyncio.Protocol):
    """One that came in; once it is answered its transport belongs to a splice."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._data = bytearray()
        self._transport: asyncio.Transport
        self._splice: Splice | None = None
        self._dialling: asyncio.Task[None] | None = None
        self._late: asyncio.TimerHandle

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._late = asyncio.get_running_loop().call_later(_HEAD_LIMIT_S, self._transport.abort)
        self._door.guests.add(self)
        if len(self._door.guests) > MOST_CONNECTIONS:
            self._refuse(503, f"{MOST_CONNECTIONS} connections are open already")

    def data_received(self, data: bytes) -> None:
        self._data += data
        if self._dialling is not None:  # early words, for the pod
            if len(self._data) > _MOST_EARLY_BYTES:
                self._transport.abort()
            return
        if self._transport.is_closing():
            return
        head, end, rest = self._data.partition(b"\r\n\r\n")
        if not end:
            if len(self._data) > _LONGEST_HEAD:
                self._refuse(400, "the head of the request is too long")
            return
        self._late.cancel()
        found = _REQUEST.match(head + b"\r\n")
        address, port = (found[1].decode(), int(found[2])) if found else ("", 0)
        if not _is_address(address) or not 0 < port < 65536:
            self._refuse(400, "say CONNECT ADDRESS:PORT HTTP/1.1 with an IPv4 address")
            return
        self._data = rest
        self._dialling = spawn(self._dial(address, port), name=f"door to {address}:{port}")

    def connection_lost(self, exc: Exception | None) -> None:
        self._late.cancel()
        if self._dialling is not None:
            self._dialling.cancel()
        self._door.guests.discard(self)

    def abort(self) -> None:
        """Cut it off, on both sides."""
        if self._splice is not None:
            self._splice.abort()
        self._transport.abort()

    async def _dial(self, address: str, port: int) -> None:
        splice = Splice(idle_timeout_s=_IDLE_LIMIT_S)
        try:
            status, reason = await self._door.dial(address, port, splice)
        except asyncio.CancelledError:  # it has left
            splice.abort()
            raise
        if status != 200:
            _log.debug("door to %s:%d: %s", address, port, reason)
            self._refuse(status, reason)
            return
        self._splice = splice
        splice.finished.add_done_callback(lambda _: self._door.guests.discard(self))
        self._transport.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        client = splice.sides[CLIENT]
        self._transport.set_protocol(client)
        client.connection_made(self._transport)
        if self._data:
            client.data_received(bytes(self._data))

    def _refuse(self, status: int, reason: str) -> None:
        fields = f"Content-Length: {len(reason)}\r\nConnection: close"
        head = f"HTTP/1.1 {status} {_REASONS[status]}\r\n{fields}\r\n\r\n"
        self._transport.write((head + reason).encode())
        self._transport.close()


def _is_address(text: str) -> bool:
    try:
        socket.inet_pton(socket.AF_INET, text)
    except OSError:
        return False
    return True
