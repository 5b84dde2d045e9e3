"""The opaque relay on loopback sockets, to unix and TCP upstreams."""

from __future__ import annotations

import asyncio
import hashlib
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from prometheus_client import CollectorRegistry

from bronzewillow.host import tasks
from bronzewillow.proxy import ProxyMetrics, Relay, RelayLimits, Upstream
from bronzewillow.testing import aio
from bronzewillow.testing.leaping_loop import run_leaping
from bronzewillow.testing.loopback import (
    Serve,
    Wire,
    listening,
    unix_server,
    unix_socket_path,
    until,
    until_still,
)

pytestmark = pytest.mark.loopback

BIG = bytes(range(251)) * 208_915  # a little over 50 MB


@asynccontextmanager
async def relayed(serve: Serve, limits: RelayLimits | None = None) -> AsyncIterator[tuple[Relay, int]]:
    async with (
        unix_socket_path() as path,
        unix_server(path, serve),
        relaying(Upstream(path=path), limits) as rig,
    ):
        yield rig


@asynccontextmanager
async def relaying(
    upstream: Upstream, limits: RelayLimits | None = None, registry: CollectorRegistry | None = None
) -> AsyncIterator[tuple[Relay, int]]:
    metrics = ProxyMetrics(registry) if registry is not None else None
    relay = Relay(pod="a/b", port=9, upstream=upstream, limits=limits, metrics=metrics)
    await relay.start()
    async with listening(relay.protocol_factory) as port:
        try:
            yield relay, port
        finally:
            await relay.close(drain_s=0)
            assert relay.connections == 0


async def echo(wire: Wire) -> None:
    while data := await wire.reader.read(1 << 16):
        wire.send(data)
        await wire.drain()


def test_50_mb_each_way_arrive_unchanged() -> None:
    async def main() -> None:
        async with relayed(echo) as (relay, port), await Wire.connect(port) as client:

            async def upload() -> None:
                for start in range(0, len(BIG), 1 << 20):
                    client.send(BIG[start : start + (1 << 20)])
                    await client.drain()
                client.end()

            uploading = asyncio.get_running_loop().create_task(upload())
            digest = hashlib.sha256()
            while data := await client.reader.read(1 << 20):
                digest.update(data)
            await uploading
            assert digest.digest() == hashlib.sha256(BIG).digest()
            assert (relay.bytes_in, relay.bytes_out) == (len(BIG), len(BIG))

    aio.run(main())


@pytest.mark.case("case-14")
@pytest.mark.case("report-21")
def test_the_client_half_closes_and_gets_the_whole_answer() -> None:
    async def main() -> None:
        async def serve(wire: Wire) -> None:
            assert await wire.rest() == b"question"
            wire.send(b"answer" * 100_000)

        async with relayed(serve) as (_, port), await Wire.connect(port) as client:
            client.send(b"question")
            client.end()
            assert await client.rest() == b"answer" * 100_000

    aio.run(main())


@pytest.mark.case("case-14")
@pytest.mark.case("report-19")
def test_the_upstream_half_closes_and_gets_the_whole_request() -> None:
    async def main() -> None:
        received = asyncio.get_running_loop().create_future()

        async def serve(wire: Wire) -> None:
            wire.send(b"banner")
            wire.end()
            received.set_result(await wire.rest())

        async with relayed(serve) as (_, port), await Wire.connect(port) as client:
            assert await client.rest() == b"banner"
            client.send(b"x" * 1_000_000)
            client.end()
            assert await received == b"x" * 1_000_000

    aio.run(main())


def test_an_unreachable_upstream_resets_the_client() -> None:
    async def main() -> None:
        registry = CollectorRegistry()
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            refusing = Upstream(host="127.0.0.1", port=free.getsockname()[1])
            for upstream in (Upstream(path="/nonexistent/socket"), refusing):
                async with (
                    relaying(upstream, registry=registry) as (_, port),
                    await Wire.connect(port) as client,
                ):
                    with pytest.raises(ConnectionResetError):
                        await client.rest()
                    labels = {"pod": "a/b", "port": "9"}
                    name = "bronzewillow_relay_upstream_failures_total"
                    assert registry.get_sample_value(name, labels) == 1
                registry = CollectorRegistry()

    aio.run(main())


