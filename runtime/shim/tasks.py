"""The containers of one pod, from their creation to their exit code."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from bronzewillow.host.tasks import spawn
from runtime.oci import lifecycle
from runtime.oci.errors import ContainerExists, NoSuchContainer, RuntimeRefusal, WrongStatus
from runtime.oci.spare import Spare
from runtime.oci.state import ContainerFolder, Status
from runtime.shim.exit_record import ExitRecord, write_exit
from runtime.shim.stdio import Stdio
from runtime.ttrpc.errors import Code, RpcError

_DRAIN_S = 1.0
_CODES = {
    ContainerExists: Code.ALREADY_EXISTS,
    NoSuchContainer: Code.NOT_FOUND,
    WrongStatus: Code.FAILED_PRECONDITION,
}


class Task:
    """One container: its process is our child."""

    def __init__(
        self, bundle: Path, process: subprocess.Popen[bytes], stdio: Stdio, uris: tuple[str, str]
    ) -> None:
        self.bundle, self.process, self.stdio, self.uris = bundle, process, stdio, uris
        self.pid = process.pid
        self.is_started = False
        self.was_killed = False
        self.oom_kills = _oom_kills()
        self.ended: asyncio.Future[ExitRecord] = asyncio.get_running_loop().create_future()

    def record(self, wait_status: int) -> ExitRecord:
        """The exit that a status of wait(2) tells of."""
        code = os.waitstatus_to_exitcode(wait_status)
        killed = code == -signal.SIGKILL and not self.was_killed
        return ExitRecord(
            128 - code if code < 0 else code, time.time_ns(), killed and _oom_kills() > self.oom_kills
        )


class Tasks:
    """All of them, by id."""

    def __init__(
        self, root: Path, told: Callable[[str, Task, ExitRecord], None], spare: Spare | None = None
    ) -> None:
        """`root`: where runm keeps containers; `told`: learns of each end, when log and record are whole;
        `spare`: the first container's process.
        """
        self._root, self._told, self._spare = root, told, spare
        self._tasks: dict[str, Task] = {}
        self._making: set[asyncio.Task[Task | RpcError]] = set()

    def __len__(self) -> int:
        return len(self._tasks)

    def get(self, container_id: str) -> Task:
        """The task of that id. RpcError."""
        task = self._tasks.get(container_id)
        if task is None:
            raise RpcError(Code.NOT_FOUND, f"container {container_id!r} is not here")
        return task

    async def create(self, container_id: str, bundle: Path, stdout: str, stderr: str) -> Task:
        """Its process waits to be started. RpcError.

        A caller that goes away meanwhile does not keep it from being made: it would be nobody's.
        """
        making = spawn(self._create(container_id, bundle, stdout, stderr), name=f"create {container_id}")
        self._making.add(making)
        making.add_done_callback(self._making.discard)
        made = await asyncio.shield(making)
        if isinstance(made, RpcError):
            raise made
        return made

    async def _create(self, container_id: str, bundle: Path, stdout: str, stderr: str) -> Task | RpcError:
        if container_id in self._tasks:
            return RpcError(Code.ALREADY_EXISTS, f"container {container_id!r} is here already")
        try:
            stdio = Stdio(stdout, stderr)
        except RpcError as error:
            return error
        ours = stdio.descriptors
        spare, self._spare = self._spare, None
        try:
            process = await asyncio.to_thread(
                lifecycle.create, self._root, container_id, bundle, ours[0], ours[1], spare
            )
        except BaseException as error:
            stdio.close()
            if spare is not None:
                spare.end()
            if isinstance(error, RuntimeRefusal):
                return _refusal(error)
            raise
        stdio.handed_over()
        task = self._tasks[container_id] = Task(bundle, process, stdio, (stdout, stderr))
        self.reap()  # it may have ended before we knew its name
        return task

    def start(self, container_id: str) -> Task:
        """Let it serve. RpcError."""
        task = self.get(container_id)
        try:
            lifecycle.start(self._root, container_id)
        except RuntimeRefusal as error:
            raise _refusal(error) from None
        task.is_started = True
        return task

    def kill(self, container_id: str, number: int, *, everyone: bool = False) -> None:
        """Send a signal; SIGKILL goes to all that it has started, too. RpcError."""
        task = self.get(container_id)
        if task.ended.done():
            raise RpcError(Code.NOT_FOUND, f"container {container_id!r} has ended")
        if number == signal.SIGKILL:
            task.was_killed = everyone = True
        # macOS: EPERM where all of the group have ended, and are not waited for yet
        with contextlib.suppress(ProcessLookupError, PermissionError):
            (os.killpg if everyone else os.kill)(task.pid, number)

    async def delete(self, container_id: str) -> tuple[Task, ExitRecord]:
        """Forget one that has ended. RpcError."""
        task = self.get(container_id)
        if not task.ended.done():
            if task.is_started:
                raise RpcError(Code.FAILED_PRECONDITION, f"container {container_id!r} is running")
            self.kill(container_id, signal.SIGKILL)
            await task.ended
        with contextlib.suppress(RuntimeRefusal, FileNotFoundError):
            lifecycle.delete(self._root, container_id, force=True)
        del self._tasks[container_id]
        return task, task.ended.result()

    async def end_all(self) -> None:
        """Kill and forget all of them, those that are being made, too."""
        if self._making:
            await asyncio.wait(self._making)
        for container_id, task in list(self._tasks.items()):
            if not task.ended.done():
                self.kill(container_id, signal.SIGKILL)
                await task.ended
            await self.delete(container_id)

    def close(self) -> None:
        """End the process that nobody wanted."""
        if self._spare is not None:
            self._spare.end()
            self._spare = None

    def status(self, task: Task) -> Status:
        """containerd's status of a task now."""
        if task.ended.done():
            return Status.STOPPED
        return Status.RUNNING if task.is_started else Status.CREATED

    def reap(self) -> None:
        """Take the exit codes of those that have ended; for SIGCHLD."""
        for container_id, task in list(self._tasks.items()):
            if task.process.returncode is not None:
                continue
            with contextlib.suppress(ChildProcessError):
                pid, status = os.waitpid(task.pid, os.WNOHANG)
                if pid:
                    record = task.record(status)
                    task.process.returncode = record.status
                    spawn(self._end(container_id, task, record), name=f"end of {container_id}")

    async def _end(self, container_id: str, task: Task, record: ExitRecord) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(task.pid, signal.SIGKILL)  # what it left behind
        await task.stdio.drained(_DRAIN_S)
        task.stdio.close()
        with contextlib.suppress(OSError):  # the bundle may be gone already
            write_exit(task.bundle, record)
        if not task.ended.done():
            task.ended.set_result(record)
        self._told(container_id, task, record)


def end_orphan(root: Path, container_id: str) -> None:
    """End and forget a container whose shim has died."""
    with contextlib.suppress(RuntimeRefusal, FileNotFoundError):
        folder = ContainerFolder.find(root, container_id)
        if pid := folder.state().pid:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(pid, signal.SIGKILL)
        lifecycle.delete(root, container_id, force=True)


def _refusal(error: RuntimeRefusal) -> RpcError:
    return RpcError(_CODES.get(type(error), Code.INVALID_ARGUMENT), str(error))


def _oom_kills() -> int:
    """How many processes Linux has killed for want of memory; elsewhere nothing tells."""
    try:
        for line in Path("/proc/vmstat").read_text().splitlines():
            if line.startswith("oom_kill "):
                return int(line.split()[1])
    except (OSError, ValueError):
        pass
    return 0
