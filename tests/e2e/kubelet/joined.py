"""A node that has joined a cluster, run as `llm-kubelet run` does it, in this process: so that what it
measures of the machine can be said."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bronzewillow.host.children import send_signal
from bronzewillow.host.paths import door_socket
from bronzewillow.host.tasks import spawn
from bronzewillow.kube.resources import NODES, Object
from bronzewillow.testing.joinable import NODE, TOKEN, joinable
from bronzewillow.testing.node_processes import NodeProcesses
from bronzewillow.testing.ports import free_tcp_port
from kubelet.certificates.token import parse_token
from kubelet.clock import SystemClock
from kubelet.membership.home import Home
from kubelet.membership.join import ByToken, join
from kubelet.pods.shell import ShellConfig
from kubelet.run import RunOptions, run_kubelet

from .conftest import Cluster, is_ready, until


@dataclass
class JoinedNode:
    """It does not run yet."""

    cluster: Cluster
    options: RunOptions
    _begun: int = 0
    """How many requests the API server had seen when the last kubelet was started."""

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Ready; it ends as if it were killed."""
        self._begun = len(self.cluster.server.audit)
        task = spawn(run_kubelet(self.options), name="llm-kubelet")
        try:
            await self.until_ready()
            yield
            assert not task.done(), task.exception()
        finally:
            task.cancel()
            await asyncio.wait([task])

    @asynccontextmanager
    async def process(
        self, tools: Path | None = None, *words: str
    ) -> AsyncIterator[asyncio.subprocess.Process]:
        """A process `llm-kubelet run`, killed at the end. It finds programs in `tools` before all others."""
        processes, options = self.cluster.processes, self.options
        environment = processes.environment
        if tools is not None:
            environment["PATH"] = f"{tools}:{environment['PATH']}"
        with (processes.folder / "kubelet.log").open("ab") as log:
            started = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "kubelet", "run", "--home", str(options.home.folder),
                "--cri", str(options.cri), "--door", str(options.door), "--port", str(options.port),
                "--node-ip", "127.0.0.1",
                "--eviction-hard", "nodefs.available<1%,imagefs.available<1%", *words,
                stderr=log, env=environment,
            )  # fmt: skip
        self._begun = len(self.cluster.server.audit)
        try:
            yield started
        finally:
            send_signal(started, signal.SIGKILL)
            await started.wait()

    async def until_ready(self) -> None:
        """The Node, by the word of the kubelet that was started last."""
        await until(self._is_ready)

    async def until_answering(self) -> None:
        """The node's port is served."""
        await until(self._answers)

    async def condition(self, kind: str) -> Object:
        """Of the Node."""
        node = await self.cluster.admin.get(NODES, NODE)
        return next(one for one in node["status"]["conditions"] if one["type"] == kind)

    async def until_condition(self, kind: str, status: str) -> Object:
        """As soon as it is so."""
        seen: Object = {}

        async def is_so() -> bool:
            nonlocal seen
            seen = await self.condition(kind)
            return bool(seen["status"] == status)

        await until(is_so)
        return seen

    async def _is_ready(self) -> bool:
        server = self.cluster.server
        path = NODES.path("", NODE, "status")
        has_spoken = ("patch", path, 200) in [entry[1:] for entry in server.audit[self._begun :]]
        found = server.store.get(NODES, "", NODE)
        return has_spoken and found is not None and is_ready(found)

    async def _answers(self) -> bool:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", self.options.port)
        except OSError:
            return False
        writer.close()
        return True


@asynccontextmanager
async def joined(processes: NodeProcesses, **options: Any) -> AsyncIterator[JoinedNode]:
    """With options of `RunOptions`."""
    async with joinable() as found:
        home = Home(processes.folder / f"home-{found.server.port}")
        how = ByToken(found.server.cluster.server, parse_token(TOKEN), ())
        await join(how, NODE, home, SystemClock(), lambda line: None)
        door = door_socket(processes.runtime_folder / "agent.sock")
        config = ShellConfig(NODE, home.folder, processes.cri, door)
        cluster = Cluster(found.server, found.admin, processes, config, {})
        yield JoinedNode(
            cluster,
            RunOptions(home, processes.cri, port=free_tcp_port(), address="127.0.0.1", door=door, **options),
        )
        assert found.refused() == []  # a node identity may do all that it did
