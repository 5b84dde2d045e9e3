from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import grpc
import psutil
import pytest

from bronzewillow.testing.aio import run
from bronzewillow.testing.ends import has_ended
from bronzewillow.testing.loopback import until
from runtime.api import cri_pb2 as api
from runtime.cri.bundle import PORTS_ANNOTATION

from .conftest import InRig, Rig

pytestmark = pytest.mark.loopback
CREATED, RUNNING, EXITED = (
    api.ContainerState.CONTAINER_CREATED,
    api.ContainerState.CONTAINER_RUNNING,
    api.ContainerState.CONTAINER_EXITED,
)


def test_a_container_lives_from_create_to_remove(in_rig: InRig) -> None:
    async def main(rig: Rig) -> None:
        pod = await rig.run()
        container = await rig.create(pod)
        assert (await rig.status(container)).state == CREATED
        await rig.start(container)
        await rig.serves(pod)
        found = await rig.status(container)
        assert (found.state, found.image.image, found.finished_at) == (RUNNING, "tiny:latest", 0)
        assert found.created_at < found.started_at
        code, _ = await rig.refused(rig.start(container))
        assert code == grpc.StatusCode.FAILED_PRECONDITION
        for _ in range(2):
            await rig.stop(container, 10)
            found = await rig.status(container)
            assert (found.state, found.exit_code, found.reason) == (EXITED, 0, "Completed")
        assert Path(found.log_path) == rig.folder / "logs" / "main.log"
        assert Path(found.log_path).read_text().endswith(" ready\n")
        for _ in range(2):
            await rig.runtime.RemoveContainer(api.RemoveContainerRequest(container_id=container))
        code, _ = await rig.refused(rig.status(container))
        assert code == grpc.StatusCode.NOT_FOUND
        await rig.stop(container)
        assert not list((rig.folder / "root/containers").iterdir())
        assert [one.name for one in rig.node.images.store.snapshots.walk() if one.parent] == []

    in_rig(main)


def test_why_it_ended(in_rig: InRig) -> None:
    async def main(rig: Rig) -> None:
        pod = await rig.run()
        other_port = {PORTS_ANNOTATION: '[{"containerPort": 9000}]'}
        config = api.ContainerConfig(args=["--engine", "xllamacpp"], annotations=other_port)
        broken = await rig.create(pod, config)
        killed = await rig.create(pod, metadata=api.ContainerMetadata(name="killed"))
        for one in (broken, killed):
            await rig.start(one)
        await rig.serves(pod)
        await rig.stop(killed)
        found = await rig.status(killed)
        assert (found.state, found.exit_code, found.reason) == (EXITED, 128 + signal.SIGKILL, "Error")
        assert found.message == "it was killed (SIGKILL)"
        async with asyncio.timeout(60):
            while (await rig.status(broken)).state != EXITED:
                pass
        found = await rig.status(broken)
        assert (found.exit_code, found.reason) == (1, "Error")
        assert found.message.startswith("runm: ")

    in_rig(main)


@pytest.mark.parametrize(
    ("config", "code", "words"),
    [
        (api.ContainerConfig(image=api.ImageSpec(image="none")), grpc.StatusCode.NOT_FOUND, "pull it"),
        (api.ContainerConfig(tty=True), grpc.StatusCode.INVALID_ARGUMENT, "no terminal"),
        (api.ContainerConfig(command=["sh"]), grpc.StatusCode.INVALID_ARGUMENT, "models alone"),
        (api.ContainerConfig(args=["--listen", "0.0.0.0:80"]), grpc.StatusCode.INVALID_ARGUMENT, "--listen"),
        (api.ContainerConfig(log_path="../x"), grpc.StatusCode.INVALID_ARGUMENT, "log_path"),
    ],
)
def test_what_is_refused_leaves_nothing(
    in_rig: InRig, config: api.ContainerConfig, code: grpc.StatusCode, words: str
) -> None:
    async def main(rig: Rig) -> None:
        pod = await rig.run()
        found, text = await rig.refused(rig.create(pod, config))
        assert found == code and words in text
        assert not list((rig.folder / "root/containers").iterdir())
        assert [one.name for one in rig.node.images.store.snapshots.walk() if one.parent] == []

    in_rig(main)


def test_a_name_is_one_containers_and_a_pod_that_stopped_takes_none(in_rig: InRig) -> None:
    async def main(rig: Rig) -> None:
        pod = await rig.run()
        await rig.create(pod)
        code, _ = await rig.refused(rig.create(pod))
        assert code == grpc.StatusCode.ALREADY_EXISTS
        await rig.runtime.StopPodSandbox(api.StopPodSandboxRequest(pod_sandbox_id=pod))
        code, _ = await rig.refused(rig.create(pod, metadata=api.ContainerMetadata(name="other")))
        assert code == grpc.StatusCode.FAILED_PRECONDITION

    in_rig(main)


