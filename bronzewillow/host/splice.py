"""Two transports joined byte for byte: back-pressure, half-close and resets pass from each to the other.

The opaque relay is a splice from the first byte; an upgraded HTTP connection becomes one after its 101.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import Callable
from typing import Final, cast

from bronzewillow.host.cutting import cut

_LINGER_NOT: Final = struct.pack("ii", 1, 0)
CLIENT: Final = 0
UPSTREAM: Final = 1
_EARLY_BYTES: Final = 1 << 19
"""Bytes taken from a client whose transport delivers although it was paused, until the upstream is there: two
reads of the event loop's, of which one is enough to notice it.
"""


class SpliceSide(asyncio.Protocol):
    """One of the two connections of a Splice."""

    __slots__ = ("_index", "_splice", "has_ended", "received", "transport")

    def __init__(self, splice: Splice, index: int) -> None:
        self._splice = splice
        self._index = index
        self.transport: asyncio.Transport | None = None
        """None before the connection is made and after it is lost."""
        self.received = 0
        """Bytes that came from this side."""
        self.has_ended = False
        """Whether this side sent its end (FIN): everything it had to say was received."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self._splice.on_made(self._index)

    def data_received(self, data: bytes) -> None:
        self.received += len(data)
        self._splice.on_data(self._index, data)

    def eof_received(self) -> bool:
        self.has_ended = True
        transport = self.transport
        self._splice.on_end(self._index)
        # a half-closed connection still takes what the other side sends; TLS knows no such thing
        return transport is not None and transport.can_write_eof()

    def pause_writing(self) -> None:
        self._splice.hold(1 - self._index)

    def resume_writing(self) -> None:
        self._splice.release(1 - self._index)

    def connection_lost(self, exc: Exception | None) -> None:
        self.transport = None
        self._splice.on_lost(self._index, exc)


class Splice:
    """The pair. It is `finished` when both connections are lost; nothing of it is left then."""

    __slots__ = (
        "_early",
        "_idle_timeout_s",
        "_joined",
        "_last_byte_s",
        "_loop",
        "_lost",
        "_on_bytes",
        "_on_finished",
        "_timer",
        "finished",
        "sides",
        "timed_out",
    )

    def __init__(
        self,
        *,
        idle_timeout_s: float,
        on_bytes: Callable[[int, int], None] | None = None,
        on_finished: Callable[[Splice], None] | None = None,
    ) -> None:
        """`on_bytes(side, count)` follows each read, `on_finished(splice)` comes once, at the end."""
        self._loop = asyncio.get_running_loop()
        self._idle_timeout_s = idle_timeout_s
        self._on_bytes = on_bytes
        self._on_finished = on_finished
        self._last_byte_s = self._loop.time()
        self._timer: asyncio.TimerHandle | None = None
        self._joined = False
        self._early = bytearray()
        self._lost = 0
        self.finished: asyncio.Future[None] = self._loop.create_future()
        self.timed_out = False
        self.sides = (SpliceSide(self, CLIENT), SpliceSide(self, UPSTREAM))

    def on_made(self, index: int) -> None:
        """The client waits, unread and so unbuffered, until the upstream is there."""
        if self.finished.done():  # it did not wait
            transport = self.sides[index].transport
            assert transport is not None
            reset(transport)
        elif all(side.transport is not None for side in self.sides):
            self._joined = True
            self._last_byte_s = self._loop.time()
            self._timer = self._loop.call_later(self._idle_timeout_s, self._check_idle)
            self._pass_early(1 - index)
            self.release(1 - index)
        else:
            self.hold(index)

    def on_data(self, index: int, data: bytes) -> None:
        self._last_byte_s = self._loop.time()
        if self._on_bytes is not None:
            self._on_bytes(index, len(data))
        peer = self.sides[1 - index].transport
        if peer is not None:
            peer.write(data)
        elif not self._joined:
            self._early += data
            if len(self._early) > _EARLY_BYTES:
                self.abort()
            else:
                self._hold_again(index)

    def on_end(self, index: int) -> None:
        self._last_byte_s = self._loop.time()
        peer = self.sides[1 - index]
        if peer.transport is None:
            return
        if peer.has_ended or not peer.transport.can_write_eof():
            # Both have said all: close() sends what is still buffered, then FIN.
            self._close_all()
        else:
            with contextlib.suppress(OSError):  # it has gone already: its loss is told next
                peer.transport.write_eof()

    def on_lost(self, index: int, exc: Exception | None) -> None:
        self._lost += 1
        side, peer = self.sides[index], self.sides[1 - index]
        if peer.transport is not None and not peer.transport.is_closing():
            if side.has_ended:
                # It sent everything before it went, so the peer gets everything before it is closed.
                peer.transport.close()
            else:
                reset(peer.transport)  # cut off in the middle: the peer must see that, not a clean end
        if self._lost == 2 or not self._joined:
            self._finish()

    def hold(self, index: int) -> None:
        """Stop reading from a side."""
        transport = self.sides[index].transport
        if transport is not None and not transport.is_closing():
            transport.pause_reading()

    def _hold_again(self, index: int) -> None:
        # A socket's transport of Python 3.11.2 begins to read after connection_made, paused or not.
        self.release(index)
        self.hold(index)

    def release(self, index: int) -> None:
        """Read from a side again."""
        transport = self.sides[index].transport
        if transport is not None and not transport.is_closing():
            transport.resume_reading()

    def abort(self) -> None:
        """Reset both connections."""
        for side in self.sides:
            if side.transport is not None:
                reset(side.transport)

    def _pass_early(self, index: int) -> None:
        peer = self.sides[1 - index].transport
        assert peer is not None
        if self._early:
            peer.write(bytes(self._early))
            self._early.clear()
        if self.sides[index].has_ended:
            self.on_end(index)

    def _close_all(self) -> None:
        for side in self.sides:
            if side.transport is not None:
                side.transport.close()

    def _check_idle(self) -> None:
        # One timer for the connection's whole life: a byte only notes its time.
        left_s = self._last_byte_s + self._idle_timeout_s - self._loop.time()
        if left_s <= 0:
            self.timed_out = True
            self.abort()
        else:
            self._timer = self._loop.call_later(left_s, self._check_idle)

    def _finish(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if not self.finished.done():
            self.finished.set_result(None)
            if self._on_finished is not None:
                self._on_finished(self)


def reset(transport: asyncio.Transport) -> None:
    """End a connection with RST. A kernel socket would send FIN on abort(), which reads as a clean end."""
    sock = transport.get_extra_info("socket")
    if sock is not None and sock.family != socket.AF_UNIX and not transport.is_closing():
        with contextlib.suppress(OSError):  # macOS: EINVAL once both directions have ended
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOT)
    cut(transport)
