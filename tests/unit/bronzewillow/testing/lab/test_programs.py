from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

import pytest
from aiohttp import web

from bronzewillow.testing.aio import run
from bronzewillow.testing.lab.netns import Namespace
from bronzewillow.testing.lab.programs import Programs, ask_control


@pytest.mark.loopback
def test_the_control_socket_is_asked() -> None:
    async def main() -> None:
        async def on_status(request: web.Request) -> web.Response:
            return web.json_response({"asked": request.path})

        app = web.Application()
        app.router.add_get("/status", on_status)
        runner = web.AppRunner(app)
        await runner.setup()
        with tempfile.TemporaryDirectory(prefix="bw", dir="/tmp") as folder:
            control = Path(folder) / "c.sock"
            await web.UnixSite(runner, str(control)).start()
            assert await asyncio.to_thread(ask_control, control, "/status") == {"asked": "/status"}
            with pytest.raises(AssertionError):
                await asyncio.to_thread(ask_control, control, "/nothing")
            await runner.cleanup()

    run(main())


@pytest.mark.loopback
def test_silence_is_when_no_connection_has_anything_left_to_say() -> None:
    asked: list[str] = []
    states = [["ESTABLISHED", "TIME_WAIT"], ["LAST_ACK"], ["TIME_WAIT"]]

    async def main() -> None:
        async def on_flows(request: web.Request) -> web.Response:
            asked.append(request.path)
            return web.json_response([{"state": state} for state in states[len(asked) - 1]])

        app = web.Application()
        app.router.add_get("/flows", on_flows)
        runner = web.AppRunner(app)
        await runner.setup()
        with tempfile.TemporaryDirectory(prefix="bw", dir="/tmp") as folder:
            programs = Programs(Namespace("none"), Path(folder), Path(folder))
            programs.control.parent.mkdir()
            await web.UnixSite(runner, str(programs.control)).start()
            await asyncio.to_thread(programs.wait_for_silence)
            await runner.cleanup()

    run(main())
    assert asked == ["/flows"] * 3