def test_a_pod_takes_its_containers_with_it(in_rig: InRig) -> None:
    async def main(rig: Rig) -> None:
        pod = await rig.run()
        containers = [await rig.create(pod, metadata=api.ContainerMetadata(name=name)) for name in "abc"]
        await rig.start(containers[0])
        pids = [await rig_pid(rig, one) for one in containers]
        await rig.runtime.StopPodSandbox(api.StopPodSandboxRequest(pod_sandbox_id=pod))
        assert [(await rig.status(one)).state for one in containers] == [EXITED] * 3
        await rig.remove_pod(pod)
        assert not any(map(psutil.pid_exists, pids))

    in_rig(main)


async def rig_pid(rig: Rig, container: str) -> int:
    found = rig.node.containers.get(container)
    shim = await rig.node.shims.get(found.sandbox_id)
    return await shim.pid(container)


def test_the_next_llm_containerd_goes_on(rig: Rig) -> None:
    """No process is restarted; what ended meanwhile is known; what was not created is forgotten."""

    async def main() -> None:
        async with rig.serving():
            pod = await rig.run()
            container = await rig.create(pod)
            short = await rig.create(
                pod,
                metadata=api.ContainerMetadata(name="short"),
                annotations={PORTS_ANNOTATION: '[{"containerPort": 9000}]'},
            )
            for one in (container, short):
                await rig.start(one)
            await rig.serves(pod)
            await rig.serves(pod, 9000)
            pid, short_pid = [await rig_pid(rig, one) for one in (container, short)]
            assert pid and short_pid
        os.kill(short_pid, signal.SIGKILL)
        async with rig.serving():
            found = await rig.status(container)
            assert (found.state, await rig_pid(rig, container)) == (RUNNING, pid)
            assert (await rig.pod_status(pod)).network.ip == "10.244.7.2"
            await until(lambda: rig.node.containers.get(short).ended is not None)
            found = await rig.status(short)
            assert (found.exit_code, found.reason) == (137, "Error")
            await rig.clear()
            assert not psutil.pid_exists(pid)

    run(main())


def test_what_nobody_knows_any_more_is_ended(rig: Rig) -> None:
    """Of a pod and of a container whose records are spoilt nothing is left: not their processes either."""

    async def main() -> None:
        async with rig.serving():
            pods = [await rig.run() for _ in range(2)]
            lost, left = pods
            containers = [await rig.create(pod) for pod in pods]
            for pod, container in zip(pods, containers, strict=True):
                await rig.start(container)
                await rig.serves(pod)
            pids = [await rig_pid(rig, one) for one in containers]
        (rig.config.root / "sandboxes" / lost / "record.json").write_bytes(b"[" * 100_000)
        (rig.config.root / "containers" / containers[1] / "record.json").write_bytes(b"")
        async with rig.serving():
            assert [one.id for one in rig.node.sandboxes] == [left]
            assert list(rig.node.containers) == []
            assert f"DEL {lost}" in rig.plugin_calls
            await until(lambda: not any(map(psutil.pid_exists, pids)))
            assert [path.name for path in (rig.config.root / "sandboxes").iterdir()] == [left]
            assert list((rig.config.root / "containers").iterdir()) == []
            names = {one.name for one in rig.node.images.store.snapshots.walk()}
            assert names.isdisjoint(containers)
            await rig.create(left)
            await rig.clear()

    run(main())


def test_a_shim_that_dies_is_replaced(in_rig: InRig) -> None:
    async def main(rig: Rig) -> None:
        pod = await rig.run()
        container = await rig.create(pod)
        await rig.start(container)
        pid = await rig_pid(rig, container)
        children = [one for one in psutil.Process().children() if one.status() != psutil.STATUS_ZOMBIE]
        (shim,) = [one for one in children if "runtime.shim" in one.cmdline()]
        shim.kill()
        await until(lambda: rig.node.containers.get(container).ended is not None)
        found = await rig.status(container)
        assert (found.exit_code, found.reason) == (255, "Unknown") and "shim" in found.message
        await until(lambda: has_ended(pid))
        config = api.ContainerConfig(
            metadata=api.ContainerMetadata(name="main", attempt=1), args=["--engine", "echo"]
        )
        again = await rig.create(pod, config)  # in the same pod, with the same address
        await rig.start(again)
        await rig.serves(pod)
        assert (await rig.status(again)).state == RUNNING

    in_rig(main)
