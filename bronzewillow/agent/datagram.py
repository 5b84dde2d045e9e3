"""The one UDP socket of an underlay: trains of datagrams in and out, by the best way that the kernel has.

The rungs: `gso` reads and writes whole trains by UDP_GRO and UDP_SEGMENT (Linux); `plain` is one datagram a
call, everywhere; `gso-only` and `gro-only` leave one of the two out, for a kernel that has it wrong. A train
that the kernel refuses to cut makes the socket send plainly for good; it still reads whole trains, because
the kernel goes on making them. The socket is never connected: peers send from ports that they derive from
the inner flow.

Where there is no room, EAGAIN or ENOBUFS, datagrams wait in their order. One that does not fit its path is
lost, and told: see `outer_path`.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
import struct
import sys
from collections import Counter, deque
from collections.abc import Callable
from enum import StrEnum

from bronzewillow.agent.addresses import pack_address
from bronzewillow.agent.outer_path import (
    Address,
    ask_for_errors,
    set_fragmenting,
    take_errors,
    take_zero_checksums,
)

_SOL_UDP = 17
_UDP_SEGMENT = 103
_UDP_GRO = 104
_MAX_SEGMENTS = 64  # what every kernel with UDP_SEGMENT takes
_MAX_TRAIN_BYTES = 65_507  # the largest UDP payload over IPv4; IPv6 would take 20 more
_READ_BYTES = 65_535
_READS_PER_WAKEUP = 64  # then the loop gets its turn
_BUFFER_BYTES = 8 << 20
_MAX_PENDING_BYTES = 16 << 20  # waiting for a full socket buffer; then the tail is dropped
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.001, 0.064  # while the interface has no room; no readiness tells of it
_CANNOT_CUT = (errno.EIO, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP)
_SEGMENT_SIZE = struct.Struct("=H")
_ANCILLARY_BYTES = 128
_CE = 0b11
_TELL_TOS = {
    socket.AF_INET: (socket.IPPROTO_IP, socket.IP_RECVTOS),
    socket.AF_INET6: (socket.IPPROTO_IPV6, socket.IPV6_RECVTCLASS),
}
_TOS = {
    (socket.IPPROTO_IP, socket.IP_TOS),
    (socket.IPPROTO_IP, socket.IP_RECVTOS),  # as macOS names what it tells
    (socket.IPPROTO_IPV6, socket.IPV6_TCLASS),
}
_GRO_SIZE = struct.Struct("=i")


class Rung(StrEnum):
    """How datagrams cross the kernel's border, the best way first."""

    GSO = "gso"
    GSO_ONLY = "gso-only"
    GRO_ONLY = "gro-only"
    PLAIN = "plain"

    @property
    def sends_trains(self) -> bool:
        """Whether one call sends many datagrams, by UDP_SEGMENT."""
        return self in (Rung.GSO, Rung.GSO_ONLY)

    @property
    def reads_trains(self) -> bool:
        """Whether one call reads many datagrams, by UDP_GRO."""
        return self in (Rung.GSO, Rung.GRO_ONLY)


