from __future__ import annotations

import random
from pathlib import Path

import grpc
import pytest

from bronzewillow.supervise.pods_view import names_of, newest_attempts, pods_view, port_names, ports_of
from bronzewillow.testing.aio import run
from bronzewillow.testing.gguf import emit_gguf, random_tensor
from bronzewillow.testing.node_processes import node_processes
from runtime.api import cri_pb2 as api
from runtime.api.cri_pb2_grpc import RuntimeServiceStub

TENSORS = {"token_embd.weight": random_tensor(random.Random(1), 8, 8)}


def test_only_the_newest_attempt_counts() -> None:
    def container(id: str, pod: str, name: str, attempt: int) -> api.Container:
        metadata = api.ContainerMetadata(name=name, attempt=attempt)
        return api.Container(id=id, pod_sandbox_id=pod, metadata=metadata)

    found = newest_attempts(
        [container("1", "p", "a", 1), container("2", "p", "a", 3), container("3", "p", "a", 2),
         container("4", "q", "a", 0), container("5", "p", "b", 0)]
    )  # fmt: skip
    assert [one.id for one in found] == ["2", "5", "4"]


@pytest.mark.parametrize(
    ("annotation", "ports"),
    [
        ("", [8080]), ("[]", [8080]), ('[{"containerPort": 9000}, {"containerPort": "80"}]', [80, 9000]),
        ("{", [8080]), ('["x"]', [8080]), ("[{}]", [8080]), ("5", [8080]),
    ],
)  # fmt: skip
def test_ports_of_a_container(annotation: str, ports: list[int]) -> None:
    assert ports_of(annotation) == ports


@pytest.mark.parametrize(
    ("annotation", "names"),
    [
        ("", {}), ("[]", {}), ("{", {}), ('["x"]', {}), ('[{"name": "x"}]', {}), ("5", {}),
        ('[{"name": "web", "containerPort": 80}, {"containerPort": 81}]', {"web": 80}),
        ('[{"name": 5, "containerPort": 80}, {"name": "", "containerPort": 81}]', {}),
    ],
)  # fmt: skip
def test_names_of_the_ports_of_a_container(annotation: str, names: dict[str, int]) -> None:
    assert names_of(annotation) == names


@pytest.mark.loopback
def test_pods_of_a_real_runtime(tmp_path: Path) -> None:
    async def main() -> None:
        sockets = node.runtime_folder / "p"
        assert await pods_view(tmp_path / "none.sock", sockets) is None
        assert await port_names(tmp_path / "none.sock", "n/a") is None
        async with grpc.aio.insecure_channel(f"unix:{node.cri}") as channel:
            runtime = RuntimeServiceStub(channel)
            metadata = api.PodSandboxMetadata(name="a", uid="u", namespace="n")
            config = api.PodSandboxConfig(metadata=metadata, log_directory=str(tmp_path))
            pod = (await runtime.RunPodSandbox(api.RunPodSandboxRequest(config=config))).pod_sandbox_id
            (view,) = await pods_view(node.cri, sockets) or []
            assert (view["name"], view["address"], view["ready"], view["containers"]) == (
                "n/a", "10.244.7.2", True, [],
            )  # fmt: skip
            container = api.ContainerConfig(
                metadata=api.ContainerMetadata(name="llm"), image=api.ImageSpec(image="tiny"),
                args=["--engine", "echo"], log_path="llm.log",
                annotations={"io.kubernetes.container.ports": '[{"name": "web", "containerPort": 8080}]'},
            )  # fmt: skip
            other = api.ContainerConfig(image=api.ImageSpec(image="none:1"), metadata=container.metadata)
            refused = api.CreateContainerRequest(pod_sandbox_id=pod, config=other)
            with pytest.raises(grpc.aio.AioRpcError):
                await runtime.CreateContainer(refused)
            (view,) = await pods_view(node.cri, sockets) or []
            assert view["waiting"] == "image none:1 is not here; pull it first"
            create = api.CreateContainerRequest(pod_sandbox_id=pod, config=container)
            assert await port_names(node.cri, "n/a") == {}
            made = (await runtime.CreateContainer(create)).container_id
            assert await port_names(node.cri, "n/a") == {"web": 8080}
            assert await port_names(node.cri, "n/b") == {}
            assert await state() == "created"
            await runtime.StartContainer(api.StartContainerRequest(container_id=made))
            while await state() != "serving":
                pass
            (view,) = await pods_view(node.cri, sockets) or []
            (llm,) = view["containers"]
            assert llm["memory_bytes"] > 10 << 20
            assert (llm["tokens_per_s"], llm["requests_running"], llm["ports"]) == (0, 0, [8080])
            assert Path(llm["socket"]).is_socket()
            assert llm["log"] == str(tmp_path / "llm.log")
            assert "tiny" in llm["model"]
            await runtime.StopContainer(api.StopContainerRequest(container_id=made, timeout=5))
            assert await state() == "ended (0, Completed)"

    async def state() -> str:
        (view,) = await pods_view(node.cri, node.runtime_folder / "p") or []
        return str(view["containers"][0]["state"])

    with node_processes() as node:
        (node.folder / "tiny.gguf").write_bytes(emit_gguf({"general.architecture": "llama"}, TENSORS))
        node.run("runtime.runm", "create", "tiny", "--model", str(node.folder / "tiny.gguf"))
        node.start_agent()
        node.start_runtime()
        run(main())
