from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from google.protobuf.empty_pb2 import Empty

from bronzewillow.testing.loopback import until
from runtime.api import task_pb2 as api
from runtime.shim.events import Events
from runtime.shim.service import LOGS_SERVICE, TASK_SERVICES, TaskService
from runtime.ttrpc.client import Client, connect
from runtime.ttrpc.server import Connection


class Pod:
    """A shim's service in this process, and a client of it."""

    def __init__(self, folder: Path, client: Client) -> None:
        self.folder, self.client = folder, client
        self.has_left = asyncio.Event()

    @property
    def log(self) -> Path:
        return self.folder / "0.log"

    def bundle(self, name: str, *args: str) -> Path:
        """Of a container that listens at `folder/name`."""
        bundle = self.folder / f"bundle-{name}"
        (bundle / "rootfs").mkdir(parents=True)
        words = args or ("--engine", "echo", "--listen", f"unix:{self.folder / name}")
        config = {"ociVersion": "1.0.2", "root": {"path": "rootfs"}, "process": {"args": words}}
        (bundle / "config.json").write_text(json.dumps(config))
        return bundle

    async def create(self, name: str, *args: str) -> int:
        """The pid."""
        request = api.CreateTaskRequest(
            id=name, bundle=str(self.bundle(name, *args)), stdout=f"cri://{self.log}"
        )
        return (await self.client.call(TASK_SERVICES[0], "Create", request, api.CreateTaskResponse)).pid

    async def start(self, name: str) -> None:
        await self.client.call(TASK_SERVICES[1], "Start", api.StartRequest(id=name), api.StartResponse)

    async def kill(self, name: str, number: int = signal.SIGKILL) -> None:
        await self.client.call(TASK_SERVICES[0], "Kill", api.KillRequest(id=name, signal=number), Empty)

    async def wait(self, name: str) -> int:
        """The exit status."""
        request = api.WaitRequest(id=name)
        return (await self.client.call(TASK_SERVICES[0], "Wait", request, api.WaitResponse)).exit_status

    async def state(self, name: str) -> api.StateResponse:
        return await self.client.call(TASK_SERVICES[0], "State", api.StateRequest(id=name), api.StateResponse)

    async def delete(self, name: str) -> api.DeleteResponse:
        return await self.client.call(
            TASK_SERVICES[0], "Delete", api.DeleteRequest(id=name), api.DeleteResponse
        )

    async def reopen(self, name: str) -> None:
        await self.client.call(LOGS_SERVICE, "Reopen", api.ReopenLogRequest(id=name), Empty)

    async def serving(self, name: str) -> None:
        """Until it says so: it listens a moment before."""

        def says_so() -> bool:
            _, listens, after = self.log.read_text().rpartition(f"unix:{self.folder / name}\n")
            return bool(listens) and " ready\n" in after

        async with asyncio.timeout(60):
            await until(says_so)


MakePod = Callable[[], AbstractAsyncContextManager[Pod]]


@pytest.fixture
def pod() -> MakePod:
    @asynccontextmanager
    async def made() -> AsyncIterator[Pod]:
        loop = asyncio.get_running_loop()
        with TemporaryDirectory(prefix="bw") as name:
            folder = Path(name)
            left: list[Pod] = []
            service = TaskService(folder / "runm", Events("", "n"), lambda: left[0].has_left.set())
            loop.add_signal_handler(signal.SIGCHLD, service.reap)
            services = service.services()
            server = await loop.create_unix_server(lambda: Connection(services), str(folder / "shim"))
            client = await connect(folder / "shim")
            left.append(Pod(folder, client))
            try:
                yield left[0]
            finally:
                client.close()
                await client.closed
                server.close()
                await server.wait_closed()
                loop.remove_signal_handler(signal.SIGCHLD)

    return made
