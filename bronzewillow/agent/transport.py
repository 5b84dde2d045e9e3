"""A connection of a userspace stack as an asyncio transport: the semantics of a socket's."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any

from bronzewillow.stack import Connection, RemoteError, Stack, State
from bronzewillow.stack.errors import ConnectionRefused, ConnectionTimedOut

_HIGH_WATER_BYTES = 64 << 10
_LINGER_S = 300.0
"""For a peer to take something of what was buffered when it was closed; a send buffer has room again when a
quarter of it, 256 KiB or more, was taken."""
_EOF = b""


class UserspaceTransport(asyncio.Transport):
    """Flow control both ways, half-close, close after the buffer is sent, abort by RST.

    What the stack's send buffer does not take waits in `_buffer`; the protocol is paused by its size, as a
    socket transport does by the bytes that the kernel has not taken. While reading is paused nothing is
    consumed, so the receive window closes and the peer waits. Most connections wait most of the time, so
    nothing is made before it is needed: neither of the two queues, whose first 64 places are 760 bytes.
    """

    __slots__ = (
        "_buffer",
        "_buffer_bytes",
        "_closing",
        "_connection",
        "_eof_wanted",
        "_high",
        "_host",
        "_linger",
        "_loop",
        "_lost",
        "_low",
        "_now",
        "_protocol",
        "_protocol_paused",
        "_reading_paused",
        "_stack",
        "_touch",
        "_unread",
    )

    _start_tls_compatible = True  # what loop.start_tls asks of a transport

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        connection: Connection,
        stack: Stack,
        now: Callable[[], int],
        touch: Callable[[Stack], None],
        host: Callable[[bytes], str],
    ) -> None:
        """`touch(stack)` after each call of `connection`; `host` makes text of an address."""
        super().__init__()
        self._loop = loop
        self._connection = connection
        self._stack = stack
        self._now = now
        self._touch = touch
        self._host = host
        self._protocol: asyncio.BaseProtocol = asyncio.Protocol()
        self._buffer: deque[memoryview] | None = None
        self._buffer_bytes = 0
        self._unread: deque[bytes] | None = None  # arrived while reading was paused; _EOF last
        self._high, self._low = _HIGH_WATER_BYTES, _HIGH_WATER_BYTES // 4
        self._protocol_paused = False
        self._reading_paused = False
        self._eof_wanted = False
        self._closing = False
        self._lost = False
        self._linger: asyncio.TimerHandle | None = None  # after close(), while something is buffered

    # ---- asyncio.BaseTransport

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """`peername` and `sockname`, as (host, port)."""
        if name not in ("peername", "sockname"):
            return default
        address, port = self._connection.remote if name == "peername" else self._connection.local
        return self._host(address), port

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Hand the connection to another protocol."""
        self._protocol = protocol

    def get_protocol(self) -> asyncio.BaseProtocol:
        """The current protocol."""
        return self._protocol

    def is_closing(self) -> bool:
        """Whether close or abort was called, or the connection is lost."""
        return self._closing

    def close(self) -> None:
        """Send what is buffered, then FIN, or RST if the peer does not take it. No more data is received."""
        if self._closing:
            return
        self._closing = True
        self._unread = None
        if self._buffer:
            self._linger = self._loop.call_later(_LINGER_S, self._check_linger, self._buffer_bytes)
        else:
            self._finish_close()

    def abort(self) -> None:
        """RST at once; what is buffered is dropped."""
        if self._lost:
            return
        self._closing = True
        self._drop_buffer()
        self._connection.abort(self._now())
        self._touch(self._stack)
        self._lose(None)

    # ---- asyncio.ReadTransport

    def is_reading(self) -> bool:
        """Whether data is being delivered."""
        return not self._reading_paused and not self._closing

    def pause_reading(self) -> None:
        """Deliver nothing, and let the receive window close. Idempotent."""
        self._reading_paused = True

    def resume_reading(self) -> None:
        """Deliver again, first what has arrived meanwhile. Idempotent."""
        if self._reading_paused:
            self._reading_paused = False
            if self._unread:
                self._loop.call_soon(self._deliver_unread)

    # ---- asyncio.WriteTransport

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Queue `data`; never blocks."""
        if self._eof_wanted:
            raise RuntimeError("cannot write after write_eof()")
        if self._closing or self._has_ended or not data:
            return
        taken = 0
        if not self._buffer:
            taken = self._connection.send(data, self._now())
            self._touch(self._stack)
        if taken < len(data):
            if self._buffer is None:
                self._buffer = deque()
            self._buffer.append(memoryview(bytes(data))[taken:])
            self._buffer_bytes += len(data) - taken
            self._maybe_pause_protocol()

    def writelines(self, list_of_data: Any) -> None:
        """Queue all of them as one write."""
        self.write(b"".join(list_of_data))

    def can_write_eof(self) -> bool:
        """Always: TCP can close one direction."""
        return True

    def write_eof(self) -> None:
        """FIN after what is buffered; receiving goes on. Idempotent."""
        if self._closing or self._eof_wanted:
            return
        self._eof_wanted = True
        if not self._buffer:
            self._shutdown()

    def get_write_buffer_size(self) -> int:
        """Bytes that the stack has not taken yet."""
        return self._buffer_bytes

    def get_write_buffer_limits(self) -> tuple[int, int]:
        """The low and the high water mark, in bytes."""
        return self._low, self._high

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """As asyncio has it: the protocol is paused above `high` and resumed at `low`."""
        if high is None:
            high = 4 * low if low is not None else _HIGH_WATER_BYTES
        if low is None:
            low = high // 4
        if not high >= low >= 0:
            raise ValueError(f"high ({high!r}) must be >= low ({low!r}) must be >= 0")
        self._high, self._low = high, low
        self._maybe_pause_protocol()

    # ---- what the stack reports

    def on_data(self, data: bytes) -> None:
        """The next bytes of the stream."""
        if self._closing:
            return
        if self._reading_paused or self._unread:
            self._keep(data)
        else:
            self._deliver(data)

    def on_peer_closed(self) -> None:
        """The peer's FIN, behind all data."""
        if self._closing:
            return
        if self._reading_paused or self._unread:
            self._keep(_EOF)
        else:
            self._deliver_eof()

    def on_writable(self) -> None:
        """The stack has room again."""
        if self._has_ended:
            return
        while self._buffer:
            chunk = self._buffer[0]
            taken = self._connection.send(chunk, self._now())
            self._buffer_bytes -= taken
            if taken < len(chunk):
                self._buffer[0] = chunk[taken:]
                break
            self._buffer.popleft()
        self._touch(self._stack)
        if not self._buffer:
            self._buffer = None
            if self._closing:
                self._finish_close()
                return
            if self._eof_wanted:
                self._shutdown()
        if self._protocol_paused and self._buffer_bytes <= self._low:
            self._protocol_paused = False
            self._call("resume_writing")

    def on_reset(self, error: RemoteError) -> None:
        """The connection ended in an error."""
        self._closing = True
        self._drop_buffer()
        self._lose(as_os_error(error))

    def on_closed(self) -> None:
        """The connection has ended in order."""
        if not self._unread:
            self._closing = True
            self._lose(None)

    # ---- inside

    @property
    def _has_ended(self) -> bool:
        """What ended the connection came in one batch with what is told now: an event of it follows."""
        return self._connection.state is State.CLOSED

    def _keep(self, data: bytes) -> None:
        if self._unread is None:
            self._unread = deque()
        self._unread.append(data)

    def _deliver(self, data: bytes) -> None:
        protocol = self._protocol
        try:
            if isinstance(protocol, asyncio.BufferedProtocol):
                _feed(protocol, data)
            elif isinstance(protocol, asyncio.Protocol):
                protocol.data_received(data)
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as error:
            self._fatal(error, "the protocol failed in data_received")
            return
        if not self._closing:
            self._connection.consume(len(data), self._now())
            self._touch(self._stack)

    def _deliver_eof(self) -> None:
        protocol = self._protocol
        keep_open = False
        try:
            if isinstance(protocol, asyncio.Protocol | asyncio.BufferedProtocol):
                keep_open = bool(protocol.eof_received())
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as error:
            self._fatal(error, "the protocol failed in eof_received")
            return
        if not keep_open:
            self.close()

    def _deliver_unread(self) -> None:
        while self._unread and not self._reading_paused and not self._closing:
            data = self._unread.popleft()
            if data is _EOF:
                self._deliver_eof()
            else:
                self._deliver(data)
        if not self._unread:
            self._unread = None

    def _maybe_pause_protocol(self) -> None:
        if not self._protocol_paused and self._buffer_bytes > self._high:
            self._protocol_paused = True
            self._call("pause_writing")

    def _call(self, callback: str) -> None:
        try:
            getattr(self._protocol, callback)()
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as error:
            self._loop.call_exception_handler(
                {"message": f"protocol.{callback}() failed", "exception": error, "transport": self}
            )

    def _shutdown(self) -> None:
        self._connection.shutdown(self._now())
        self._touch(self._stack)

    def _finish_close(self) -> None:
        self._connection.close(self._now())
        self._touch(self._stack)
        self._lose(None)

    def _check_linger(self, before_bytes: int) -> None:
        """A peer that keeps its window shut is alive as long as it answers, and would stay for ever."""
        if self._buffer_bytes < before_bytes:
            self._linger = self._loop.call_later(_LINGER_S, self._check_linger, self._buffer_bytes)
        else:
            self.abort()

    def _fatal(self, error: BaseException, message: str) -> None:
        self._loop.call_exception_handler(
            {"message": message, "exception": error, "transport": self, "protocol": self._protocol}
        )
        self.abort()

    def _drop_buffer(self) -> None:
        self._buffer = self._unread = None
        self._buffer_bytes = 0

    def _lose(self, error: OSError | None) -> None:
        if not self._lost:
            self._lost = True
            if self._linger is not None:
                self._linger.cancel()
            self._loop.call_soon(self._protocol.connection_lost, error)


def _feed(protocol: asyncio.BufferedProtocol, data: bytes) -> None:
    """Copy `data` into the buffers that the protocol offers."""
    view = memoryview(data)
    while view:
        buffer = memoryview(protocol.get_buffer(len(view)))
        if not len(buffer):
            raise RuntimeError("get_buffer() returned an empty buffer")
        size = min(len(buffer), len(view))
        buffer[:size] = view[:size]
        protocol.buffer_updated(size)
        view = view[size:]


def as_os_error(error: RemoteError) -> OSError:
    """What a kernel socket would have raised."""
    if isinstance(error, ConnectionRefused):
        return ConnectionRefusedError(str(error))
    if isinstance(error, ConnectionTimedOut):
        return TimeoutError(str(error))
    return ConnectionResetError(str(error))
