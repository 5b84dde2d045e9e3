"""The shims of this node's pods: found again after a restart, or started."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import subprocess
import time
from pathlib import Path

from google.protobuf.empty_pb2 import Empty

from bronzewillow.host.paths import runtime_folder
from runtime.api import task_pb2 as api
from runtime.cri.errors import Unavailable
from runtime.shim.bootstrap import start_shim
from runtime.shim.exit_record import ExitRecord, read_exit
from runtime.shim.service import LOGS_SERVICE, TASK_SERVICES
from runtime.ttrpc.client import Client, connect
from runtime.ttrpc.errors import Code, RpcError

NAMESPACE = "k8s.io"
_TASK = TASK_SERVICES[0]
_LIMIT_S = 30.0
_END_S = 5.0
_ID_DIGITS = 16
_log = logging.getLogger(__name__)


class Shim:
    """Calls to one shim. All of them raise RpcError."""

    def __init__(self, client: Client, process: subprocess.Popen[bytes] | None) -> None:
        self._client, self._process = client, process
        self.gone = client.closed
        """Done when it does not answer any more."""

    async def create(self, container_id: str, bundle: Path, log: Path | None) -> None:
        """A process that waits to be started."""
        uri = f"cri://{log or ''}"
        request = api.CreateTaskRequest(id=container_id, bundle=str(bundle), stdout=uri, stderr=uri)
        await self._client.call(_TASK, "Create", request, api.CreateTaskResponse, _LIMIT_S)

    async def start(self, container_id: str) -> None:
        """Let a created container serve."""
        await self._client.call(
            _TASK, "Start", api.StartRequest(id=container_id), api.StartResponse, _LIMIT_S
        )

    async def kill(self, container_id: str, number: int) -> None:
        """A signal; one that has ended gets none."""
        try:
            request = api.KillRequest(id=container_id, signal=number)
            await self._client.call(_TASK, "Kill", request, Empty, _LIMIT_S)
        except RpcError as error:
            if error.code != Code.NOT_FOUND:
                raise

    async def wait(self, container_id: str, bundle: Path) -> ExitRecord:
        """Until it has ended."""
        answer = await self._client.call(_TASK, "Wait", api.WaitRequest(id=container_id), api.WaitResponse)
        return read_exit(bundle) or ExitRecord(answer.exit_status, answer.exited_at.ToNanoseconds())

    async def pid(self, container_id: str) -> int:
        """0 when there is none."""
        answer = await self._client.call(
            _TASK, "State", api.StateRequest(id=container_id), api.StateResponse, _LIMIT_S
        )
        return 0 if answer.status == api.Status.STOPPED else answer.pid

    async def delete(self, container_id: str) -> None:
        """Forget one that has ended, or was never there."""
        try:
            await self._client.call(
                _TASK, "Delete", api.DeleteRequest(id=container_id), api.DeleteResponse, _LIMIT_S
            )
        except RpcError as error:
            if error.code != Code.NOT_FOUND:
                raise

    async def reopen_log(self, container_id: str) -> None:
        """Its file was moved."""
        await self._client.call(
            LOGS_SERVICE, "Reopen", api.ReopenLogRequest(id=container_id), Empty, _LIMIT_S
        )

    async def tap_log(self, container_id: str, stdout: str, stderr: str) -> None:
        """What it says from now on goes to named pipes as well; "" for none."""
        request = api.TapLogRequest(id=container_id, stdout=stdout, stderr=stderr)
        await self._client.call(LOGS_SERVICE, "Tap", request, Empty, _LIMIT_S)

    async def end(self) -> None:
        """The shim itself."""
        with contextlib.suppress(RpcError):
            await self._client.call(_TASK, "Shutdown", api.ShutdownRequest(now=True), Empty, _LIMIT_S)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_END_S):
                await asyncio.shield(self.gone)
        self._client.close()
        await self.reap()

    async def reap(self) -> None:
        """Let the system forget it, if it was our child."""
        if self._process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                await asyncio.to_thread(self._process.wait, _END_S)

    def disconnect(self) -> None:
        """Leave it alone."""
        self._client.close()
        if self._process is not None:
            self._process.returncode = 0  # it outlives us; nobody here waits for it


class Shims:
    """The shims that are known to live, by the sandbox that each is for."""

    def __init__(self, logs: Path) -> None:
        """`logs`: the folder with a folder for each sandbox, where shims write what goes wrong."""
        self._logs = logs
        self._found: dict[str, Shim] = {}
        self._locks: dict[str, asyncio.Lock] = {}

    async def find(self, sandbox_id: str) -> Shim | None:
        """The one that is there."""
        async with self._locks.setdefault(sandbox_id, asyncio.Lock()):
            return await self._find(sandbox_id)

    async def get(self, sandbox_id: str) -> Shim:
        """The one that is there, or a new one. Unavailable."""
        async with self._locks.setdefault(sandbox_id, asyncio.Lock()):
            found = await self._find(sandbox_id)
            if found is not None:
                return found
            path = _socket(sandbox_id)
            begun = time.monotonic()
            try:
                process = start_shim(path, NAMESPACE, sandbox_id, "", self._logs / sandbox_id)
                client = await connect(path)
            except (OSError, ValueError) as error:
                raise Unavailable(f"the shim of pod {sandbox_id} cannot be started: {error}") from None
            _log.debug("shim of %s started in %.3f s", sandbox_id, time.monotonic() - begun)
            shim = self._found[sandbox_id] = Shim(client, process)
            return shim

    async def end(self, sandbox_id: str) -> None:
        """It goes, with all that is still in it."""
        shim = await self.find(sandbox_id)
        if shim is not None:
            await shim.end()
        self._found.pop(sandbox_id, None)
        self._locks.pop(sandbox_id, None)
        _socket(sandbox_id).unlink(missing_ok=True)

    def disconnect(self) -> None:
        """Leave all of them alone: another llm-containerd finds them."""
        for shim in self._found.values():
            shim.disconnect()
        self._found.clear()

    async def _find(self, sandbox_id: str) -> Shim | None:
        shim = self._found.get(sandbox_id)
        if shim is not None and not shim.gone.done():
            return shim
        if shim is not None:
            await shim.reap()
            del self._found[sandbox_id]
        try:
            client = await connect(_socket(sandbox_id))
        except OSError:
            return None
        shim = self._found[sandbox_id] = Shim(client, None)
        return shim


def _socket(sandbox_id: str) -> Path:
    return runtime_folder() / "s" / f"{sandbox_id[:_ID_DIGITS]}.sock"
