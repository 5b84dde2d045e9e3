from __future__ import annotations

import asyncio
import json

import grpc
import pytest

from bronzewillow.testing.loopback import until
from runtime.api import cri_pb2 as api

from .conftest import InRig, Rig

pytestmark = pytest.mark.loopback


def test_the_runtime_itself(in_rig: InRig) -> None:
    async def main(rig: Rig) -> None:
        found = await rig.runtime.Version(api.VersionRequest(version="v1"))
        assert (found.runtime_name, found.runtime_api_version) == ("runm", "v1")
        request = api.UpdateRuntimeConfigRequest()
        request.runtime_config.network_config.pod_cidr = "10.244.7.0/24"
        await rig.runtime.UpdateRuntimeConfig(request)
        status = await rig.runtime.Status(api.StatusRequest(verbose=True))
        assert {one.type: one.status for one in status.status.conditions} == {
            "RuntimeReady": True, "NetworkReady": True,
        }  # fmt: skip
        info = json.loads(status.info["config"])
        assert (info["podCidr"], info["plugins"]) == ("10.244.7.0/24", ["fake-net"])
        assert await rig.runtime.RuntimeConfig(api.RuntimeConfigRequest()) == api.RuntimeConfigResponse()
        checkpoint = rig.runtime.CheckpointContainer(api.CheckpointContainerRequest())
        assert await rig.refused(checkpoint) == (
            grpc.StatusCode.UNIMPLEMENTED, "CheckpointContainer is not served here",
        )  # fmt: skip
        request.runtime_config.network_config.pod_cidr = "10.244.7.1/24"
        wrong = rig.runtime.UpdateRuntimeConfig(request)
        assert (await rig.refused(wrong))[0] == grpc.StatusCode.INVALID_ARGUMENT
        assert rig.node.pod_cidr == "10.244.7.0/24"

    in_rig(main)


def test_a_network_that_is_down_is_told(rig: Rig, in_rig: InRig) -> None:
    rig.plugin.with_name("fake-net.down").touch()

    async def main(rig: Rig) -> None:
        status = await rig.runtime.Status(api.StatusRequest())
        (network,) = [one for one in status.status.conditions if one.type == "NetworkReady"]
        assert not network.status and network.reason == "NetworkPluginNotReady"
        assert "the agent does not answer" in network.message
        rig.plugin.with_name("fake-net.down").unlink()

    in_rig(main)


def test_lists_and_their_filters(in_rig: InRig) -> None:
    async def main(rig: Rig) -> None:
        pods = [await rig.run(rig.pod_config(labels={"n": str(number)})) for number in range(2)]
        containers = [await rig.create(pod, labels={"of": pod[:4]}) for pod in pods]
        await rig.start(containers[0])

        async def pods_of(**wanted: object) -> list[str]:
            request = api.ListPodSandboxRequest(filter=api.PodSandboxFilter(**wanted))  # type: ignore[arg-type]
            return [one.id for one in (await rig.runtime.ListPodSandbox(request)).items]

        async def containers_of(**wanted: object) -> list[str]:
            request = api.ListContainersRequest(filter=api.ContainerFilter(**wanted))  # type: ignore[arg-type]
            return [one.id for one in (await rig.runtime.ListContainers(request)).containers]

        assert await pods_of() == pods[::-1]
        assert await pods_of(id=pods[0][:10]) == await pods_of(label_selector={"n": "0"}) == pods[:1]
        assert await pods_of(label_selector={"n": "0", "m": "1"}) == []
        ready = api.PodSandboxStateValue(state=api.PodSandboxState.SANDBOX_READY)
        assert set(await pods_of(state=ready)) == set(pods)
        running = api.ContainerStateValue(state=api.ContainerState.CONTAINER_RUNNING)
        assert await containers_of(state=running) == containers[:1]
        assert await containers_of(pod_sandbox_id=pods[1]) == containers[1:]
        assert await containers_of(label_selector={"of": pods[1][:4]}) == containers[1:]
        found = await rig.status(containers[0][:8])  # the beginning of an id is enough
        assert found.id == containers[0]

    in_rig(main)


def test_stats(in_rig: InRig) -> None:
    async def main(rig: Rig) -> None:
        pod = await rig.run()
        container = await rig.create(pod)
        await rig.start(container)
        await rig.serves(pod)
        one = (await rig.runtime.ContainerStats(api.ContainerStatsRequest(container_id=container))).stats
        assert one.cpu.usage_core_nano_seconds.value > 0
        assert one.memory.working_set_bytes.value > 1 << 20
        (listed,) = (await rig.runtime.ListContainerStats(api.ListContainerStatsRequest())).stats
        assert listed.attributes == one.attributes
        whole = (await rig.runtime.PodSandboxStats(api.PodSandboxStatsRequest(pod_sandbox_id=pod))).stats
        assert whole.linux.memory.rss_bytes.value >= 1 << 20 and whole.linux.process.process_count.value == 1
        (listed_pod,) = (await rig.runtime.ListPodSandboxStats(api.ListPodSandboxStatsRequest())).stats
        assert listed_pod.attributes.id == pod
        assert not (await rig.runtime.ListMetricDescriptors(api.ListMetricDescriptorsRequest())).descriptors
        assert not (await rig.runtime.ListPodSandboxMetrics(api.ListPodSandboxMetricsRequest())).pod_metrics

    in_rig(main)


