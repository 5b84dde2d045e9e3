from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from bronzewillow.host.command import CommandError
from bronzewillow.host.paths import door_socket
from bronzewillow.supervise.forward import Way, forward
from bronzewillow.testing.agents import running_agent
from bronzewillow.testing.aio import run
from bronzewillow.testing.loopback import Wire, unix_server
from bronzewillow.testing.overlay import POD

pytestmark = pytest.mark.loopback


def test_a_port_here_is_a_port_of_the_pod() -> None:
    async def main() -> None:
        async with running_agent() as rig:
            server = await forward(Way(door_socket(rig.control), found, 8080), 0)
            for _ in range(2):
                async with Wire(*await open_to(server)) as wire:
                    wire.send(b"GET /x HTTP/1.1\r\nHost: pod\r\nConnection: close\r\n\r\n")
                    assert (await wire.response()).body == b"/x"
                    assert await wire.rest() == b""
            server.close()

    run(main())


def test_a_port_that_the_pod_does_not_serve(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        async with running_agent() as rig:
            await assert_cut(door_socket(rig.control), 9)

    run(main())
    assert [record.getMessage() for record in caplog.records] == [
        f"{POD}:9: connection refused; until that changes connections end at once"
    ]


def test_why_a_pod_takes_none_is_told_again_when_it_took_one(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        async with running_agent() as rig:
            door = door_socket(rig.control)
            told: set[str] = set()
            for port in (9, 9, 8080, 9):
                await Way(door, found, port, told).knock()

    run(main())
    assert [record.levelname for record in caplog.records] == ["WARNING"] * 2


def test_no_agent(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    run(assert_cut(tmp_path / "door.sock", 9))
    assert "door.sock: " in caplog.text


def test_a_door_with_other_words(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def flood(wire: Wire) -> None:
        wire.send(b"x" * 5000)
        await wire.rest()

    async def shut(wire: Wire) -> None:
        await wire.until(b"\r\n\r\n")

    async def late(wire: Wire) -> None:
        await wire.until(b"\r\n\r\n")
        wire.send(b"HTTP/1.1 200 OK\r\n\r\nearly")
        await wire.rest()

    async def main(serve: Callable[[Wire], Awaitable[None]]) -> None:
        async with unix_server(str(tmp_path / "s"), serve):
            await assert_cut(tmp_path / "s", 9)

    run(main(flood))
    assert "no answer that can be understood" in caplog.text
    run(main(shut))
    assert "the agent has closed its door" in caplog.text

    async def greeted() -> None:
        async with unix_server(str(tmp_path / "s"), late):
            server = await forward(Way(tmp_path / "s", found, 9), 0)
            async with Wire(*await open_to(server)) as wire:
                assert await wire.reader.readexactly(5) == b"early"
            server.close()

    run(greeted())


def test_a_pod_that_goes_and_is_made_anew(caplog: pytest.LogCaptureFixture) -> None:
    at: list[str] = []

    async def find() -> str:
        if not at:
            raise CommandError("pod 'tiny': is not here")
        return at[0]

    async def main() -> None:
        async with running_agent() as rig:
            way = Way(door_socket(rig.control), find, 8080)
            await way.knock()
            at.append(POD)
            await way.knock()
            assert not way.told

    run(main())
    assert [record.getMessage() for record in caplog.records] == [
        "pod 'tiny': is not here; until that changes connections end at once"
    ]


async def found() -> str:
    return POD


async def open_to(server: asyncio.Server) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection(*server.sockets[0].getsockname()[:2])


async def assert_cut(door: Path, port: int) -> None:
    server = await forward(Way(door, found, port), 0)
    for _ in range(2):
        reader, writer = await open_to(server)
        with pytest.raises(ConnectionResetError):
            await reader.readexactly(1)
        writer.close()
    server.close()
