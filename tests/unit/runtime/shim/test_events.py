from __future__ import annotations

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from google.protobuf.empty_pb2 import Empty

from bronzewillow.testing.aio import run
from runtime.api.task_pb2 import ForwardRequest, TaskExit, TaskStart
from runtime.shim.events import Events
from runtime.ttrpc.server import Connection, Method

pytestmark = pytest.mark.loopback


def test_they_come_in_order_also_later() -> None:
    told: list[ForwardRequest] = []

    async def forward(request: ForwardRequest) -> Empty:
        told.append(request)
        return Empty()

    async def main() -> None:
        with TemporaryDirectory(prefix="bw") as folder:
            path = Path(folder) / "s"
            events = Events(str(path), "default")
            events.publish("/tasks/start", TaskStart(container_id="a", pid=7))
            await asyncio.sleep(0)  # nobody is there
            services = {
                "containerd.services.events.ttrpc.v1.Events": {"Forward": Method(ForwardRequest, forward)}
            }
            server = await asyncio.get_running_loop().create_unix_server(
                lambda: Connection(services), str(path)
            )
            events.publish("/tasks/exit", TaskExit(container_id="a", id="a", pid=7, exit_status=3))
            await events.flushed(60)
            server.close()
            await server.wait_closed()

    run(main())
    assert [one.envelope.topic for one in told] == ["/tasks/start", "/tasks/exit"]
    last = told[-1].envelope
    assert (last.namespace, last.event.type_url) == ("default", "containerd.events.TaskExit")
    assert TaskExit.FromString(last.event.value).exit_status == 3
    assert last.timestamp.seconds


def test_without_containerd_nobody_is_told() -> None:
    async def main() -> None:
        events = Events("", "default")
        events.publish("/tasks/start", TaskStart(container_id="a"))
        await events.flushed(0)

    run(main())
