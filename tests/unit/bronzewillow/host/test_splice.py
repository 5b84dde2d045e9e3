"""The splice over transports that write down what is asked of them; nothing here runs on sockets."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Callable

from bronzewillow.host.splice import CLIENT, UPSTREAM, Splice, reset
from bronzewillow.testing import aio


class RecordingTransport(asyncio.Transport):
    """A transport that, unlike a kernel's, may deliver while it is paused."""

    def __init__(self, *, half_close: bool = True) -> None:
        super().__init__()
        self.calls: list[str] = []
        self.written = b""
        self._half_close = half_close
        self._closing = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += bytes(data)

    def write_eof(self) -> None:
        self.calls.append("eof")

    def can_write_eof(self) -> bool:
        return self._half_close

    def pause_reading(self) -> None:
        self.calls.append("pause")

    def resume_reading(self) -> None:
        self.calls.append("resume")

    def is_closing(self) -> bool:
        return self._closing

    def close(self) -> None:
        self.calls.append("close")
        self._closing = True

    def abort(self) -> None:
        self.calls.append("abort")
        self._closing = True


def with_splice(test: Callable[[Splice, RecordingTransport, RecordingTransport], None]) -> None:
    async def main() -> None:
        splice = Splice(idle_timeout_s=60)
        try:
            test(splice, RecordingTransport(), RecordingTransport())
        finally:
            if not splice.finished.done():
                for side in splice.sides:
                    side.connection_lost(None)

    aio.run(main())


def test_a_client_is_not_read_before_its_upstream_is_there() -> None:
    def test(splice: Splice, client: RecordingTransport, upstream: RecordingTransport) -> None:
        splice.sides[CLIENT].connection_made(client)
        assert client.calls == ["pause"]
        splice.sides[UPSTREAM].connection_made(upstream)
        assert client.calls == ["pause", "resume"]

    with_splice(test)


def test_what_comes_although_paused_is_kept_and_passed() -> None:
    def test(splice: Splice, client: RecordingTransport, upstream: RecordingTransport) -> None:
        splice.sides[CLIENT].connection_made(client)
        splice.sides[CLIENT].data_received(b"early")
        assert splice.sides[CLIENT].eof_received()
        splice.sides[UPSTREAM].connection_made(upstream)
        assert upstream.written == b"early"
        assert upstream.calls == ["eof"]

    with_splice(test)


def test_who_was_read_although_paused_is_paused_again() -> None:
    def test(splice: Splice, client: RecordingTransport, upstream: RecordingTransport) -> None:
        splice.sides[CLIENT].connection_made(client)
        splice.sides[CLIENT].data_received(b"x" * 262_144)  # the most that asyncio reads at a time
        assert client.calls == ["pause", "resume", "pause"]  # a pause while paused would do nothing
        splice.sides[UPSTREAM].connection_made(upstream)
        assert upstream.written == b"x" * 262_144
        assert client.calls == ["pause", "resume", "pause", "resume"]

    with_splice(test)


def test_what_comes_although_paused_is_bounded() -> None:
    def test(splice: Splice, client: RecordingTransport, upstream: RecordingTransport) -> None:
        splice.sides[CLIENT].connection_made(client)
        for _ in range(3):
            splice.sides[CLIENT].data_received(b"x" * 262_144)
        assert client.calls == ["pause", *("resume", "pause") * 2, "abort"]

    with_splice(test)


def test_a_socket_that_is_read_although_paused_loses_nothing() -> None:
    class Upstream(RecordingTransport):
        def write_eof(self) -> None:
            super().write_eof()
            ended.set()

    read, ended = asyncio.Event(), asyncio.Event()

    async def main() -> None:
        loop = asyncio.get_running_loop()
        ours, theirs = socket.socketpair()
        upstream = Upstream()
        splice = Splice(idle_timeout_s=60, on_bytes=lambda side, count: read.set())
        transport, _ = await loop.create_connection(lambda: splice.sides[CLIENT], sock=ours)
        assert isinstance(transport, asyncio.Transport)
        transport.resume_reading()  # as Python 3.11.2 does by itself
        _, writer = await asyncio.open_connection(sock=theirs)
        writer.write(b"x" * 1_000_000)
        writer.write_eof()
        await read.wait()
        assert not transport.is_reading() and not transport.is_closing()
        splice.sides[UPSTREAM].connection_made(upstream)
        await ended.wait()
        assert upstream.written == b"x" * 1_000_000
        writer.close()
        splice.sides[UPSTREAM].connection_lost(None)
        splice.abort()
        await splice.finished

    aio.run(main())


