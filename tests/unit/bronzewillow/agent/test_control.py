"""The control socket: who may use it, what it answers, and whose place it does not take."""

from __future__ import annotations

import asyncio
from pathlib import Path

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from bronzewillow.testing.agents import AgentRig, running_agent
from bronzewillow.testing.aio import run
from bronzewillow.testing.loopback import until
from bronzewillow.testing.ports import free_tcp_port

pytestmark = pytest.mark.loopback


def control(rig: AgentRig) -> aiohttp.ClientSession:
    return aiohttp.ClientSession("http://agent", connector=aiohttp.UnixConnector(str(rig.control)))


def test_what_it_answers() -> None:
    async def main() -> None:
        async with running_agent() as rig, control(rig) as session:
            await rig.get("/x")
            async with session.get("/status") as response:
                assert (await response.json())["overlays"][0]["port"] == rig.port
            async with session.get("/flows") as response:
                assert isinstance(await response.json(), list)
            async with session.get("/metrics") as response:
                names = {family.name for family in text_string_to_metric_families(await response.text())}
                assert {"bronzewillow_http_requests", "bronzewillow_overlay_datagrams"} <= names
            async with session.get("/explain") as response:
                assert response.status == 409  # nobody makes policies here
            async with session.get("/nothing") as response:
                assert response.status == 404

    run(main())


def test_it_goes_with_the_agent() -> None:
    async def main() -> Path:
        async with running_agent() as rig:
            assert rig.control.exists()
            return rig.control

    assert not run(main()).exists()


def test_metrics_on_tcp_and_nothing_else_there() -> None:
    async def main() -> None:
        port = free_tcp_port()
        async with (
            running_agent(metrics=("127.0.0.1", port)),
            aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session,
        ):
            async with session.get("/metrics") as response:
                assert "bronzewillow_peers 1.0" in await response.text()
                assert response.content_type == "text/plain"
            async with session.get("/capture") as response:
                assert response.status == 404

    run(main())


def test_captures_stream_have_a_limit_and_end_with_their_reader() -> None:
    async def main() -> None:
        async with running_agent() as rig, control(rig) as session:
            readers = [await session.get("/capture") for _ in range(4)]
            async with session.get("/capture") as fifth:
                assert fifth.status == 429
            assert len(rig.agent.net.node.taps) == 4
            await rig.get("/streamed")
            header = await readers[0].content.readexactly(24)
            assert header[:4] in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1")
            assert len(await readers[0].content.readexactly(16)) == 16
            for reader in readers:
                reader.close()
            await until(lambda: not rig.agent.net.node.taps)
            async with session.get("/capture") as again:
                assert again.status == 200

    run(main())


def test_an_agent_that_ends_ends_its_captures() -> None:
    async def main() -> None:
        async with running_agent() as rig:
            session = control(rig)
            capture = await session.get("/capture")
            assert await capture.content.readexactly(24)
            ending = asyncio.ensure_future(rig.agent.close())  # noqa: TID251
            with pytest.raises(aiohttp.ClientError):
                await capture.read()
            await ending
            await session.close()

    run(main())
