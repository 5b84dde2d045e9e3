from __future__ import annotations

import asyncio
import logging
import shutil
import stat
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bronzewillow.agent.kept_socket import KeptSocket
from bronzewillow.host import kept as module
from bronzewillow.host import tasks
from bronzewillow.testing.aio import run
from bronzewillow.testing.loopback import Wire, unix_socket_path, until

pytestmark = pytest.mark.loopback


@pytest.fixture(autouse=True)
def all_the_time(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Each turn of the loop is a look."""
    monkeypatch.setattr(module, "_LOOK_EVERY_S", 0)
    yield


class Echo(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.transport.write(data)


@asynccontextmanager
async def kept() -> AsyncIterator[tuple[KeptSocket, Path]]:
    """In a folder that it makes."""
    async with unix_socket_path() as name:
        path = Path(name) / "agent.sock"
        socket, before = KeptSocket(path, Echo), tasks.running()
        await socket.open()
        yield socket, path
        socket.close()
        socket.close()
        assert not path.exists()
        await until(lambda: tasks.running() == before)


async def come_in(path: Path) -> Wire:
    return Wire(*await asyncio.open_unix_connection(str(path)))


async def answers(wire: Wire) -> None:
    wire.send(b"well\n")
    assert await wire.until(b"\n") == b"well\n"


async def turns(count: int = 20) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


def modes(path: Path) -> list[int]:
    return [stat.S_IMODE(one.stat().st_mode) for one in (path, path.parent)]


def test_one_that_was_removed_is_there_again_and_connections_go_on(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        async with kept() as (_, path), await come_in(path) as before:
            await answers(before)
            path.unlink()
            await until(lambda: bool(caplog.records))
            async with await come_in(path) as after:
                await answers(after)
                await answers(before)
            assert modes(path) == [0o600, 0o700]

    run(main())
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert record.getMessage().endswith("agent.sock: was removed by somebody, and is there again")


def test_its_folder_too() -> None:
    async def main() -> None:
        async with kept() as (_, path):
            shutil.rmtree(path.parent)
            await until(path.exists)
            async with await come_in(path) as wire:
                await answers(wire)
            assert modes(path) == [0o600, 0o700]

    run(main())


def test_what_stands_in_its_place_is_let_alone() -> None:
    async def main() -> None:
        async with kept() as (_, path):
            path.unlink()
            path.write_text("precious")
            await turns()
            assert path.read_text() == "precious"
            path.unlink()
            await until(path.is_socket)

    run(main())


def test_why_it_cannot_be_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        async with kept() as (_, path):
            path.parent.chmod(0o755)
            path.unlink()
            await until(lambda: bool(caplog.records))
            await turns()
            assert len(caplog.records) == 1
            path.parent.chmod(0o700)
            await until(lambda: len(caplog.records) == 2)

    run(main())
    assert "is there again" in caplog.messages[1]
    assert "lets others in" in caplog.messages[0]


def test_one_that_cannot_be_opened_takes_nothing_away() -> None:
    async def main() -> None:
        async with kept() as (_, path):
            path.parent.chmod(0o755)
            other = KeptSocket(path, Echo)
            with pytest.raises(ValueError, match="lets others in"):
                await other.open()
            other.close()
            assert path.is_socket()

    run(main())
