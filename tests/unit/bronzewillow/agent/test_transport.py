"""A userspace connection behaves as a socket's transport does: one suite, run on both."""

from __future__ import annotations

import asyncio
import hashlib
import ssl
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest

from bronzewillow.agent.transport import UserspaceTransport
from bronzewillow.stack.errors import ConnectionResetByPeer
from bronzewillow.testing.aio import run
from bronzewillow.testing.leaping_loop import run_leaping
from bronzewillow.testing.loopback import until, until_still
from bronzewillow.testing.overlay import POD, two_nodes

pytestmark = pytest.mark.loopback

SELF_SIGNED = "openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=pod"
BIG = bytes(range(256)) * 16_384  # 4 MiB: more than all buffers on the way


@dataclass
class End(asyncio.Protocol):
    """Records what a protocol is told."""

    keep_open: bool = True
    calls: list[str] = field(default_factory=list)
    data: bytearray = field(default_factory=bytearray)

    def __post_init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.made: asyncio.Future[asyncio.Transport] = loop.create_future()
        self.ended: asyncio.Future[None] = loop.create_future()
        self.lost: asyncio.Future[Exception | None] = loop.create_future()
        self.resumed = asyncio.Event()
        self.grown = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.made.set_result(cast(asyncio.Transport, transport))

    def data_received(self, data: bytes) -> None:
        self.data += data
        self.grown.set()

    def eof_received(self) -> bool:
        self.calls.append("eof")
        self.ended.set_result(None)
        return self.keep_open

    def pause_writing(self) -> None:
        self.calls.append("pause")
        self.resumed.clear()

    def resume_writing(self) -> None:
        self.calls.append("resume")
        self.resumed.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self.calls.append("lost")
        self.lost.set_result(exc)

    async def wait_bytes(self, size: int) -> None:
        while len(self.data) < size:
            self.grown.clear()
            await self.grown.wait()


@dataclass
class Pair:
    """A client and the server's end of one connection."""

    client: End
    server: End
    out: asyncio.Transport
    into: asyncio.Transport


Connect = Callable[..., AbstractAsyncContextManager[Pair]]


@asynccontextmanager
async def userspace(keep_open: bool = True) -> AsyncIterator[Pair]:
    async with two_nodes() as nodes:
        client, server = End(keep_open), End(keep_open)
        await nodes.server.create_server(lambda: server, POD, 80)
        await nodes.client.create_connection(lambda: client, POD, 80)
        yield Pair(client, server, await client.made, await server.made)


@asynccontextmanager
async def kernel(keep_open: bool = True) -> AsyncIterator[Pair]:
    loop = asyncio.get_running_loop()
    client, server = End(keep_open), End(keep_open)
    listening = await loop.create_server(lambda: server, "127.0.0.1", 0)
    try:
        await loop.create_connection(lambda: client, *listening.sockets[0].getsockname())
        yield Pair(client, server, await client.made, await server.made)
        for end in (client, server):
            if not end.lost.done():
                end.made.result().abort()
        await asyncio.wait([client.lost, server.lost])
    finally:
        listening.close()


both = pytest.mark.parametrize("connect", [userspace, kernel])


@both
def test_bytes_go_both_ways(connect: Connect) -> None:
    async def main() -> tuple[bytes, bytes]:
        async with connect() as pair:
            pair.out.write(b"ping")
            await pair.server.wait_bytes(4)
            pair.into.writelines([b"po", b"ng"])
            await pair.client.wait_bytes(4)
            return bytes(pair.server.data), bytes(pair.client.data)

    assert run(main()) == (b"ping", b"pong")