def test_events(in_rig: InRig) -> None:
    async def main(rig: Rig) -> None:
        stream = rig.runtime.GetContainerEvents(api.GetEventsRequest())
        await asyncio.sleep(0)
        heard: list[tuple[str, int]] = []
        pod = container = ""

        async def listen() -> None:
            async for event in stream:
                heard.append((event.container_id, event.container_event_type))

        listener = asyncio.ensure_future(listen())  # noqa: TID251
        await stream.wait_for_connection()
        pod = await rig.run()
        container = await rig.create(pod)
        await rig.start(container)
        await rig.stop(container)
        await rig.remove_pod(pod)
        kinds = api.ContainerEventType
        expected = [
            (pod, kinds.CONTAINER_CREATED_EVENT), (pod, kinds.CONTAINER_STARTED_EVENT),
            (container, kinds.CONTAINER_CREATED_EVENT), (container, kinds.CONTAINER_STARTED_EVENT),
            (container, kinds.CONTAINER_STOPPED_EVENT), (pod, kinds.CONTAINER_STOPPED_EVENT),
            (pod, kinds.CONTAINER_DELETED_EVENT),
        ]  # fmt: skip
        await until(lambda: len(heard) >= len(expected))
        assert heard == expected
        stream.cancel()
        await asyncio.wait([listener])

    in_rig(main)


def test_exec_sync(in_rig: InRig) -> None:
    async def main(rig: Rig) -> None:
        pod = await rig.run()
        container = await rig.create(pod, envs=[api.KeyValue(key="GREETING", value=b"hello")])

        async def call(*command: str, timeout: int = 60) -> api.ExecSyncResponse:
            request = api.ExecSyncRequest(container_id=container, cmd=command, timeout=timeout)
            found = await rig.runtime.ExecSync(request)
            assert isinstance(found, api.ExecSyncResponse)
            return found

        assert (await rig.refused(call("/bin/echo")))[0] == grpc.StatusCode.FAILED_PRECONDITION
        await rig.start(container)
        found = await call("sh", "-c", "echo $GREETING; echo no >&2; exit 3")
        assert (found.stdout, found.stderr, found.exit_code) == (b"hello\n", b"no\n", 3)
        assert (await rig.refused(call("sh", "-c", "sleep 9", timeout=1)))[0] == (
            grpc.StatusCode.DEADLINE_EXCEEDED
        )
        assert (await rig.refused(call("/bin/sh")))[0] == grpc.StatusCode.PERMISSION_DENIED
        assert (await rig.refused(call("sh", timeout=-1)))[0] == grpc.StatusCode.INVALID_ARGUMENT

    in_rig(main)


def test_logs_and_resources(in_rig: InRig) -> None:
    async def main(rig: Rig) -> None:
        pod = await rig.run()
        container = await rig.create(pod)
        reopen = api.ReopenContainerLogRequest(container_id=container)
        assert (await rig.refused(rig.runtime.ReopenContainerLog(reopen)))[0] == (
            grpc.StatusCode.FAILED_PRECONDITION
        )
        await rig.start(container)
        await rig.serves(pod)
        log = rig.folder / "logs/main.log"
        log.rename(log.with_suffix(".1"))
        await rig.runtime.ReopenContainerLog(reopen)
        assert log.exists()
        update = api.UpdateContainerResourcesRequest(container_id=container)
        update.linux.memory_limit_in_bytes = 1 << 30
        await rig.runtime.UpdateContainerResources(update)
        assert (await rig.status(container)).resources.linux.memory_limit_in_bytes == 1 << 30
        verbose = api.ContainerStatusRequest(container_id=container, verbose=True)
        info = json.loads((await rig.runtime.ContainerStatus(verbose)).info["info"])
        assert info["pid"] > 0 and info["runtimeSpec"]["process"]["args"][:2] == ["runm", "serve"]
        pod_verbose = api.PodSandboxStatusRequest(pod_sandbox_id=pod, verbose=True)
        found = await rig.runtime.PodSandboxStatus(pod_verbose)
        assert [one.id for one in found.containers_statuses] == [container] and found.info["info"]

    in_rig(main)
