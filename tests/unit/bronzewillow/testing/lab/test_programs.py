from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

import pytest
from aiohttp import web

from bronzewillow.testing.aio import run
from bronzewillow.testing.lab.programs import ask_control


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
