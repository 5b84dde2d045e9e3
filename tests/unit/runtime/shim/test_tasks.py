"""Containers of real processes, with the engine that needs no model."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import signal
from pathlib import Path

import pytest

from bronzewillow.testing.aio import run
from runtime.api import task_pb2 as api
from runtime.oci import lifecycle
from runtime.oci.state import ContainerFolder
from runtime.shim.tasks import end_orphan
from runtime.ttrpc.errors import Code, RpcError

from .conftest import MakePod, Pod

pytestmark = pytest.mark.loopback


def test_one_life(pod: MakePod) -> None:
    async def main(pod: Pod) -> None:
        pid = await pod.create("one")
        assert (await pod.state("one")).status == api.Status.CREATED
        await pod.start("one")
        await pod.serving("one")
        found = await pod.state("one")
        assert (found.status, found.pid, found.exit_status) == (api.Status.RUNNING, pid, 0)
        assert os.getpgid(pid) == pid
        with pytest.raises(RpcError, match="is running") as raised:
            await pod.delete("one")
        assert raised.value.code == Code.FAILED_PRECONDITION
        waits = [asyncio.ensure_future(pod.wait("one")) for _ in range(3)]  # noqa: TID251
        waits[0].cancel()
        await pod.kill("one", signal.SIGTERM)
        assert await waits[1] == await waits[2] == await pod.wait("one") == 0
        found = await pod.state("one")
        assert found.status == api.Status.STOPPED and found.exited_at.seconds
        record = json.loads((pod.folder / "bundle-one" / "exit.json").read_text())
        assert (record["status"], record["is_oom"]) == (0, False)
        lines = pod.log.read_text().splitlines()
        assert [line.split(" ", 3)[1:3] for line in lines] == [["stderr", "F"]] * len(lines)
        assert lines[-1].endswith(" ready")
        assert (await pod.delete("one")).exit_status == 0
        with pytest.raises(RpcError) as raised:
            await pod.state("one")
        assert raised.value.code == Code.NOT_FOUND
        assert not list((pod.folder / "runm").iterdir())

    run(_with(pod, main))


def test_exit_codes(pod: MakePod) -> None:
    async def main(pod: Pod) -> None:
        await pod.create("usage", "--lissten", "x")
        await pod.start("usage")
        await pod.create("killed")
        await pod.start("killed")
        assert await pod.wait("usage") == 2
        assert "No such option" in pod.log.read_text()  # and it was written before the end was told
        await pod.serving("killed")
        await pod.kill("killed")
        assert await pod.wait("killed") == 128 + signal.SIGKILL
        with pytest.raises(RpcError, match="has ended"):
            await pod.kill("killed")
        for name in ("usage", "killed"):
            await pod.delete(name)

    run(_with(pod, main))


def test_a_signal_for_one_that_has_just_ended(pod: MakePod, monkeypatch: pytest.MonkeyPatch) -> None:
    # macOS refuses it for a group of which nobody lives, as long as one of it is not waited for
    signalled = os.killpg

    def refuse(group: int, number: int) -> None:
        signalled(group, number)
        raise PermissionError(errno.EPERM, "Operation not permitted")

    async def main(pod: Pod) -> None:
        await pod.create("one")
        await pod.start("one")
        monkeypatch.setattr(os, "killpg", refuse)
        await pod.kill("one")
        assert await pod.wait("one") == 128 + signal.SIGKILL
        await pod.delete("one")

    run(_with(pod, main))


def test_one_that_is_never_started_can_be_deleted(pod: MakePod) -> None:
    async def main(pod: Pod) -> None:
        pid = await pod.create("one")
        assert (await pod.delete("one")).exit_status == 128 + signal.SIGKILL
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)

    run(_with(pod, main))


def test_refusals(pod: MakePod) -> None:
    async def main(pod: Pod) -> None:
        await pod.create("one")
        bundle = pod.bundle("bad")
        (bundle / "config.json").write_text("{}")
        for name, folder, code in (
            ("one", bundle, Code.ALREADY_EXISTS),
            ("bad", bundle, Code.INVALID_ARGUMENT),
            ("../x", pod.folder / "bundle-one", Code.INVALID_ARGUMENT),
        ):
            request = api.CreateTaskRequest(id=name, bundle=str(folder))
            with pytest.raises(RpcError) as raised:
                await pod.client.call("containerd.task.v2.Task", "Create", request, api.CreateTaskResponse)
            assert raised.value.code == code
        await pod.start("one")
        with pytest.raises(RpcError) as raised:
            await pod.start("one")
        assert raised.value.code == Code.FAILED_PRECONDITION
        await pod.kill("one")
        await pod.wait("one")
        await pod.delete("one")

    run(_with(pod, main))


def test_the_orphan_of_a_shim_that_died(tmp_path: Path) -> None:
    bundle = tmp_path / "bundle"
    (bundle / "rootfs").mkdir(parents=True)
    config = {"ociVersion": "1.0.2", "root": {"path": "rootfs"}, "process": {"args": ["--engine", "echo"]}}
    (bundle / "config.json").write_text(json.dumps(config))
    process = lifecycle.create(tmp_path / "runm", "one", bundle)
    assert ContainerFolder.find(tmp_path / "runm", "one").is_alive()
    end_orphan(tmp_path / "runm", "one")
    assert process.wait(60) == -signal.SIGKILL
    assert not list((tmp_path / "runm").iterdir())
    end_orphan(tmp_path / "runm", "one")


async def _with(make: MakePod, main) -> None:  # type: ignore[no-untyped-def]
    async with make() as pod:
        await main(pod)
