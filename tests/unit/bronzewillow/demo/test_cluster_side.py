"""The demo's other node, against a real agent."""

from __future__ import annotations

import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import aiohttp
import pytest

from bronzewillow.agent.app import Agent, AgentOptions
from bronzewillow.agent.config import load_config
from bronzewillow.demo.cluster_side import ClusterSide
from bronzewillow.demo.layout import POD_ADDRESS, POD_PORT, node_toml
from bronzewillow.testing.agents import answer_with_path
from bronzewillow.testing.aio import run
from bronzewillow.testing.loopback import Wire, unix_server
from bronzewillow.testing.ports import free_udp_port

pytestmark = pytest.mark.loopback


@asynccontextmanager
async def both_sides(folder: Path, *, ports: bool = True) -> AsyncIterator[ClusterSide]:
    folder.chmod(0o700)
    node_port, cluster_port = free_udp_port(), free_udp_port()
    (folder / "node.toml").write_text(node_toml(node_port, cluster_port, folder / "s"))
    config = load_config(folder / "node.toml", "mac-1")
    if not ports:
        config = replace(config, pods=(replace(config.pods[0], ports=()),))
    agent = Agent(config, AgentOptions(folder / "node.toml", folder / "c", "mac-1", drain_s=0.1))
    await agent.start()
    side = ClusterSide(cluster_port, node_port, folder / "demo.pcap")
    try:
        async with unix_server(str(folder / "s"), answer_with_path):
            yield side
    finally:
        side.close()
        await agent.close()


def test_it_reaches_the_pod_and_captures_the_way(tmp_path: Path) -> None:
    async def main() -> None:
        async with both_sides(tmp_path) as side:
            async with (
                aiohttp.ClientSession(connector=side.connector()) as session,
                session.get(f"http://{POD_ADDRESS}:{POD_PORT}/hello") as response,
            ):
                assert await response.text() == "/hello"
            side.flush()
            assert b"GET /hello" in (tmp_path / "demo.pcap").read_bytes()
            assert stat.S_IMODE((tmp_path / "demo.pcap").stat().st_mode) == 0o600

    run(main())


def test_what_was_sent_again_is_counted(tmp_path: Path) -> None:
    async def main() -> None:
        side = ClusterSide(free_udp_port(), free_udp_port(), tmp_path / "demo.pcap")
        (stack,) = side.net.node.stacks.values()
        stack.counters.retransmitted_segments += 3
        assert side.retransmits == 3
        side.close()

    run(main())


def test_curl_reaches_the_pod_through_the_forward(tmp_path: Path) -> None:
    async def main() -> None:
        async with both_sides(tmp_path) as side:
            port = await side.forward()
            async with await Wire.connect(port) as wire:
                wire.send(b"GET /forwarded HTTP/1.1\r\nHost: pod\r\n\r\n")
                assert (await wire.response()).body == b"/forwarded"

    run(main())


def test_a_pod_that_refuses_resets_the_forward(tmp_path: Path) -> None:
    async def main() -> None:
        async with both_sides(tmp_path, ports=False) as side:
            wire = await Wire.connect(await side.forward())
            with pytest.raises(ConnectionResetError):
                await wire.rest()
            wire.writer.transport.abort()

    run(main())


def test_a_pcap_that_cannot_be_written_leaves_the_port_free(tmp_path: Path) -> None:
    async def main() -> None:
        port = free_udp_port()
        with pytest.raises(FileNotFoundError):
            ClusterSide(port, free_udp_port(), tmp_path / "nowhere" / "demo.pcap")
        ClusterSide(port, free_udp_port(), tmp_path / "demo.pcap").close()

    run(main())
