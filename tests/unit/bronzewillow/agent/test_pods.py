"""Pods come, change and go while others are served."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import aiohttp
import pytest
from prometheus_client import CollectorRegistry

from bronzewillow.agent.addresses import pack_address
from bronzewillow.agent.client import PodConnector
from bronzewillow.agent.config import PodSpec, PortSpec
from bronzewillow.agent.net import Net
from bronzewillow.agent.pods import Pods
from bronzewillow.agent.way import Caller
from bronzewillow.proxy import ProxyMetrics, Upstream
from bronzewillow.testing.aio import run
from bronzewillow.testing.loopback import Wire, unix_server, unix_socket_path
from bronzewillow.testing.overlay import TwoNodes, node_specs
from bronzewillow.testing.ports import free_udp_port

pytestmark = [pytest.mark.loopback, pytest.mark.ipv6]

A, B = "10.244.7.10", "10.244.7.11"


async def serve(wire: Wire) -> None:
    while True:
        request = await wire.request()
        path = request.start_line.split()[1]
        wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(path), path))


@asynccontextmanager
async def rig() -> AsyncIterator[tuple[TwoNodes, Pods, Upstream]]:
    """Nodes without pods, `Pods` of the first, and a model on a unix socket."""
    here, there = ((free_udp_port(), free_udp_port("::1")) for _ in range(2))
    nodes = TwoNodes(Net(*node_specs(7, here, there)), Net(*node_specs(8, there, here)))
    pods = Pods(nodes.server, ProxyMetrics(CollectorRegistry()), drain_s=5)
    try:
        async with unix_socket_path() as path, unix_server(path, serve):
            yield nodes, pods, Upstream(path=path)
            await pods.close(0)
    finally:
        nodes.client.close()
        nodes.server.close()


async def get(nodes: TwoNodes, address: str, port: int = 80) -> str:
    async with (
        aiohttp.ClientSession(connector=PodConnector(nodes.client)) as session,
        session.get(f"http://{address}:{port}/hello") as response,
    ):
        return await response.text()


def pod(name: str, address: str, *ports: PortSpec) -> PodSpec:
    return PodSpec(name, (socket.inet_aton(address),), ports)


def test_pods_are_served_by_name_and_address() -> None:
    async def main() -> None:
        async with rig() as (nodes, pods, upstream):
            specs = (
                pod("default/a", A, PortSpec(80, upstream)),
                pod("default/b", B, PortSpec(80, upstream, "tcp")),
            )
            await pods.apply(specs)
            assert [await get(nodes, A), await get(nodes, B)] == ["/hello", "/hello"]
            assert pods.specs() == list(specs)
            assert pods.names == {socket.inet_aton(A): "default/a", socket.inet_aton(B): "default/b"}

    run(main())


def test_what_stays_is_not_touched() -> None:
    async def main() -> None:
        async with rig() as (nodes, pods, upstream):
            stays = pod("default/a", A, PortSpec(80, upstream))
            await pods.apply((stays, pod("default/b", B, PortSpec(80, upstream))))
            async with aiohttp.ClientSession(connector=PodConnector(nodes.client)) as session:
                async with session.get(f"http://{A}/1") as response:
                    assert await response.text() == "/1"
                await pods.apply((stays,))
                async with session.get(f"http://{A}/2") as response:  # over the same connection
                    assert await response.text() == "/2"
                assert nodes.server.node.stacks[stays.addresses[0]].counters.accepted == 1
            assert socket.inet_aton(B) not in nodes.server.node.stacks

    run(main())


def test_ports_come_and_go() -> None:
    async def main() -> None:
        async with rig() as (nodes, pods, upstream):
            await pods.apply((pod("default/a", A, PortSpec(80, upstream)),))
            await pods.apply((pod("default/a", A, PortSpec(81, upstream)),))
            assert await get(nodes, A, 81) == "/hello"
            with pytest.raises(OSError):
                await get(nodes, A, 80)

    run(main())


def test_a_port_moves_to_another_upstream() -> None:
    async def main() -> None:
        async with rig() as (nodes, pods, upstream):
            gone = Upstream(path=str(Path(upstream.path or "").with_name("gone")))
            await pods.apply((pod("default/a", A, PortSpec(80, gone)),))
            assert "503" in await get(nodes, A) or "not" in await get(nodes, A)
            await pods.apply((pod("default/a", A, PortSpec(80, upstream)),))
            assert await get(nodes, A) == "/hello"

    run(main())


def test_a_pod_with_a_new_address_is_a_new_pod() -> None:
    async def main() -> None:
        async with rig() as (nodes, pods, upstream):
            before = pod("default/a", A, PortSpec(80, upstream))
            await pods.apply((before,))
            await pods.apply((replace(before, addresses=(socket.inet_aton(B),)),))
            assert await get(nodes, B) == "/hello"
            assert list(pods.names) == [socket.inet_aton(B)]
            assert before.addresses[0] not in nodes.server.node.stacks

    run(main())


def test_two_pods_change_their_addresses_with_one_another() -> None:
    async def main() -> None:
        async with rig() as (nodes, pods, upstream):
            await pods.apply((pod("a", A, PortSpec(80, upstream)), pod("b", B, PortSpec(80, upstream))))
            await pods.apply((pod("a", B, PortSpec(80, upstream)), pod("b", A, PortSpec(80, upstream))))
            assert pods.names == {socket.inet_aton(A): "b", socket.inet_aton(B): "a"}
            assert [await get(nodes, A), await get(nodes, B)] == ["/hello", "/hello"]

    run(main())


def test_a_pod_of_both_families_has_one_server() -> None:
    async def main() -> None:
        async with rig() as (nodes, pods, upstream):
            v6 = pack_address("fd00:7::a")
            both = replace(pod("default/a", A, PortSpec(80, upstream)), addresses=(socket.inet_aton(A), v6))
            await pods.apply((both,))
            assert pods.names == {socket.inet_aton(A): "default/a", v6: "default/a"}
            assert set(nodes.server.node.stacks) >= {socket.inet_aton(A), v6}
            assert [await get(nodes, A), await get(nodes, "[fd00:7::a]")] == ["/hello", "/hello"]
            await pods.apply(())
            assert v6 not in nodes.server.node.stacks and not pods.names

    run(main())


def test_a_caller_is_known_by_what_its_containers_were_given() -> None:
    async def main() -> None:
        async with rig() as (_, pods, _):
            known = replace(pod("default/a", A), credentials=("c0ffee", "secret"))
            await pods.apply((known, pod("default/b", B)))
            assert pods.caller("c0ffee", "secret") == Caller("default/a", (pack_address(A),))
            for said in (("c0ffee", "Secret"), ("other", "secret"), ("", ""), ("c0ffee", "secr\u00e9t")):
                assert pods.caller(*said) is None
            assert "secret" not in repr(known)
            await pods.apply(())
            assert pods.caller("c0ffee", "secret") is None

    run(main())