class DatagramSocket:
    """A bound, unconnected UDP socket on the event loop.

    `on_train(train, piece_bytes, source)` gets what arrives: `piece_bytes` is 0 for a single datagram,
    `source` a packed address and a port. `on_drained()` follows the last of a wake-up.
    """

    def __init__(
        self,
        address: Address,
        on_train: Callable[[bytes, int, tuple[bytes, int]], None],
        on_drained: Callable[[], None],
        rung: Rung | None = None,
        on_too_big: Callable[[Address, int], None] | None = None,
        on_marked: Callable[[bytes, int, tuple[bytes, int]], None] | None = None,
    ) -> None:
        """Binds; OSError when the address is taken or not ours. `rung` forces a way, or raises ValueError.

        `on_too_big(to, size)`: a UDP payload of `size` bytes does not fit the way to `to`, and is lost.
        `on_marked` is called in place of `on_train` where the IP header says CE (RFC 3168 5).
        """
        self._loop = asyncio.get_running_loop()
        self._on_train = on_train
        self._on_drained = on_drained
        self._on_too_big = on_too_big
        self._on_marked = on_marked or on_train
        family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_DGRAM)
        self._pending: deque[tuple[bytes, int, Address]] = deque()
        self._pending_bytes = 0
        self._pause: asyncio.TimerHandle | None = None
        self._pause_s = _FIRST_PAUSE_S
        self._sources: dict[str, bytes] = {}
        self.errors: Counter[str] = Counter()
        self.sends = 0
        self.reads = 0
        try:
            self._socket.setblocking(False)
            for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
                self._enlarge(option)
            if family == socket.AF_INET6:
                self._socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            with contextlib.suppress(OSError):  # without it marks go unseen, as they did
                self._socket.setsockopt(*_TELL_TOS[family], 1)
            set_fragmenting(self._socket, False)
            take_zero_checksums(self._socket)
            ask_for_errors(self._socket)
            self._socket.bind(address)
            self._step_to(self._choose(rung))
        except BaseException:
            self._socket.close()
            raise
        self._loop.add_reader(self._socket, self._on_readable)

    @property
    def address(self) -> Address:
        """Where the socket is bound."""
        host, port = self._socket.getsockname()[:2]
        return host, port

    def send(self, buffer: bytes | bytearray | memoryview, piece_bytes: int, to: Address) -> None:
        """Send `buffer` as datagrams of `piece_bytes`, the last perhaps shorter. Never blocks or raises."""
        view = memoryview(buffer)
        while view:
            reach = piece_bytes
            if self._sends_trains:
                reach *= max(min(_MAX_SEGMENTS, _MAX_TRAIN_BYTES // piece_bytes), 1)
            part, view = view[:reach], view[reach:]
            if self._pending:
                self._wait(part, piece_bytes, to)
            else:
                self._send_part(part, piece_bytes, to)

    def send_in_fragments(self, buffer: bytes | bytearray, piece_bytes: int, to: Address) -> None:
        """As `send`, where the outer packets cannot but be fragmented: a path smaller than packets may be."""
        set_fragmenting(self._socket, True)
        try:
            for at in range(0, len(buffer), piece_bytes):
                self._send_part(memoryview(buffer)[at : at + piece_bytes], piece_bytes, to)
        finally:
            set_fragmenting(self._socket, False)

    def count_on_from(self, other: DatagramSocket) -> None:
        """Counters go on where those of a socket stood whose place this one takes."""
        self.sends, self.reads, self.errors = other.sends, other.reads, other.errors

    def close(self) -> None:
        """Give the port back. What has not been sent is dropped. Idempotent."""
        if self._socket.fileno() >= 0:
            self._loop.remove_reader(self._socket)
            self._loop.remove_writer(self._socket)
            self._socket.close()
            self._pending.clear()
            if self._pause is not None:
                self._pause.cancel()

    # ---- receiving

    def _on_readable(self) -> None:
        for number in range(_READS_PER_WAKEUP):
            if not self._read_one():
                if number == 0:  # something else made it readable
                    self.errors.update(take_errors(self._socket))
                break
        self._on_drained()

    def _read_one(self) -> bool:
        try:
            train, ancillary, flags, source = self._socket.recvmsg(_READ_BYTES, _ANCILLARY_BYTES)
        except (BlockingIOError, InterruptedError):
            return False
        except OSError:  # an ICMP error about something we sent
            self.errors.update(take_errors(self._socket))
            return True
        if flags & socket.MSG_TRUNC:
            self.errors["truncated"] += 1
            return True
        self.reads += 1
        piece_bytes, tos = _read_ancillary(ancillary)
        on_train = self._on_marked if tos & _CE == _CE else self._on_train
        on_train(train, piece_bytes, (self._packed(source[0]), source[1]))
        return True

    def _packed(self, host: str) -> bytes:
        packed = self._sources.get(host)
        if packed is None:
            if len(self._sources) >= 1024:  # strangers can make it grow
                self._sources.clear()
            packed = self._sources[host] = pack_address(host.partition("%")[0])  # a link-local one has a zone
        return packed

    # ---- sending

    def _send_part(self, part: memoryview, piece_bytes: int, to: Address) -> None:
        try:
            self._transmit_again(part, piece_bytes, to)
        except (BlockingIOError, InterruptedError):
            self._wait(part, piece_bytes, to)
        except OSError as error:
            self.errors[_name(error)] += 1
            if error.errno == errno.ENOBUFS:
                self._wait(part, piece_bytes, to, pause=True)
            elif error.errno in _CANNOT_CUT and len(part) > piece_bytes:
                self._step_to(Rung.PLAIN)
                self.send(part, piece_bytes, to)
            else:
                self._lose(error, part, piece_bytes, to)

    def _transmit_again(self, part: memoryview, piece_bytes: int, to: Address) -> None:
        """Twice, where the first failure may have been about an earlier datagram: so ICMP is told of."""
        try:
            self._transmit(part, piece_bytes, to)
        except (BlockingIOError, InterruptedError):
            raise
        except OSError as error:
            if error.errno == errno.ENOBUFS or (error.errno in _CANNOT_CUT and len(part) > piece_bytes):
                raise
            self._transmit(part, piece_bytes, to)

    def _transmit(self, part: memoryview, piece_bytes: int, to: Address) -> None:
        self.sends += 1
        if len(part) <= piece_bytes:
            self._socket.sendto(part, to)
        else:
            size = _SEGMENT_SIZE.pack(piece_bytes)
            self._socket.sendmsg([part], [(_SOL_UDP, _UDP_SEGMENT, size)], 0, to)

    def _lose(self, error: OSError, part: memoryview, piece_bytes: int, to: Address) -> None:
        """Loss, which TCP repairs: EHOSTUNREACH, EPERM of a firewall; and EMSGSIZE, which it must know of."""
        if error.errno == errno.EMSGSIZE and self._on_too_big is not None:
            self._on_too_big(to, min(len(part), piece_bytes))

    def _wait(self, part: memoryview, piece_bytes: int, to: Address, *, pause: bool = False) -> None:
        if self._pending_bytes + len(part) > _MAX_PENDING_BYTES:
            self.errors["send_queue_full"] += 1
            return
        if not self._pending:
            if pause:
                self._rest()
            else:
                self._loop.add_writer(self._socket, self._on_writable)
        self._pending.append((part.tobytes(), piece_bytes, to))
        self._pending_bytes += len(part)

    def _rest(self) -> None:
        """ENOBUFS: the socket has room and the interface has none, so readiness would say "now", always."""
        self._loop.remove_writer(self._socket)
        self._pause = self._loop.call_later(self._pause_s, self._on_writable)
        self._pause_s = min(2 * self._pause_s, _LONGEST_PAUSE_S)

    def _on_writable(self) -> None:
        while self._pending:
            part, piece_bytes, to = self._pending[0]
            try:
                self._transmit_again(memoryview(part), piece_bytes, to)
            except (BlockingIOError, InterruptedError):
                self._loop.add_writer(self._socket, self._on_writable)
                return
            except OSError as error:
                self.errors[_name(error)] += 1
                if error.errno == errno.ENOBUFS:
                    self._rest()
                    return
                if error.errno in _CANNOT_CUT and len(part) > piece_bytes:
                    self._step_to(Rung.PLAIN)
                    starts = range(0, len(part), piece_bytes)
                    singles = [(part[at : at + piece_bytes], piece_bytes, to) for at in starts]
                    self._pending.popleft()
                    self._pending.extendleft(reversed(singles))
                    continue
                self._lose(error, memoryview(part), piece_bytes, to)
            else:
                self._pause_s = _FIRST_PAUSE_S
            self._pending.popleft()
            self._pending_bytes -= len(part)
        self._loop.remove_writer(self._socket)

    # ---- setting up

    def _step_to(self, rung: Rung) -> None:
        self.rung = rung
        self._sends_trains = rung.sends_trains

    def _choose(self, forced: Rung | None) -> Rung:
        wanted = forced or Rung.GSO
        if wanted is Rung.PLAIN:
            return wanted
        if sys.platform == "linux":
            with contextlib.suppress(OSError):
                if wanted.reads_trains:
                    self._socket.setsockopt(_SOL_UDP, _UDP_GRO, 1)
                if wanted.sends_trains:
                    self._socket.getsockopt(_SOL_UDP, _UDP_SEGMENT)
                return wanted
        if forced is not None:
            raise ValueError("this kernel has neither UDP_SEGMENT nor UDP_GRO: use --datagram-io plain")
        return Rung.PLAIN

    def _enlarge(self, option: int) -> None:
        """As large as the system lets an ordinary user have it; macOS refuses what Linux would clip."""
        size = _BUFFER_BYTES
        while size >= 1 << 16:
            with contextlib.suppress(OSError):
                self._socket.setsockopt(socket.SOL_SOCKET, option, size)
                return
            size //= 2


def _read_ancillary(ancillary: list[tuple[int, int, bytes]]) -> tuple[int, int]:
    """The size of the pieces of a train, 0 for a single datagram; and its TOS or traffic class."""
    piece_bytes = tos = 0
    for level, kind, data in ancillary:
        if level == _SOL_UDP and kind == _UDP_GRO and len(data) >= _GRO_SIZE.size:
            piece_bytes = int(_GRO_SIZE.unpack_from(data)[0])
        elif (level, kind) in _TOS and data:
            tos = data[0] or data[-1]  # one byte, or an int in either order of bytes
    return piece_bytes, tos


def _name(error: OSError) -> str:
    return errno.errorcode.get(error.errno or 0, "unknown").lower()
