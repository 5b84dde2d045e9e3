from __future__ import annotations

import os
from collections.abc import Awaitable, Callable

import pytest
from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import Message

from bronzewillow.testing.aio import run
from runtime.api import task_pb2 as api
from runtime.shim.service import TASK_SERVICES
from runtime.ttrpc.errors import Code, RpcError

from .conftest import MakePod, Pod

pytestmark = pytest.mark.loopback


async def call(pod: Pod, method: str, request: Message, answer: type[Message] = Empty) -> Message:
    return await pod.client.call(TASK_SERVICES[0], method, request, answer)


def in_pod(make: MakePod, main: Callable[[Pod], Awaitable[None]]) -> None:
    async def entered() -> None:
        async with make() as pod:
            await main(pod)

    run(entered())


@pytest.mark.parametrize(
    ("method", "request_", "code"),
    [
        ("Create", api.CreateTaskRequest(id="a", bundle="/x", terminal=True), Code.INVALID_ARGUMENT),
        ("Create", api.CreateTaskRequest(id="a", bundle="/x", checkpoint="/y"), Code.UNIMPLEMENTED),
        ("Create", api.CreateTaskRequest(id="a", bundle="/none"), Code.INVALID_ARGUMENT),
        ("Start", api.StartRequest(id="a"), Code.NOT_FOUND),
        ("Start", api.StartRequest(id="a", exec_id="b"), Code.UNIMPLEMENTED),
        ("Kill", api.KillRequest(id="a", signal=9), Code.NOT_FOUND),
        ("Update", api.UpdateTaskRequest(id="a"), Code.UNIMPLEMENTED),
        ("CloseIO", api.CloseIORequest(id="a"), Code.NOT_FOUND),
        ("Pause", Empty(), Code.UNIMPLEMENTED),
    ],
)
def test_what_is_refused(pod: MakePod, method: str, request_: Message, code: Code) -> None:
    async def main(pod: Pod) -> None:
        with pytest.raises(RpcError) as raised:
            await call(pod, method, request_)
        assert raised.value.code == code and "\n" not in str(raised.value)

    in_pod(pod, main)


def test_who_is_there_and_leaving(pod: MakePod) -> None:
    async def main(pod: Pod) -> None:
        pid = await pod.create("one")
        found = await call(pod, "Connect", api.ConnectRequest(id="one"), api.ConnectResponse)
        assert isinstance(found, api.ConnectResponse)
        assert (found.shim_pid, found.task_pid) == (os.getpid(), pid)
        pids = await call(pod, "Pids", api.PidsRequest(id="one"), api.PidsResponse)
        assert isinstance(pids, api.PidsResponse) and [one.pid for one in pids.processes] == [pid]
        await call(pod, "Shutdown", api.ShutdownRequest())
        assert not pod.has_left.is_set()
        await pod.delete("one")
        await call(pod, "Shutdown", api.ShutdownRequest())
        assert pod.has_left.is_set()

    in_pod(pod, main)


def test_a_log_that_was_moved(pod: MakePod) -> None:
    async def main(pod: Pod) -> None:
        await pod.create("one")
        await pod.start("one")
        await pod.serving("one")
        pod.log.rename(pod.folder / "0.log.moved")
        await pod.reopen("one")
        assert pod.log.read_text() == ""
        await pod.kill("one")
        await pod.wait("one")
        with pytest.raises(RpcError, match="no log"):
            await pod.reopen("one")
        await pod.delete("one")

    in_pod(pod, main)