def test_back_pressure_passes_across() -> None:
    def test(splice: Splice, client: RecordingTransport, upstream: RecordingTransport) -> None:
        for side, transport in zip(splice.sides, (client, upstream), strict=True):
            side.connection_made(transport)
        client.calls.clear()
        splice.sides[UPSTREAM].pause_writing()
        splice.sides[UPSTREAM].resume_writing()
        assert client.calls == ["pause", "resume"]
        assert upstream.calls == []
        splice.sides[CLIENT].pause_writing()
        assert upstream.calls == ["pause"]

    with_splice(test)


def test_both_ends_close_both_connections_after_their_data() -> None:
    def test(splice: Splice, client: RecordingTransport, upstream: RecordingTransport) -> None:
        for side, transport in zip(splice.sides, (client, upstream), strict=True):
            side.connection_made(transport)
        client.calls.clear()
        assert splice.sides[CLIENT].eof_received()
        assert (client.calls, upstream.calls) == ([], ["eof"])
        assert splice.sides[UPSTREAM].eof_received()
        assert (client.calls, upstream.calls) == (["close"], ["eof", "close"])
        splice.sides[CLIENT].connection_lost(None)
        assert not splice.finished.done()
        splice.sides[UPSTREAM].connection_lost(None)
        assert splice.finished.done()

    with_splice(test)


def test_an_end_closes_where_half_close_is_unknown() -> None:
    def test(splice: Splice, client: RecordingTransport, upstream: RecordingTransport) -> None:
        upstream = RecordingTransport(half_close=False)
        for side, transport in zip(splice.sides, (client, upstream), strict=True):
            side.connection_made(transport)
        splice.sides[CLIENT].eof_received()
        assert upstream.calls == ["close"]
        assert not splice.sides[UPSTREAM].eof_received()  # asyncio would say that it has no effect

    with_splice(test)


def test_a_cut_in_the_middle_is_passed_as_a_cut() -> None:
    def test(splice: Splice, client: RecordingTransport, upstream: RecordingTransport) -> None:
        for side, transport in zip(splice.sides, (client, upstream), strict=True):
            side.connection_made(transport)
        splice.sides[UPSTREAM].connection_lost(ConnectionResetError())
        assert client.calls[-1] == "abort"

    with_splice(test)


def test_a_loss_after_the_end_keeps_what_was_sent_before_it() -> None:
    # A reset that answers our late write must not take away the answer that is still being sent.
    def test(splice: Splice, client: RecordingTransport, upstream: RecordingTransport) -> None:
        for side, transport in zip(splice.sides, (client, upstream), strict=True):
            side.connection_made(transport)
        splice.sides[UPSTREAM].eof_received()
        splice.sides[UPSTREAM].connection_lost(BrokenPipeError())
        assert client.calls[-1] == "close"

    with_splice(test)


def test_a_client_lost_before_its_upstream_is_there_finishes() -> None:
    def test(splice: Splice, client: RecordingTransport, upstream: RecordingTransport) -> None:
        splice.sides[CLIENT].connection_made(client)
        splice.sides[CLIENT].connection_lost(None)
        assert splice.finished.done()

    with_splice(test)


def test_an_upstream_that_comes_after_its_client_has_gone_is_cut_off() -> None:
    def test(splice: Splice, client: RecordingTransport, upstream: RecordingTransport) -> None:
        splice.sides[CLIENT].connection_made(client)
        splice.sides[CLIENT].connection_lost(ConnectionResetError())
        splice.sides[UPSTREAM].connection_made(upstream)
        assert upstream.calls == ["abort"]
        splice.sides[UPSTREAM].connection_lost(None)

    with_splice(test)


def test_an_end_for_a_side_that_has_gone_waits_for_its_loss() -> None:
    # shutdown(2) fails where the peer has closed: on macOS for unix sockets, too
    class Gone(RecordingTransport):
        def write_eof(self) -> None:
            raise OSError(errno.ENOTCONN, "Socket is not connected")

    def test(splice: Splice, client: RecordingTransport, upstream: RecordingTransport) -> None:
        upstream = Gone()
        for side, transport in zip(splice.sides, (client, upstream), strict=True):
            side.connection_made(transport)
        assert splice.sides[CLIENT].eof_received()
        splice.sides[UPSTREAM].data_received(b"the answer")
        assert splice.sides[UPSTREAM].eof_received()
        assert client.written == b"the answer"
        assert client.calls[-1] == "close"

    with_splice(test)


def test_a_reset_of_what_takes_no_options_any_more() -> None:
    # setsockopt(2) of macOS once both directions have ended
    class Ended:
        family = socket.AF_INET

        def setsockopt(self, *option: object) -> None:
            raise OSError(errno.EINVAL, "Invalid argument")

    class Kernels(RecordingTransport):
        def get_extra_info(self, name: str, default: object = None) -> object:
            return Ended() if name == "socket" else default

    async def main() -> None:
        transport = Kernels()
        reset(transport)
        assert transport.calls == ["abort"]

    aio.run(main())
