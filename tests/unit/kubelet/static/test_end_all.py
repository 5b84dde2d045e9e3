from __future__ import annotations

import asyncio
from pathlib import Path

import grpc
import pytest

from bronzewillow.testing.aio import run
from bronzewillow.testing.node_processes import NodeProcesses, kill
from kubelet.static.cri import Cri
from kubelet.static.decide import StartContainer
from kubelet.static.end_all import end_all
from kubelet.static.manifest import Container, Pod
from runtime.api import cri_pb2 as api
from runtime.api.cri_pb2_grpc import RuntimeServiceStub

pytestmark = pytest.mark.loopback
LLM = Container("llm", "tiny", "IfNotPresent", (), ("--engine", "echo"), (), (), 0, ())


def pod(number: int) -> Pod:
    return Pod("a", f"p{number}", f"u{number}", (), (), "Always", 5, (LLM,), "f.yaml")


def test_static_pods_and_others_end(node: NodeProcesses, tmp_path: Path) -> None:
    async def main() -> None:
        async with (
            Cri(node.cri, tmp_path) as cri,
            grpc.aio.insecure_channel(f"unix:{node.cri}") as channel,
        ):
            for number in range(2):
                await cri.run_pod(pod(number), 0)
            made = await cri.observe()
            await cri.start(StartContainer(pod(0), made[0], LLM, 0, 0))
            metadata = api.PodSandboxMetadata(name="other", uid="o", namespace="b")
            config = api.PodSandboxConfig(metadata=metadata)
            await RuntimeServiceStub(channel).RunPodSandbox(api.RunPodSandboxRequest(config=config))
            assert await end_all(cri) == 3
            assert await cri.observe(only_static=False) == []
            assert await end_all(cri) == 0

    run(main())


def test_a_runtime_that_is_just_starting_is_waited_for(node: NodeProcesses, tmp_path: Path) -> None:
    kill(node.runtime)

    async def main() -> int:
        async with Cri(node.cri, tmp_path) as cri:
            ended, _ = await asyncio.gather(end_all(cri), asyncio.to_thread(node.start_runtime))
            return ended

    assert run(main()) == 0
