from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

import pytest
from aiohttp import web

from bronzewillow.testing.aio import run
from bronzewillow.testing.lab.netns import Namespace
from bronzewillow.testing.lab.node import Node, ask_control
from bronzewillow.testing.lab.plan import MAC_POD, Plan
from bronzewillow.testing.lab.topology import Topology


def node(folder: Path) -> Node:
    worker, mac, pod = (Namespace(f"bw1n1-{name}") for name in ("worker", "mac", "pod1"))
    return Node(Topology(Plan(), folder, worker, mac, (pod,), None), folder)


def test_the_usual_pod_has_the_model_and_the_files(tmp_path: Path) -> None:
    pod = node(tmp_path).pod()
    assert pod.address == MAC_POD
    assert [(port.number, port.protocol) for port in pod.ports] == [(8080, "http"), (9000, "tcp")]
    assert pod.ports[0].upstream == f"unix:{tmp_path}/run/runm.sock"


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
