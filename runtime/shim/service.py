"""The calls that a shim answers: containerd's Task service, and our own for logs."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

from google.protobuf.empty_pb2 import Empty
from google.protobuf.timestamp_pb2 import Timestamp

from runtime.api import task_pb2 as api
from runtime.oci.spare import Spare
from runtime.oci.state import Status
from runtime.shim.events import Events
from runtime.shim.exit_record import ExitRecord
from runtime.shim.rootfs import show_rootfs
from runtime.shim.tasks import Task, Tasks
from runtime.ttrpc.errors import Code, RpcError
from runtime.ttrpc.server import Method, Services

TASK_SERVICES = ("containerd.task.v2.Task", "containerd.task.v3.Task")
LOGS_SERVICE = "bronzewillow.shim.v1.Logs"
_STATUS = {
    Status.CREATED: api.Status.CREATED,
    Status.RUNNING: api.Status.RUNNING,
    Status.STOPPED: api.Status.STOPPED,
}


class TaskService:
    """containerd's Task service for the containers of one pod."""

    def __init__(
        self, root: Path, events: Events, leave: Callable[[], None], spare: Spare | None = None
    ) -> None:
        """`root`: where runm keeps containers; `leave` ends the shim; `spare`: for the first container."""
        self._tasks = Tasks(root, self._on_exit, spare)
        self._events, self._leave = events, leave
        self.reap, self.close = self._tasks.reap, self._tasks.close

    def services(self) -> Services:
        """The methods that the ttrpc server offers."""
        task = {
            "State": Method(api.StateRequest, self.state),
            "Create": Method(api.CreateTaskRequest, self.create),
            "Start": Method(api.StartRequest, self.start),
            "Delete": Method(api.DeleteRequest, self.delete),
            "Pids": Method(api.PidsRequest, self.pids),
            "Kill": Method(api.KillRequest, self.kill),
            "CloseIO": Method(api.CloseIORequest, self.close_io),
            "Update": Method(api.UpdateTaskRequest, self.update),
            "Wait": Method(api.WaitRequest, self.wait),
            "Connect": Method(api.ConnectRequest, self.connect),
            "Shutdown": Method(api.ShutdownRequest, self.shutdown),
        }
        logs = {
            "Reopen": Method(api.ReopenLogRequest, self.reopen),
            "Tap": Method(api.TapLogRequest, self.tap),
        }
        return dict.fromkeys(TASK_SERVICES, task) | {LOGS_SERVICE: logs}

    async def create(self, request: api.CreateTaskRequest) -> api.CreateTaskResponse:
        """Its process waits for Start; a pipe for its input, which `ctr` always brings, is not opened."""
        if request.terminal:
            raise RpcError(Code.INVALID_ARGUMENT, "a model's server has no terminal")
        if request.checkpoint:
            raise RpcError(Code.UNIMPLEMENTED, "there are no checkpoints")
        bundle = Path(request.bundle)
        show_rootfs(bundle, request.rootfs)
        task = await self._tasks.create(request.id, bundle, request.stdout, request.stderr)
        self._events.publish(
            "/tasks/create",
            api.TaskCreate(
                container_id=request.id,
                bundle=request.bundle,
                rootfs=request.rootfs,
                io=api.TaskIO(stdout=request.stdout, stderr=request.stderr),
                pid=task.pid,
            ),
        )
        return api.CreateTaskResponse(pid=task.pid)

    async def start(self, request: api.StartRequest) -> api.StartResponse:
        """Let a created task serve."""
        _no_exec(request.exec_id)
        task = self._tasks.start(request.id)
        self._events.publish("/tasks/start", api.TaskStart(container_id=request.id, pid=task.pid))
        return api.StartResponse(pid=task.pid)

    async def kill(self, request: api.KillRequest) -> Empty:
        """Send a task a signal."""
        _no_exec(request.exec_id)
        self._tasks.kill(request.id, request.signal, everyone=request.all)
        return Empty()

    async def wait(self, request: api.WaitRequest) -> api.WaitResponse:
        """Until it has ended."""
        _no_exec(request.exec_id)
        # one that waits may go away, the others go on waiting: the future is not theirs to cancel
        task = self._tasks.get(request.id)
        record = await asyncio.shield(task.ended)
        return api.WaitResponse(exit_status=record.status, exited_at=_time(record))

    async def delete(self, request: api.DeleteRequest) -> api.DeleteResponse:
        """Forget one that has ended."""
        _no_exec(request.exec_id)
        task, record = await self._tasks.delete(request.id)
        event = api.TaskDelete(
            container_id=request.id, pid=task.pid, exit_status=record.status, exited_at=_time(record)
        )
        self._events.publish("/tasks/delete", event)
        return api.DeleteResponse(pid=task.pid, exit_status=record.status, exited_at=_time(record))

    async def state(self, request: api.StateRequest) -> api.StateResponse:
        """The state of a task now."""
        _no_exec(request.exec_id)
        task = self._tasks.get(request.id)
        stdout, stderr = task.uris
        answer = api.StateResponse(
            id=request.id,
            bundle=str(task.bundle),
            pid=task.pid,
            status=_STATUS[self._tasks.status(task)],
            stdout=stdout,
            stderr=stderr,
        )
        if task.ended.done():
            record = task.ended.result()
            answer.exit_status = record.status
            answer.exited_at.CopyFrom(_time(record))
        return answer

    async def pids(self, request: api.PidsRequest) -> api.PidsResponse:
        """Only its own: what it starts is its own business."""
        return api.PidsResponse(processes=[api.ProcessInfo(pid=self._tasks.get(request.id).pid)])

    async def close_io(self, request: api.CloseIORequest) -> Empty:
        """There is no input that could be closed."""
        self._tasks.get(request.id)
        return Empty()

    async def update(self, request: api.UpdateTaskRequest) -> Empty:
        """Nothing enforces other limits on a process that runs."""
        raise RpcError(Code.UNIMPLEMENTED, "limits are looked at when a model is loaded, not afterwards")

    async def connect(self, request: api.ConnectRequest) -> api.ConnectResponse:
        """The process ids of the shim and of a task."""
        answer = api.ConnectResponse(shim_pid=os.getpid(), version="v2")
        if request.id:
            answer.task_pid = self._tasks.get(request.id).pid
        return answer

    async def shutdown(self, request: api.ShutdownRequest) -> Empty:
        """End the shim when there is no container; or now, with all that are there."""
        if request.now:
            await self._tasks.end_all()
        if not len(self._tasks):
            self._leave()
        return Empty()

    async def reopen(self, request: api.ReopenLogRequest) -> Empty:
        """Go on in a new file."""
        self._tasks.get(request.id).stdio.reopen()
        return Empty()

    async def tap(self, request: api.TapLogRequest) -> Empty:
        """Let somebody hear what is said from now on."""
        self._tasks.get(request.id).stdio.tap({"stdout": request.stdout, "stderr": request.stderr})
        return Empty()

    def _on_exit(self, container_id: str, task: Task, record: ExitRecord) -> None:
        event = api.TaskExit(
            container_id=container_id,
            id=container_id,
            pid=task.pid,
            exit_status=record.status,
            exited_at=_time(record),
        )
        self._events.publish("/tasks/exit", event)


def _no_exec(exec_id: str) -> None:
    if exec_id:
        raise RpcError(Code.UNIMPLEMENTED, "a model's server takes no further processes")


def _time(record: ExitRecord) -> Timestamp:
    found = Timestamp()
    found.FromNanoseconds(record.at_ns)
    return found