@both
@pytest.mark.case("report-14")
def test_a_slow_reader_stops_the_writer_and_nothing_is_lost(connect: Connect) -> None:
    async def main() -> tuple[list[str], str]:
        async with connect() as pair:
            pair.into.pause_reading()
            assert not pair.into.is_reading()
            sent = 0
            while "pause" not in pair.client.calls:
                pair.out.write(BIG)
                sent += 1
                await asyncio.sleep(0)
            assert pair.out.get_write_buffer_size() > pair.out.get_write_buffer_limits()[1]
            pair.into.resume_reading()
            await pair.client.resumed.wait()
            await pair.server.wait_bytes(sent * len(BIG))
            assert pair.out.get_write_buffer_size() == 0
            return list(pair.client.calls), hashlib.sha256(pair.server.data).hexdigest() if sent == 1 else ""

    calls, digest = run(main())
    assert calls == ["pause", "resume"]
    assert digest in ("", hashlib.sha256(BIG).hexdigest())


@both
@pytest.mark.case("case-14")
def test_half_close_leaves_the_other_way_open(connect: Connect) -> None:
    async def main() -> Exception | None:
        async with connect() as pair:
            assert pair.out.can_write_eof()
            pair.out.write(b"question")
            pair.out.write_eof()
            await pair.server.ended
            assert pair.server.data == b"question"
            with pytest.raises(RuntimeError):
                pair.out.write(b"more")
            pair.into.write(b"answer")
            await pair.client.wait_bytes(6)
            pair.into.close()
            await pair.client.ended
            pair.out.close()
            return await pair.client.lost

    assert run(main()) is None


@both
def test_a_protocol_that_does_not_keep_open_is_closed_by_eof(connect: Connect) -> None:
    async def main() -> tuple[Exception | None, list[str]]:
        async with connect(False) as pair:
            pair.out.write_eof()
            lost = await pair.server.lost
            await pair.client.lost
            return lost, pair.server.calls

    assert run(main()) == (None, ["eof", "lost"])


@both
@pytest.mark.case("report-20")
def test_close_sends_what_is_buffered_first(connect: Connect) -> None:
    async def main() -> tuple[int, Exception | None]:
        async with connect() as pair:
            pair.out.write(BIG)
            pair.out.close()
            assert pair.out.is_closing()
            await pair.server.ended
            return len(pair.server.data), await pair.client.lost

    assert run(main()) == (len(BIG), None)


@both
def test_abort_resets_the_peer(connect: Connect) -> None:
    async def main() -> tuple[Exception | None, Exception | None, int]:
        async with connect() as pair:
            pair.into.write(BIG)  # unread, so that a kernel's abort is a RST as well
            await pair.client.grown.wait()
            pair.out.abort()
            pair.out.abort()
            return await pair.client.lost, await pair.server.lost, pair.client.calls.count("lost")

    mine, theirs, times = run(main())
    assert mine is None
    assert isinstance(theirs, ConnectionError)
    assert times == 1


@both
def test_a_protocol_that_fails_loses_its_connection(connect: Connect) -> None:
    async def main() -> tuple[str, Exception | None]:
        told: list[str] = []
        asyncio.get_running_loop().set_exception_handler(
            lambda _, context: told.append(str(context["message"]))
        )
        async with connect() as pair:

            def fail(data: bytes) -> None:
                raise ValueError("broken protocol")

            pair.server.data_received = fail  # type: ignore[method-assign]
            pair.out.write(b"x")
            lost = await pair.server.lost
            either: list[asyncio.Future[Any]] = [pair.client.lost, pair.client.ended]
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            return told[0], lost

    told, _ = run(main())
    assert "failed" in told or "Fatal error" in told


@both
def test_write_buffer_limits(connect: Connect) -> None:
    async def main() -> list[tuple[int, int]]:
        async with connect() as pair:
            seen = [pair.out.get_write_buffer_limits()]
            pair.out.set_write_buffer_limits(high=1000)
            seen.append(pair.out.get_write_buffer_limits())
            pair.out.set_write_buffer_limits(low=10)
            seen.append(pair.out.get_write_buffer_limits())
            with pytest.raises(ValueError, match="must be"):
                pair.out.set_write_buffer_limits(high=1, low=2)
            return seen

    assert run(main()) == [(16384, 65536), (250, 1000), (10, 40)]