@pytest.mark.case("report-26")
def test_a_reset_passes_to_the_other_side() -> None:
    async def main() -> None:
        gone = asyncio.Event()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                writer.write(b"hello")
                with pytest.raises(ConnectionResetError):
                    await reader.read()
            finally:
                writer.transport.abort()
                gone.set()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        upstream = Upstream(host="127.0.0.1", port=server.sockets[0].getsockname()[1])
        async with relaying(upstream) as (_, port):
            client = await Wire.connect(port)
            assert await client.reader.readexactly(5) == b"hello"
            client.reset()
            await gone.wait()
        server.close()

    aio.run(main())


def test_an_upstream_that_dies_resets_the_client() -> None:
    async def main() -> None:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"hello")
            await reader.readexactly(2)
            Wire(reader, writer).reset()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        upstream = Upstream(host="127.0.0.1", port=server.sockets[0].getsockname()[1])
        async with relaying(upstream) as (_, port), await Wire.connect(port) as client:
            assert await client.reader.readexactly(5) == b"hello"
            client.send(b"go")
            with pytest.raises(ConnectionResetError):
                await client.rest()
        server.close()

    aio.run(main())


@pytest.mark.case("report-25")
def test_a_slow_upstream_stops_the_client() -> None:
    async def main() -> None:
        may_read, total = asyncio.Event(), 40_000_000

        async def serve(wire: Wire) -> None:
            await may_read.wait()
            assert len(await wire.rest()) == total
            wire.send(b"done")

        async with relayed(serve) as (relay, port), await Wire.connect(port) as client:
            sent = 0

            async def upload() -> None:
                nonlocal sent
                while sent < total:
                    client.send(bytes(100_000))
                    await client.drain()
                    sent += 100_000
                client.end()

            uploading = asyncio.get_running_loop().create_task(upload())
            await until_still(lambda: sent)
            assert relay.bytes_in < 2_000_000
            may_read.set()
            await uploading
            assert await client.rest() == b"done"

    aio.run(main())


def test_connections_over_the_limit_are_reset() -> None:
    async def main() -> None:
        limits = RelayLimits(connections=1)
        async with relayed(echo, limits) as (relay, port), await Wire.connect(port) as first:
            first.send(b"x")
            await first.reader.readexactly(1)
            async with await Wire.connect(port) as second:
                with pytest.raises(ConnectionResetError):
                    await second.rest()
            assert relay.refused == 1

    aio.run(main())


def test_an_idle_connection_is_reset() -> None:
    async def main() -> None:
        limits = RelayLimits(idle_timeout_s=60)
        async with relayed(echo, limits) as (_, port), await Wire.connect(port) as client:
            client.send(b"x")
            assert await client.reader.readexactly(1) == b"x"
            with pytest.raises(ConnectionResetError):
                await client.rest()

    run_leaping(main(), 1000)


def test_close_lets_open_connections_end() -> None:
    async def main() -> None:
        async with relayed(echo) as (relay, port), await Wire.connect(port) as client:
            client.send(b"x")
            await client.reader.readexactly(1)
            closing = asyncio.get_running_loop().create_task(relay.close(drain_s=60))
            await asyncio.sleep(0)
            client.send(b"y")
            assert await client.reader.readexactly(1) == b"y"
            assert not closing.done()
            client.end()
            await closing
            assert relay.connections == 0

    aio.run(main())


@pytest.mark.case("report-26")
def test_nothing_is_left_of_500_connections() -> None:
    async def main() -> None:
        async with relayed(echo) as (relay, port):

            async def one(number: int) -> None:
                client = await Wire.connect(port)
                if number % 2:
                    client.send(b"abc")
                    client.end()
                    assert await client.rest() == b"abc"
                    await client.close()
                else:
                    client.reset()

            for start in range(0, 500, 50):
                await asyncio.gather(*(one(start + number) for number in range(50)))
            await until(lambda: not relay.connections)
            await until(lambda: tasks.running() == 0)

    aio.run(main())


def test_metrics() -> None:
    async def main() -> None:
        registry = CollectorRegistry()
        async with unix_socket_path() as path, unix_server(path, echo):
            async with relaying(Upstream(path=path), registry=registry) as (_, port):
                labels = {"pod": "a/b", "port": "9"}
                value = registry.get_sample_value
                async with await Wire.connect(port) as client:
                    client.send(b"abc")
                    assert await client.reader.readexactly(3) == b"abc"
                    assert value("bronzewillow_relay_open_connections", labels) == 1
                    assert value("bronzewillow_relay_bytes_total", labels | {"direction": "in"}) == 3
                    assert value("bronzewillow_relay_bytes_total", labels | {"direction": "out"}) == 3
            assert (
                value("bronzewillow_relay_open_connections", labels) is None
            )  # the series left with the pod

    aio.run(main())
