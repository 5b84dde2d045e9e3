from __future__ import annotations

import asyncio
from pathlib import Path

import grpc
import pytest

from bronzewillow.host.tasks import spawn
from bronzewillow.testing.aio import run
from bronzewillow.testing.node_processes import NodeProcesses
from kubelet.static.cri import Cri
from kubelet.static.decide import StartContainer
from kubelet.static.manifest import Container, Pod
from kubelet.static.observed import ObservedPod, State

pytestmark = pytest.mark.loopback
LLM = Container("llm", "tiny", "IfNotPresent", (), ("--engine", "echo"), (), (), 0, ())
POD = Pod("default", "one-mac", "u1", (), (), "Always", 5, (LLM,), "one.yaml")


async def started(cri: Cri) -> ObservedPod:
    await cri.run_pod(POD, 0)
    (made,) = await cri.observe()
    assert made.containers == ()
    assert await cri.start(StartContainer(POD, made, LLM, 0, 0)) == 0
    (found,) = await cri.observe()
    return found


def test_the_life_of_a_pod(node: NodeProcesses, tmp_path: Path) -> None:
    async def main() -> None:
        async with Cri(node.cri, tmp_path) as cri:
            heard = asyncio.Event()

            async def listen() -> None:
                async for _ in cri.events():
                    heard.set()

            listening = spawn(listen(), name="listen")
            pod = await started(cri)
            (container,) = pod.containers
            assert (pod.full_name, pod.is_ready, pod.file) == ("default/one-mac", True, "one.yaml")
            assert (container.state, container.attempt) == (State.RUNNING, 0)
            assert container.log_path == str(tmp_path / "default_one-mac_u1/llm/0.log")
            assert Path(container.log_path).exists()
            await cri.end(pod)
            await cri.end(pod)
            assert await cri.observe() == []
            assert list(tmp_path.iterdir()) == []
            await heard.wait()
            listening.cancel()

    run(main())


def test_an_ended_container_is_removed_with_its_log(node: NodeProcesses, tmp_path: Path) -> None:
    async def main() -> None:
        async with Cri(node.cri, tmp_path) as cri:
            pod = await started(cri)
            (container,) = pod.containers
            await cri.remove_container(container)
            await cri.remove_container(container)
            assert not Path(container.log_path).exists()
            (pod,) = await cri.observe()
            assert pod.containers == ()
            await cri.end(pod)

    run(main())


def test_an_image_that_may_not_be_pulled_or_cannot_be(node: NodeProcesses, tmp_path: Path) -> None:
    async def main() -> None:
        async with Cri(node.cri, tmp_path) as cri:
            await cri.run_pod(POD, 0)
            (made,) = await cri.observe()
            for policy, code in (
                ("Never", grpc.StatusCode.NOT_FOUND),
                ("Always", grpc.StatusCode.INVALID_ARGUMENT),
            ):
                other = Container(
                    "llm", {"Never": "none", "Always": "Bad::Name"}[policy], policy, (), (), (), (), 0, ()
                )
                with pytest.raises(grpc.aio.AioRpcError) as caught:
                    await cri.start(StartContainer(POD, made, other, 0, 0))
                assert caught.value.code() == code
            await cri.end(made)

    run(main())


def test_only_static_pods_are_ours(node: NodeProcesses, tmp_path: Path) -> None:
    async def main() -> None:
        async with Cri(node.cri, tmp_path) as cri:
            await cri.run_pod(POD, 0)
            assert [pod.uid for pod in await cri.observe(only_static=False)] == ["u1"]
            (made,) = await cri.observe()
            outside = tmp_path.parent / "keep"
            outside.mkdir()
            forged = ObservedPod(made.sandbox_id, "x/../../keep", "", "", 0, True, 0)
            await cri.end(forged)
            assert outside.exists()

    run(main())


def test_nobody_answers(tmp_path: Path) -> None:
    async def main() -> None:
        async with Cri(tmp_path / "none.sock", tmp_path) as cri:
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await cri.observe()
            assert caught.value.code() == grpc.StatusCode.UNAVAILABLE

    run(main())