def test_names_and_protocol_of_a_userspace_connection() -> None:
    async def main() -> None:
        async with userspace() as pair:
            assert isinstance(pair.out, UserspaceTransport)
            assert pair.out.get_extra_info("peername") == (POD, 80)
            assert pair.out.get_extra_info("sockname") == pair.into.get_extra_info("peername")
            assert pair.out.get_extra_info("socket") is None
            assert pair.out.get_protocol() is pair.client

    run(main())


@pytest.mark.case("report-14")
def test_paused_reading_closes_the_window_and_bounds_memory() -> None:
    async def main() -> int:
        async with userspace() as pair:
            pair.into.pause_reading()
            while pair.out.get_write_buffer_size() < 3 * len(BIG):
                pair.out.write(BIG)

            def held() -> int:
                return sum(map(len, cast(UserspaceTransport, pair.into)._unread or ()))

            await until(lambda: held() > 0)
            await until_still(held)
            assert not pair.server.data
            return held()

    assert run(main()) <= 1 << 20


def test_a_peer_that_takes_nothing_after_close_is_cut_though_it_answers() -> None:
    """Its window is probed and it answers: for the stack it is alive, but nobody is left to give it up."""

    async def main() -> None:
        async with userspace() as pair:
            client, server = await pair.client.made, await pair.server.made
            client.pause_reading()
            server.write(BIG)
            server.close()
            assert await pair.server.lost is None
            await pair.client.lost
            assert not pair.client.data

    run_leaping(main(), 2000)


def test_what_is_written_after_an_end_that_is_not_told_yet_is_dropped() -> None:
    async def main() -> Exception | None:
        async with userspace() as pair:
            out = cast(UserspaceTransport, pair.out)
            pair.into.pause_reading()
            out.write(BIG)
            assert out._buffer
            out._connection.fail(ConnectionResetByPeer("reset by the peer"), out._now())
            out.on_writable()  # of an acknowledgment in the same batch as the RST
            out.write(b"x")
            out._touch(out._stack)
            return await pair.client.lost

    assert isinstance(run(main()), ConnectionResetError)


def test_a_connection_that_waits_holds_no_queues() -> None:
    async def main() -> None:
        async with userspace() as pair:
            out, into = cast(UserspaceTransport, pair.out), cast(UserspaceTransport, pair.into)
            assert out._buffer is None and into._unread is None
            into.pause_reading()
            out.write(BIG)
            assert out._buffer
            into.resume_reading()
            await pair.server.wait_bytes(len(BIG))
            assert out._buffer is None and into._unread is None

    run(main())


def test_streams_and_tls_run_on_it(tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    subprocess.run(
        [*SELF_SIGNED.split(), "-keyout", str(key), "-out", str(certificate)],
        check=True,
        capture_output=True,
    )
    served, trusting = (
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER),
        ssl.create_default_context(cafile=str(certificate)),
    )
    served.load_cert_chain(certificate, key)
    trusting.check_hostname = False

    async def main() -> bytes:
        loop = asyncio.get_running_loop()

        async def serve(pair: Pair) -> None:
            transport = await loop.start_tls(pair.into, pair.server, served, server_side=True)
            assert transport is not None
            await pair.server.wait_bytes(5)
            transport.write(bytes(pair.server.data).upper() * 10_000)
            transport.close()

        async with userspace(False) as pair:
            serving = asyncio.gather(serve(pair))
            reader = asyncio.StreamReader()
            protocol = asyncio.StreamReaderProtocol(reader)
            transport = await loop.start_tls(pair.out, protocol, trusting, server_hostname="pod")
            assert transport is not None
            protocol.connection_made(transport)
            transport.write(b"hello")
            answer = await reader.read(50_000)
            while len(answer) < 50_000:
                answer += await reader.read(50_000)
            await serving
            transport.close()
            return answer

    assert run(main()) == b"HELLO" * 10_000
