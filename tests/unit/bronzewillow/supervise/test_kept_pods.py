from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import grpc
import pytest

from bronzewillow.supervise.kept_pods import KeptPod, kept_line, kept_pods
from bronzewillow.testing.aio import run
from bronzewillow.testing.node_processes import node_processes
from runtime.api import cri_pb2 as api
from runtime.api.cri_pb2_grpc import RuntimeServiceStub

TIME_S = 1_795_783_518
TIME = f"{datetime.fromtimestamp(TIME_S, UTC).astimezone():%Y-%m-%d %H:%M:%S}"


def test_who_they_are_since_when_and_how_they_end() -> None:
    pod = KeptPod("default/a-mac", TIME_S * 10**9 + 5)
    said = f"pods of a former node go on: default/a-mac (since {TIME}); they end with "
    assert kept_line([pod], keeps_pods=False) == f"{said}this one"
    assert kept_line([pod], keeps_pods=True) == f"{said}a node that is started without --keep-pods"
    assert kept_line([pod] * 7, keeps_pods=False).endswith(", 2 more; they end with this one")


@pytest.mark.loopback
def test_those_of_a_real_runtime(tmp_path: Path) -> None:
    async def main() -> None:
        assert await kept_pods(tmp_path / "none.sock") == []
        assert await kept_pods(node.cri) == []
        async with grpc.aio.insecure_channel(f"unix:{node.cri}") as channel:
            runtime = RuntimeServiceStub(channel)
            made = {}
            for name in ("b", "a", "stopped"):
                metadata = api.PodSandboxMetadata(name=name, uid=name, namespace="n")
                config = api.PodSandboxConfig(metadata=metadata, log_directory=str(tmp_path))
                answer = await runtime.RunPodSandbox(api.RunPodSandboxRequest(config=config))
                made[name] = answer.pod_sandbox_id
            await runtime.StopPodSandbox(api.StopPodSandboxRequest(pod_sandbox_id=made["stopped"]))
            listed = await runtime.ListPodSandbox(api.ListPodSandboxRequest())
            since = {one.id: one.created_at for one in listed.items}
        found = await kept_pods(node.cri)
        assert found == [KeptPod("n/a", since[made["a"]]), KeptPod("n/b", since[made["b"]])]

    with node_processes() as node:
        node.start_agent()
        node.start_runtime()
        run(main())
