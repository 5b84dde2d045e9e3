"""Port-forward: pairs of streams on SPDY, of channels on a WebSocket; each is a connection to a port."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import struct

from bronzewillow.host.tasks import race
from runtime.streaming.calls import Duplex, Output, PortForward, Runtime
from runtime.streaming.channels import CHANNEL_PROTOCOLS
from runtime.streaming.errors import CallFailed, ProtocolError
from runtime.streaming.frames import ResetStatus
from runtime.streaming.inbox import Inbox
from runtime.streaming.pairs import Pair, Pairs
from runtime.streaming.spdy import SpdyConnection, SpdyStream
from runtime.streaming.websocket import ChannelConnection, ChannelStream, WebSocket

SPDY_PROTOCOL = "portforward.k8s.io"
TUNNEL_PROTOCOL = "SPDY/3.1+portforward.k8s.io"
"""The same, in the binary messages of a WebSocket."""
CHANNEL_SUBPROTOCOLS = ("v4.channel.k8s.io", "v4.base64.channel.k8s.io")
PAIR_LIMIT_S = 30.0
"""In which the second stream of a pair must follow the first."""
MOST_PORTS = 32
"""Of one WebSocket: channels are characters, in one of its protocols."""
_log = logging.getLogger(__name__)


class SpdyForwards:
    """Those of one connection: any number at a time, as far as the session takes streams."""

    def __init__(
        self, connection: SpdyConnection, call: PortForward, runtime: Runtime, limit_s: float = PAIR_LIMIT_S
    ) -> None:
        self._connection, self._call, self._runtime, self._limit_s = connection, call, runtime, limit_s
        self._pairs = Pairs()
        self._halves: dict[int, tuple[SpdyStream, asyncio.Task[None]]] = {}

    async def serve(self) -> None:
        """Until the client goes away. ConnectionError."""
        async with asyncio.TaskGroup() as group:
            while (stream := await self._connection.accept()) is not None:
                try:
                    pair = self._pairs.add(stream.id, stream.headers)
                except ProtocolError as error:
                    _log.info("a stream of a port-forward is refused: %s", error)
                    await stream.reset(ResetStatus.PROTOCOL_ERROR)
                    continue
                self._halves[stream.id] = stream, group.create_task(self._drop(stream))
                if pair is not None:
                    group.create_task(self._forward(pair))

    async def _drop(self, stream: SpdyStream) -> None:
        """Unless its other half comes."""
        await asyncio.sleep(self._limit_s)
        if self._pairs.drop(stream.id):
            del self._halves[stream.id]
            await stream.reset()

    async def _forward(self, pair: Pair) -> None:
        data, data_timer = self._halves.pop(pair.data_id)
        error, error_timer = self._halves.pop(pair.error_id)
        data_timer.cancel()
        error_timer.cancel()
        error.inbox.discard()  # nothing is said to us there
        await race(forward(self._runtime, self._call, pair.port, data, error), data.was_reset.wait())


def forward_channels(websocket: WebSocket, call: PortForward, protocol: str) -> ChannelConnection:
    """The connection: the i-th port has the channels 2i, for data, and 2i + 1, for the text of an error."""
    inboxes = {2 * number: Inbox() for number in range(len(call.ports))}
    return ChannelConnection(websocket, CHANNEL_PROTOCOLS[protocol], inboxes)


async def serve_channel_forwards(connection: ChannelConnection, call: PortForward, runtime: Runtime) -> None:
    """Until all of its ports have said all. ConnectionError."""
    async with asyncio.TaskGroup() as group:
        for number, port in enumerate(call.ports):
            data, error = (ChannelStream(connection, 2 * number + half) for half in (0, 1))
            for stream in (data, error):
                await stream.write(struct.pack("<H", port))
            group.create_task(forward(runtime, call, port, data, error))


async def forward(runtime: Runtime, call: PortForward, port: int, data: Duplex, error: Output) -> None:
    """One connection, to its end; a client that goes away meanwhile is no error."""
    with contextlib.suppress(ConnectionError):
        try:
            await runtime.port_forward(call, port, data)
        except CallFailed as failed:
            await error.write(str(failed).encode())
        await data.end()
        await error.end()
