"""runtime.v1.RuntimeService: calls to verbs, records to messages."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import AsyncIterator
from importlib.metadata import version
from typing import Any

from bronzewillow.host.parsing import parse_json
from runtime.api import cri_pb2 as api
from runtime.api.cri_pb2_grpc import RuntimeServiceServicer
from runtime.cri.containers import Containers
from runtime.cri.errors import FailedPrecondition, InvalidArgument
from runtime.cri.exec_sync import Allowed, exec_sync
from runtime.cri.node import Node
from runtime.cri.pods import HANDLERS, Pods
from runtime.cri.records import Container, Sandbox
from runtime.cri.stats import container_stats, sandbox_stats
from runtime.cri.statuses import (
    container_item,
    container_status,
    has_labels,
    sandbox_item,
    sandbox_status,
    select_containers,
    select_sandboxes,
)
from runtime.cri.streams import NodeStreams
from runtime.networks.errors import NetworkError

RUNTIME_NAME = "runm"
"""What a container's id begins with in Kubernetes: `runm://...`."""
_KUBELET_VERSION = "0.1.0"
_NETWORK_AGAIN_S = 5.0
_Context = Any
_log = logging.getLogger(__name__)


class RuntimeService(RuntimeServiceServicer):
    """Of one node. Refusals are turned into gRPC's status by the server."""

    def __init__(
        self, node: Node, pods: Pods, containers: Containers, allowed: Allowed, streams: NodeStreams
    ) -> None:
        self._node, self._pods, self._containers, self._allowed = node, pods, containers, allowed
        self._streams = streams
        self._network_error, self._network_asked_s = "", -_NETWORK_AGAIN_S

    # ---- the runtime itself

    async def Version(self, request: api.VersionRequest, context: _Context) -> api.VersionResponse:
        """Name and version of this runtime."""
        return api.VersionResponse(
            version=_KUBELET_VERSION,
            runtime_name=RUNTIME_NAME,
            runtime_version=version("bronzewillow"),
            runtime_api_version="v1",
        )

    async def Status(self, request: api.StatusRequest, context: _Context) -> api.StatusResponse:
        """Whether pods can be run, and reach the network."""
        error = await self._network_trouble()
        conditions = [
            api.RuntimeCondition(type="RuntimeReady", status=True),
            api.RuntimeCondition(
                type="NetworkReady",
                status=not error,
                reason="NetworkPluginNotReady" if error else "",
                message=error,
            ),
        ]
        answer = api.StatusResponse(
            status=api.RuntimeStatus(conditions=conditions),
            runtime_handlers=[api.RuntimeHandler(name=name) for name in HANDLERS],
        )
        if request.verbose:
            node = self._node
            facts = {
                "root": str(node.root),
                "images": str(node.images.store.content.root),
                "network": node.network.config.name,
                "plugins": [plugin["type"] for plugin in node.network.config.plugins],
                "podCidr": node.pod_cidr,
                "allowedExec": sorted(self._allowed.programs),
                "sandboxes": len(node.sandboxes),
                "containers": len(node.containers),
            }
            answer.info["config"] = json.dumps(facts)
        return answer

    async def RuntimeConfig(
        self, request: api.RuntimeConfigRequest, context: _Context
    ) -> api.RuntimeConfigResponse:
        """Nothing: all that it could say is which cgroup driver is used, and there are no cgroups."""
        return api.RuntimeConfigResponse()

    async def UpdateRuntimeConfig(
        self, request: api.UpdateRuntimeConfigRequest, context: _Context
    ) -> api.UpdateRuntimeConfigResponse:
        """The pod CIDR is the network plugin's business; it is remembered, and shown by Status."""
        told = request.runtime_config.network_config.pod_cidr
        if told != self._node.pod_cidr:
            self._node.pod_cidr = told
            _log.info("the kubelet says that the pod CIDR is %s", told or "not known yet")
        return api.UpdateRuntimeConfigResponse()

    # ---- pod sandboxes

    async def RunPodSandbox(
        self, request: api.RunPodSandboxRequest, context: _Context
    ) -> api.RunPodSandboxResponse:
        """A pod with its address."""
        sandbox = await self._pods.run(request.config, request.runtime_handler)
        return api.RunPodSandboxResponse(pod_sandbox_id=sandbox.id)

    async def StopPodSandbox(
        self, request: api.StopPodSandboxRequest, context: _Context
    ) -> api.StopPodSandboxResponse:
        """Its containers end, its address is given back."""
        await self._pods.stop(request.pod_sandbox_id)
        return api.StopPodSandboxResponse()

    async def RemovePodSandbox(
        self, request: api.RemovePodSandboxRequest, context: _Context
    ) -> api.RemovePodSandboxResponse:
        """Nothing is left of it but its logs."""
        await self._pods.remove(request.pod_sandbox_id)
        return api.RemovePodSandboxResponse()

    async def PodSandboxStatus(
        self, request: api.PodSandboxStatusRequest, context: _Context
    ) -> api.PodSandboxStatusResponse:
        """One pod, and its containers."""
        node = self._node
        sandbox = node.sandboxes.get(request.pod_sandbox_id)
        answer = api.PodSandboxStatusResponse(
            status=sandbox_status(sandbox),
            containers_statuses=[container_status(one) for one in node.containers_of(sandbox)],
            timestamp=time.time_ns(),
        )
        if request.verbose:
            answer.info["info"] = json.dumps(sandbox.to_json())
            answer.info["waiting"] = node.waiting.of(sandbox.id)
        return answer

    async def ListPodSandbox(
        self, request: api.ListPodSandboxRequest, context: _Context
    ) -> api.ListPodSandboxResponse:
        """Those that a filter lets through."""
        found = select_sandboxes(self._node.sandboxes, request.filter)
        return api.ListPodSandboxResponse(items=[sandbox_item(one) for one in found])

    # ---- containers

    async def CreateContainer(
        self, request: api.CreateContainerRequest, context: _Context
    ) -> api.CreateContainerResponse:
        """A process that waits."""
        pod = request.sandbox_config if request.HasField("sandbox_config") else None
        image = request.config.image.image
        sandbox_id = self._node.sandboxes.get(request.pod_sandbox_id).id
        with self._node.waiting.noted(sandbox_id, image, f"a container of {image} is made"):
            container = await self._containers.create(sandbox_id, request.config, pod)
        return api.CreateContainerResponse(container_id=container.id)

    async def StartContainer(
        self, request: api.StartContainerRequest, context: _Context
    ) -> api.StartContainerResponse:
        """Let a container load its model and serve."""
        await self._containers.start(request.container_id)
        return api.StartContainerResponse()

    async def StopContainer(
        self, request: api.StopContainerRequest, context: _Context
    ) -> api.StopContainerResponse:
        """It ends in order, or by force when the time is over."""
        await self._containers.stop(request.container_id, request.timeout)
        return api.StopContainerResponse()

    async def RemoveContainer(
        self, request: api.RemoveContainerRequest, context: _Context
    ) -> api.RemoveContainerResponse:
        """Nothing is left of it but its log."""
        await self._containers.remove(request.container_id)
        return api.RemoveContainerResponse()

    async def ListContainers(
        self, request: api.ListContainersRequest, context: _Context
    ) -> api.ListContainersResponse:
        """Those that a filter lets through."""
        found = select_containers(self._node.containers, request.filter)
        return api.ListContainersResponse(containers=[container_item(one) for one in found])

    async def ContainerStatus(
        self, request: api.ContainerStatusRequest, context: _Context
    ) -> api.ContainerStatusResponse:
        """The status of one container; verbose, with its settings."""
        container = self._node.containers.get(request.container_id)
        answer = api.ContainerStatusResponse(status=container_status(container))
        if request.verbose:
            bundle = self._node.bundle(container)
            facts = {
                "pid": await self._containers.pid(container),
                "sandboxID": container.sandbox_id,
                "bundle": str(bundle),
                "readonlyRootfsEnforced": False,
                "config": container.to_json()["config"],
                "runtimeSpec": _json_of(bundle / "config.json"),
            }
            answer.info["info"] = json.dumps(facts)
        return answer

    async def UpdateContainerResources(
        self, request: api.UpdateContainerResourcesRequest, context: _Context
    ) -> api.UpdateContainerResourcesResponse:
        """Remembered; nothing limits a process that runs."""
        self._containers.update(request.container_id, request.linux)
        return api.UpdateContainerResourcesResponse()

    async def ReopenContainerLog(
        self, request: api.ReopenContainerLogRequest, context: _Context
    ) -> api.ReopenContainerLogResponse:
        """The log's file was moved."""
        await self._containers.reopen_log(request.container_id)
        return api.ReopenContainerLogResponse()

    # ---- streams

    async def ExecSync(self, request: api.ExecSyncRequest, context: _Context) -> api.ExecSyncResponse:
        """For probes, if the node's owner allows the program."""
        container = self._node.containers.get(request.container_id)
        self._allowed.check(request.cmd)
        if request.timeout < 0:
            raise InvalidArgument("the timeout is negative")
        if container.state != api.ContainerState.CONTAINER_RUNNING:
            raise FailedPrecondition(f"container {container.id} is not running")
        environment = self._node.environment_beside(container)
        output, errors, code = await exec_sync(
            request.cmd, environment, float(request.timeout), self._node.ledger
        )
        return api.ExecSyncResponse(stdout=output, stderr=errors, exit_code=code)

    async def Exec(self, request: api.ExecRequest, context: _Context) -> api.ExecResponse:
        """Where a program beside the container can be spoken to, if the node's owner allows it."""
        return api.ExecResponse(url=self._streams.ask_exec(request))

    async def Attach(self, request: api.AttachRequest, context: _Context) -> api.AttachResponse:
        """Where the container can be heard."""
        return api.AttachResponse(url=self._streams.ask_attach(request))

    async def PortForward(
        self, request: api.PortForwardRequest, context: _Context
    ) -> api.PortForwardResponse:
        """Where the pod's ports can be reached."""
        return api.PortForwardResponse(url=self._streams.ask_port_forward(request))

    # ---- what is used, and what happens

    async def ContainerStats(
        self, request: api.ContainerStatsRequest, context: _Context
    ) -> api.ContainerStatsResponse:
        """What one container uses."""
        container = self._node.containers.get(request.container_id)
        return api.ContainerStatsResponse(stats=await self._stats(container))

    async def ListContainerStats(
        self, request: api.ListContainerStatsRequest, context: _Context
    ) -> api.ListContainerStatsResponse:
        """What the containers that run use."""
        wanted = request.filter
        chosen = api.ContainerFilter(
            id=wanted.id, pod_sandbox_id=wanted.pod_sandbox_id, label_selector=wanted.label_selector
        )
        found = select_containers(self._node.containers, chosen)
        running = [one for one in found if one.state == api.ContainerState.CONTAINER_RUNNING]
        return api.ListContainerStatsResponse(stats=[await self._stats(one) for one in running])

    async def PodSandboxStats(
        self, request: api.PodSandboxStatsRequest, context: _Context
    ) -> api.PodSandboxStatsResponse:
        """What one pod uses."""
        sandbox = self._node.sandboxes.get(request.pod_sandbox_id)
        return api.PodSandboxStatsResponse(stats=await self._pod_stats(sandbox))

    async def ListPodSandboxStats(
        self, request: api.ListPodSandboxStatsRequest, context: _Context
    ) -> api.ListPodSandboxStatsResponse:
        """Of those that are ready."""
        wanted = request.filter
        found = [
            one
            for one in self._node.sandboxes
            if one.is_ready
            and one.id.startswith(wanted.id)
            and has_labels(one.config.labels, wanted.label_selector)
        ]
        return api.ListPodSandboxStatsResponse(stats=[await self._pod_stats(one) for one in found])

    async def ListMetricDescriptors(
        self, request: api.ListMetricDescriptorsRequest, context: _Context
    ) -> api.ListMetricDescriptorsResponse:
        """None: a model's own metrics are at /metrics of its pod."""
        return api.ListMetricDescriptorsResponse()

    async def ListPodSandboxMetrics(
        self, request: api.ListPodSandboxMetricsRequest, context: _Context
    ) -> api.ListPodSandboxMetricsResponse:
        """Empty, as no metric is described."""
        return api.ListPodSandboxMetricsResponse()

    async def GetContainerEvents(
        self, request: api.GetEventsRequest, context: _Context
    ) -> AsyncIterator[api.ContainerEventResponse]:
        """From now on: nothing that happens after the answer's first header is missed."""
        events = self._node.events.listen()
        await context.send_initial_metadata(())
        async for event in events:
            yield event

    async def _stats(self, container: Container) -> api.ContainerStats:
        pid = await self._containers.pid(container)
        return container_stats(container, pid, self._node.bundle(container))

    async def _pod_stats(self, sandbox: Sandbox) -> api.PodSandboxStats:
        containers = self._node.containers_of(sandbox)
        running = [one for one in containers if one.state == api.ContainerState.CONTAINER_RUNNING]
        return sandbox_stats(sandbox, [await self._stats(one) for one in running], len(running))

    async def _network_trouble(self) -> str:
        """Asked of the plugins now and then: each time costs a process."""
        now = time.monotonic()
        if now - self._network_asked_s >= _NETWORK_AGAIN_S:
            try:
                await self._node.network.status()
                self._network_error = ""
            except NetworkError as error:
                self._network_error = str(error)
            self._network_asked_s = now
        return self._network_error


def _json_of(path: Any) -> Any:
    try:
        return parse_json(path.read_bytes())
    except (OSError, ValueError):
        return None
