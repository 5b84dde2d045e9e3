"""Strangers at the node's port: they take little, and those who are known are answered all the while."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
from asyncio.selector_events import BaseSelectorEventLoop
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from bronzewillow.host.tasks import spawn
from bronzewillow.testing import aio
from bronzewillow.testing.loopback import until
from kubelet.server.callers import Caller, CallerLimits, Callers, Drop, source_of

from .conftest import TOKEN, Serve, Served, container

pytestmark = pytest.mark.loopback
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def connect(served: Served, name: str | None = None, *, tls: bool = True) -> Streams:
    """As a stranger, unless it is named."""
    place = urlsplit(served.url)
    context = served.tls(name) if tls else None
    return await asyncio.open_connection(place.hostname, place.port, ssl=context)


async def rest(reader: asyncio.StreamReader) -> bytes:
    """All that comes until the connection ends, however it does."""
    try:
        return await reader.read()
    except (ConnectionError, OSError):
        return b""


async def answers(served: Served) -> bool:
    """Whether somebody who is known is served."""
    async with served.client() as client, client.get("/pods") as answer:
        return answer.status == 200


def run(main: Callable[[], Coroutine[Any, Any, None]]) -> None:
    aio.run(main())


def head(path: str = "/pods", *lines: str) -> bytes:
    words = "\r\n".join((f"GET {path} HTTP/1.1", "Host: mac-1", *lines, "", ""))
    return words.encode("utf-8", "surrogateescape")


# ---- time


@pytest.mark.parametrize(
    ("tls", "said"),
    [
        (False, b""),
        (False, b"\x16\x03\x01"),
        (True, b""),
        (True, b"GET /pods HTTP/1.1\r\nX-A: "),
        (True, b"POST /run/default/llm-0/llm HTTP/1.1\r\nHost: a\r\n"),
    ],
)
def test_who_says_nothing_whole_goes(serve: Serve, tls: bool, said: bytes) -> None:
    async def main() -> None:
        async with serve(stranger_s=0.1) as served:
            with contextlib.suppress(OSError):  # on a slow machine it goes before it has shaken hands
                reader, writer = await connect(served, tls=tls)
                writer.write(said)
                assert await rest(reader) == b""
                writer.transport.abort()
            assert served.server.callers.drops == {Drop.LATE: 1}
            assert not served.server.callers.strangers

    run(main)


def test_a_head_byte_by_byte_is_no_request(serve: Serve) -> None:
    async def main() -> None:
        async with serve(stranger_s=0.2) as served:
            with contextlib.suppress(OSError):
                reader, writer = await connect(served)
                ended = spawn(rest(reader), name="rest")
                writer.write(head()[:-4])
                while not ended.done():
                    writer.write(b"X")
                    await asyncio.wait([ended], timeout=0.02)
            assert served.server.callers.drops == {Drop.LATE: 1}

    run(main)


def come(callers: Callers, source: str = "192.0.2.1") -> Caller:
    """Somebody whose connection is not made yet."""
    caller = Caller(callers, source, asyncio.Protocol)
    callers.strangers[caller] = None
    return caller


def test_one_that_has_gone_before_it_was_accepted(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    # as accept(2) of macOS gives it: a socket, and no address
    accept = BaseSelectorEventLoop.sock_accept
    told: list[str] = []

    async def forgetful(loop: BaseSelectorEventLoop, listener: socket.socket) -> tuple[socket.socket, Any]:
        connection, address = await accept(loop, listener)
        told.append(str(address))
        return connection, address if len(told) > 1 else None

    async def main() -> None:
        async with serve() as served:
            reader, writer = await connect(served, tls=False)
            assert await rest(reader) == b""
            writer.transport.abort()
            assert await answers(served)

    monkeypatch.setattr(BaseSelectorEventLoop, "sock_accept", forgetful)
    run(main)
    assert len(told) == 2


def test_who_is_known_may_rest() -> None:
    async def main() -> None:
        callers = Callers(CallerLimits(stranger_s=0.01))
        known, _ = come(callers), come(callers)
        known.introduce()
        await until(lambda: callers.drops[Drop.LATE] == 1)
        assert list(callers.known) == [known]
        assert not callers.strangers

    run(main)


def test_a_slow_api_server_is_not_a_slow_caller() -> None:
    async def main() -> None:
        callers = Callers(CallerLimits(stranger_s=0.01, farewell_s=0.01))
        asking, _ = come(callers), come(callers)
        with asking.being_asked_about():
            await until(lambda: callers.drops[Drop.LATE] == 1)
            assert list(callers.strangers) == [asking]
        await until(lambda: callers.drops[Drop.LATE] == 2)  # nobody knows it
        assert not callers.strangers

    run(main)


def test_a_stranger_is_told_so_and_goes(serve: Serve) -> None:
    async def main() -> None:
        async with serve() as served:
            for said in (head(), head("/pods", "Authorization: Bearer x") * 50):
                reader, writer = await connect(served)
                writer.write(said)
                told = await rest(reader)
                assert told.startswith(b"HTTP/1.1 401 Unauthorized\r\n")
                assert b"Connection: close" in told
                assert told.count(b"HTTP/1.1") == 1
                writer.transport.abort()
            assert not served.server.callers.known

    run(main)


# ---- room


def test_a_crowd_is_kept_small_and_others_are_served(serve: Serve) -> None:
    async def main() -> None:
        async with serve(most_strangers=8) as served:
            crowd = [await connect(served, tls=False) for _ in range(100)]
            callers = served.server.callers
            assert await answers(served)
            await until(lambda: callers.drops[Drop.CROWDED] >= 92)
            assert len(callers.strangers) <= 8
            assert not callers.known
            assert await answers(served)
            for _, writer in crowd:
                writer.transport.abort()
            await until(lambda: not callers.strangers)

    run(main)


async def follow(served: Served, log: Path) -> Streams:
    """A log that stands still, as somebody who is known."""
    served.runtime.found, served.runtime.logs = [container()], {"c-1": str(log)}
    reader, writer = await connect(served, "alice")
    writer.write(head("/containerLogs/default/llm-0/llm?follow=true"))
    assert (await reader.readline()).startswith(b"HTTP/1.1 200 ")
    return reader, writer


def test_who_is_served_is_not_sent_away(serve: Serve, tmp_path: Path) -> None:
    async def main() -> None:
        (log := tmp_path / "0.log").write_text("")
        async with serve(most=2, most_strangers=2) as served:
            busy = [await follow(served, log) for _ in range(2)]
            reader, writer = await connect(served, tls=False)
            assert await rest(reader) == b""
            assert served.server.callers.drops == {Drop.FULL: 1}
            log.write_text("2026-01-01T00:00:00.000000000Z stdout F hello\n")
            for followed, other in busy:
                await followed.readuntil(b"hello\n")
                other.transport.abort()
            writer.transport.abort()
            await until(lambda: not served.server.callers.known)
            assert await answers(served)

    run(main)


def test_who_asks_for_nothing_makes_room(serve: Serve, tmp_path: Path) -> None:
    async def main() -> None:
        (log := tmp_path / "0.log").write_text("")
        async with serve(most=3, most_strangers=2) as served:
            _, busy = await follow(served, log)
            resting = [await connect(served, "alice") for _ in range(2)]
            for reader, writer in resting:
                writer.write(head("/healthz"))
                await reader.readuntil(b"\r\n\r\nok")
            assert await answers(served)
            assert served.server.callers.drops == {Drop.IDLE: 1}
            assert await rest(resting[0][0]) == b""  # who was served longest ago
            assert not resting[1][0].at_eof()
            for writer in (busy, *(writer for _, writer in resting)):
                writer.transport.abort()

    run(main)


def test_who_does_not_read_makes_room(serve: Serve, tmp_path: Path) -> None:
    async def main() -> None:
        log = tmp_path / "0.log"
        log.write_text(f"2026-01-01T00:00:00.000000000Z stdout F {'x' * 4000}\n" * 10_000)
        async with serve(most=1, most_strangers=1, stuck_s=0) as served:
            _, stuck = await follow(served, log)
            [caller] = served.server.callers.known
            await until(lambda: caller.is_idle(0))
            assert not caller.is_idle(60)
            assert await answers(served)
            assert served.server.callers.drops == {Drop.IDLE: 1}
            stuck.transport.abort()

    run(main)


def test_the_largest_crowd_gives_way() -> None:
    async def main() -> None:
        callers = Callers(CallerLimits(most_strangers=4))

        def enter(source: str) -> Caller:
            assert callers.make_room()
            return come(callers, source)

        lonely = enter("192.0.2.1")
        crowd = [enter("192.0.2.2") for _ in range(50)]
        assert list(callers.strangers) == [lonely, *crowd[-3:]]
        assert callers.drops == {Drop.CROWDED: 47}
        await callers.close()
        assert not callers.strangers

    run(main)


@pytest.mark.parametrize(
    ("address", "source"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:0:1:a:b:c:d", "2001:db8:0:1::/64"),
        ("fe80::1%eth0", "fe80::/64"),
    ],
)
def test_who_shares_limits(address: str, source: str) -> None:
    assert source_of(address) == source


# ---- words


def test_a_stranger_may_not_say_much(serve: Serve) -> None:
    async def main() -> None:
        async with serve(stranger_bytes=50_000) as served:
            reader, writer = await connect(served)
            writer.write(head()[:-2] + b"".join(b"X-%d: %s\r\n" % (n, b"y" * 9000) for n in range(20)))
            assert await rest(reader) == b""
            assert served.server.callers.drops == {Drop.TALKATIVE: 1}

    run(main)


@pytest.mark.parametrize(
    "said",
    [
        b"GET /" + b"x" * 140_000 + b" HTTP/1.1\r\n",
        b"GET /pods HTTP/1.1\r\nX: " + b"x" * 40_000 + b"\r\n\r\n",
        head("/pods", *(f"X-{number}: y" for number in range(100))),
        head("/pods", "Content-Length: 3", "Transfer-Encoding: chunked") + b"0\r\n\r\n",
        head("/pods", "Content-Length: 3", "Content-Length: 4") + b"abcd",
        head("/pods", "Content-Length: +3") + b"abc",
        head("/pods", "Transfer-Encoding: chunked, identity") + b"0\r\n\r\n",
        head("/pods", "Transfer-Encoding : chunked") + b"0\r\n\r\n",
        b"GET /pods HTTP/1.1\nHost: a\n\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x00\xff\r\n\r\n",
    ],
)
def test_what_is_no_request_is_refused_even_of_friends(
    serve: Serve, said: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        async with serve() as served:
            reader, writer = await connect(served, "alice")
            writer.write(said + head("/configz"))
            told = await rest(reader)
            assert not told or told.split()[1] == b"400"
            assert b"KubeletConfiguration" not in told
            assert told.count(b"\r\nDate: ") <= 1
            writer.transport.abort()
            assert await answers(served)
            assert not caplog.records

    run(main)


@pytest.mark.parametrize(
    "said",
    [
        head("/containerLogs/default/llm-0/\udce3"),
        head("/pods", "Expect: no\udce3"),
        head("/nothing", "Expect: no\udce3"),
    ],
)
def test_what_is_no_text_is_answered_and_not_logged(
    serve: Serve, said: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        async with serve() as served:
            reader, writer = await connect(served, "alice")
            writer.write(said)
            assert (await reader.readline()).split()[1] in (b"400", b"404", b"417", b"500")
            writer.transport.abort()
            assert await answers(served)
            assert not caplog.records

    run(main)


def test_old_http_is_answered_without_chunks(serve: Serve, tmp_path: Path) -> None:
    async def main() -> None:
        log = tmp_path / "0.log"
        log.write_text("2026-01-01T00:00:00.000000000Z stdout F hello\n")
        async with serve() as served:
            served.runtime.found, served.runtime.logs = [container()], {"c-1": str(log)}
            reader, writer = await connect(served, "alice")
            writer.write(b"GET /containerLogs/default/llm-0/llm HTTP/1.0\r\n\r\n")
            assert (await rest(reader)).endswith(b"\r\n\r\nhello\n")
            writer.transport.abort()

    run(main)


def test_a_body_without_end_is_not_taken(serve: Serve) -> None:
    async def main() -> None:
        async with serve() as served:
            for name, path in ((None, "/pods"), ("alice", "/run/default/no/llm?cmd=a")):
                reader, writer = await connect(served, name)
                writer.write(
                    f"POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999\r\n\r\n".encode()
                )
                writer.write(b"x" * 100_000)
                assert (await reader.readline()).split()[1] in (b"401", b"404")
                assert await rest(reader) != b""
                writer.transport.abort()
            assert await answers(served)

    run(main)


def test_noise(serve: Serve) -> None:
    async def main() -> None:
        noise = random.Random(5)
        async with serve() as served:
            for number in range(60):
                reader, writer = await connect(served, tls=number % 2 == 0)
                writer.write(noise.randbytes(noise.randrange(1, 3000)))
                if number % 2 and number % 3:
                    writer.write_eof()
                    await rest(reader)
                writer.transport.abort()
            assert await answers(served)
            await until(lambda: not served.server.callers.strangers)
            assert served.server.callers.drops[Drop.HANDSHAKE] >= 20

    run(main)


@pytest.mark.parametrize(
    "path",
    [
        "/metrics/../pods",
        "/metrics/..%2fpods",
        "/stats/%2e%2e/pods",
        "//pods",
        "/metrics/../containerLogs/default/llm-0/llm",
        "/stats/summary/../../configz",
        "/logs/../../../../etc/passwd",
        "/containerLogs/default/llm-0/..%2f..%2fetc%2fpasswd",
        "/containerLogs/..%2f..%2fetc/passwd/x",
    ],
)
def test_no_way_around_a_right(serve: Serve, path: str) -> None:
    """Of whoever may read metrics alone."""

    async def main() -> None:
        async with serve() as served:
            reader, writer = await connect(served)
            writer.write(head(path, f"Authorization: Bearer {TOKEN}", "Connection: close"))
            told = await rest(reader)
            assert told.split()[1] in (b"403", b"404", b"400"), told

    run(main)
