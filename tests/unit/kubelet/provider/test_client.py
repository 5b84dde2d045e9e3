"""CRI's calls over a real socket."""

from __future__ import annotations

from pathlib import Path

import grpc
import pytest

from bronzewillow.testing.aio import run
from kubelet.provider.client import RuntimeClient
from kubelet.provider.errors import RuntimeRefusal
from kubelet.provider.labels import POD_UID
from runtime.api import cri_pb2 as api

from ..conftest import runtime_double

pytestmark = pytest.mark.loopback
METADATA = api.PodSandboxMetadata(name="a", uid="1", namespace="n")


def sandbox(uid: str) -> api.PodSandboxConfig:
    return api.PodSandboxConfig(metadata=METADATA, labels={POD_UID: uid})


def test_the_life_of_a_container() -> None:
    async def main() -> None:
        async with runtime_double() as (double, client):
            pod = await client.run_sandbox(sandbox("1"), "")
            await client.run_sandbox(sandbox("2"), "")
            config = api.ContainerConfig(metadata=api.ContainerMetadata(name="llm"), labels={POD_UID: "1"})
            container = await client.create_container(pod, config, sandbox("1"))
            await client.start_container(container)
            assert (await client.container_status(container)).state == api.ContainerState.CONTAINER_RUNNING
            assert [one.id for one in await client.containers("1")] == [container]
            assert await client.containers("2") == []
            assert len(await client.sandboxes()) == 2
            assert [one.id for one in await client.sandboxes("1")] == [pod]
            await client.stop_container(container, 7)
            assert "StopContainer 7" in double.calls
            await client.remove_container(container)
            await client.stop_sandbox(pod)
            assert (await client.sandbox_status(pod)).state == api.PodSandboxState.SANDBOX_NOTREADY
            await client.remove_sandbox(pod)
            with pytest.raises(RuntimeRefusal, match="no such sandbox") as refused:
                await client.sandbox_status(pod)
            assert refused.value.is_not_found

    run(main())


def test_images() -> None:
    async def main() -> None:
        async with runtime_double() as (double, client):
            assert await client.image("tiny") is None
            auth = api.AuthConfig(username="me", password="p")
            assert await client.pull_image("tiny", auth, sandbox("1")) == "sha256:tiny"
            assert double.pulls == [("tiny", auth)]
            found = await client.image("tiny")
            assert found is not None
            assert found.id == "sha256:tiny"
            double.facts = {"pull": "{}"}
            assert await client.image_facts("tiny") == {"pull": "{}"}
            await client.remove_image("sha256:tiny")
            assert await client.images() == []

    run(main())


def test_a_command_has_output_and_code() -> None:
    async def main() -> None:
        async with runtime_double() as (_, client):
            answer = await client.exec_sync("c", ["false"], 1)
            assert (answer.stdout, answer.stderr, answer.exit_code) == (b"out", b"err", 1)

    run(main())


def test_events_begin_when_nothing_is_missed_any_more() -> None:
    async def main() -> None:
        async with runtime_double() as (_, client):
            events = client.events()
            assert await anext(events) is None
            pod = await client.run_sandbox(sandbox("1"), "")
            event = await anext(events)
            assert event is not None
            assert event.pod_sandbox_status.id == pod
            await events.aclose()  # type: ignore[attr-defined]

    run(main())


def test_a_runtime_that_is_not_there(tmp_path: Path) -> None:
    async def main() -> None:
        client = RuntimeClient(tmp_path / "none")
        with pytest.raises(RuntimeRefusal) as refused:
            await client.version()
        assert refused.value.code is grpc.StatusCode.UNAVAILABLE
        await client.close()

    run(main())
