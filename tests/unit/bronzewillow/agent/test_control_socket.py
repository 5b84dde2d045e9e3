"""The control socket: who may use it, and whose place it does not take."""

from __future__ import annotations

import asyncio
import socket
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from bronzewillow.agent import control_socket
from bronzewillow.agent.control_socket import ControlSocket
from bronzewillow.testing.aio import run
from bronzewillow.testing.loopback import unix_socket_path
from bronzewillow.testing.ports import free_tcp_port

pytestmark = pytest.mark.loopback


def application() -> web.Application:
    app = web.Application()
    app.router.add_get("/", _answer)
    return app


async def _answer(request: web.Request) -> web.Response:
    return web.Response(text="well")


@asynccontextmanager
async def serving() -> AsyncIterator[tuple[ControlSocket, Path]]:
    async with unix_socket_path() as path:
        control = ControlSocket()
        await control.serve(application(), Path(path))
        yield control, Path(path)
        await control.close()
        assert not Path(path).exists()


async def ask(path: Path) -> str:
    async with (
        aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(path))) as session,
        session.get("http://agent/") as response,
    ):
        return await response.text()


def test_only_its_owner_may_enter() -> None:
    async def main() -> None:
        async with serving() as (_, path):
            assert await ask(path) == "well"
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
            assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700

    run(main())


def test_a_stale_socket_is_replaced_and_a_live_one_is_not() -> None:
    async def main() -> None:
        async with serving() as (_, path):
            with pytest.raises(ValueError, match="another agent answers here"):
                await ControlSocket().serve(application(), path)
            stale = path.with_name("stale.sock")
            with socket.socket(socket.AF_UNIX) as left_over:
                left_over.bind(str(stale))
            other = ControlSocket()
            await other.serve(application(), stale)
            assert await ask(stale) == "well"
            await other.close()

    run(main())


def test_paths_that_cannot_be_used() -> None:
    async def main() -> None:
        async with serving() as (_, path):
            folder, other = path.parent, ControlSocket()
            file = folder / "file"
            file.write_text("precious")
            with pytest.raises(ValueError, match="is no socket"):
                await other.serve(application(), file)
            assert file.read_text() == "precious"
            with pytest.raises(ValueError, match="bytes long"):
                await other.serve(application(), folder / ("x" * 120))
            open_folder = folder / "open"
            open_folder.mkdir()
            open_folder.chmod(0o755)
            with pytest.raises(ValueError, match="lets others in"):
                await other.serve(application(), open_folder / "s")

    run(main())


def test_a_port_that_is_taken_names_the_option() -> None:
    async def main() -> None:
        port = free_tcp_port()
        async with serving() as (control, _):
            await control.serve_tcp(application(), "127.0.0.1", port, "--metrics")
            other = ControlSocket()
            with pytest.raises(
                ValueError, match=f"127.0.0.1:{port}: address already in use; choose .* --metrics"
            ):
                await other.serve_tcp(application(), "127.0.0.1", port, "--metrics")
            await other.close()

    run(main())


def test_what_can_be_no_host_names_the_option() -> None:
    async def main() -> None:
        control = ControlSocket()
        with pytest.raises(ValueError, match=r"a\.\.b:80: is no host name; choose another with --metrics"):
            await control.serve_tcp(application(), "a..b", 80, "--metrics")
        await control.close()

    run(main())


def test_strangers_take_no_more_than_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that say nothing make room for who asks."""

    async def main() -> None:
        monkeypatch.setattr(control_socket, "_MOST", 3)
        control, port = ControlSocket(), free_tcp_port()
        await control.serve_tcp(application(), "127.0.0.1", port, "--metrics")
        silent = [await asyncio.open_connection("127.0.0.1", port) for _ in range(12)]
        async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}/") as response:
            assert await response.text() == "well"
        for reader, _ in silent[:10]:
            assert await reader.read(1) == b""
        for _, writer in silent:
            writer.close()
        await control.close()

    run(main())
