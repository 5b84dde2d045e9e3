"""Everything that makes the pods of a node be, put together; and what is done now and then.

It needs of the node only what its Node object says, and of a cluster only a client.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import shutil
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bronzewillow.host.paths import make_private
from bronzewillow.host.tasks import together
from bronzewillow.kube.cache import Change
from bronzewillow.kube.client import KubeClient, Selection
from bronzewillow.kube.errors import KubeError
from bronzewillow.kube.reflector import Reflector
from bronzewillow.kube.resources import PODS, SERVICES
from kubelet.model.decision import NodeFacts, Refusal
from kubelet.model.field_ref import DownwardFacts
from kubelet.model.observed import ObservedPod
from kubelet.model.pod_spec import (
    Object,
    is_terminal,
    mapping,
    metadata,
    name,
    namespace,
    objects,
    status,
    text,
    uid,
)
from kubelet.model.references import references
from kubelet.model.times import SECOND
from kubelet.node.health import HealthWatch
from kubelet.pods.event_recorder import EventRecorder
from kubelet.pods.eviction_watch import EvictionWatch
from kubelet.pods.execution import Execution
from kubelet.pods.image_collection import DETECT_S, Disk, ImageCollection
from kubelet.pods.image_puller import ImagePuller
from kubelet.pods.log_rotation import CHECK_S, LogRotation, RotationConfig
from kubelet.pods.memory_watch import LOOK_S, MemoryWatch
from kubelet.pods.metrics import PodMetrics, RunningPods
from kubelet.pods.mirror import keep_mirror
from kubelet.pods.node_shutdown import NodeShutdown, ShutdownGrace
from kubelet.pods.pod_set import PodSet
from kubelet.pods.resolving import Resolving, downward_value
from kubelet.pods.shown_pods import ShownPods, shown
from kubelet.pods.static_source import READ_EVERY_S, StaticSource
from kubelet.pods.status_writer import StatusWriter
from kubelet.pods.storage_watch import StorageWatch
from kubelet.pods.surroundings import NodeSurroundings, now, wall
from kubelet.probes.door import Door
from kubelet.provider.client import RuntimeClient
from kubelet.provider.errors import RuntimeRefusal
from kubelet.provider.labels import PodKey
from kubelet.provider.lifecycle import Lifecycle
from kubelet.provider.logs import LogFolders, remove_folders
from kubelet.provider.metrics import RuntimeMetrics
from kubelet.provider.readiness import ASK_S, Readiness
from kubelet.references import References
from kubelet.volumes.pod_volumes import PodVolumes, VolumeFolders
from kubelet.volumes.tokens import Tokens

REFRESH_S = 45.0
"""Of volumes: a change shows in less than 90 s."""
_COLLECT_EVERY = 5
"""Looks at images."""
_TIDY_S = 60.0
_STALLED_S = 300
_MIRROR_S = 2.0
_RUNTIME = "runm"
"""The runtime's name, until it has told its own."""
_log = logging.getLogger(__name__)

NodeObject = Callable[[], Object]
"""The Node as it is told to the API server: labels, taints, addresses, allocatable; with its UID once it has
one."""
Admit = Callable[[Object, list[Object]], Refusal | None]


@dataclass(frozen=True, slots=True)
class ShellConfig:
    """Where the shell keeps and finds everything."""

    node_name: str
    root: Path
    """Of volumes and logs."""
    cri: Path
    """The runtime's socket."""
    door: Path
    """The network agent's."""
    static_pods: Path | None = None
    """A folder of pods; None for none."""
    host_paths: Sequence[Path] = ()
    """Below which hostPath is allowed."""
    rotation: RotationConfig = field(default_factory=RotationConfig)


class PodShell:
    """Of one node. Made on the loop."""

    def __init__(
        self, config: ShellConfig, client: KubeClient, node: NodeObject, admit: Admit, health: HealthWatch
    ) -> None:
        self._config, self._client, self._node = config, client, node
        self._health = health
        self._started, self._looks, self._knows_image_disk = now(), 0, False
        self._ticked = self._started
        self.metrics = PodMetrics()
        runtime_metrics = RuntimeMetrics(self.metrics.registry)
        self.runtime = RuntimeClient(config.cri, runtime_metrics)
        self.door = Door(config.door)
        self.logs = LogFolders(config.root / "logs")
        self.recorder = EventRecorder(client, config.node_name, wall, now)
        self._references = References(client, now)
        self.volumes = PodVolumes(
            VolumeFolders(config.root),
            self._references,
            Tokens(client, wall, random.random),
            lambda pod, item: downward_value(pod, item, self._downward(None)),
            config.host_paths,
        )
        self._services = Reflector(client, SERVICES, lambda _: None)
        self.statuses = StatusWriter(client, lambda pod_uid: self.pods.target(pod_uid))
        resolving = Resolving(
            self._references,
            self.volumes,
            self._known_services,
            self._downward,
            self.recorder.of_pod,
        )
        self.lifecycle = Lifecycle(
            self.runtime, self._on_runtime, now, listed=self._on_list, metrics=runtime_metrics
        )
        self.readiness = Readiness(self.runtime, self.lifecycle)
        execution = Execution(
            self.runtime,
            self.volumes,
            ImagePuller(self.runtime, self._references, self.recorder.of_pod, now),
            self.door,
            self.logs,
            self.statuses,
            self,
            resolving.resolve,
            lambda: self.readiness.network_problem,
        )
        self.pods = PodSet(
            NodeSurroundings(
                self.runtime,
                execution,
                self.statuses,
                self._facts,
                self.recorder.of_pod,
                lambda pod_uid: self.pods.on_finished(pod_uid),
                self.metrics,
            ),
            admit,
        )
        self.metrics.registry.register(RunningPods(config.node_name, self.pods))
        selection = Selection(fields=f"spec.nodeName={config.node_name}")
        self._reflector = Reflector(client, PODS, self._on_api, selection)
        self.pods.api = self._reflector.cache
        self.shown = ShownPods(self.pods)
        self.images = ImageCollection(self.runtime, self._disk, now, self.recorder.of_node)
        self.memory = MemoryWatch(self.runtime, self.pods)
        self.storage = StorageWatch(self.runtime, self.pods, self.volumes, self.logs)
        self.eviction = EvictionWatch(
            self.runtime,
            self.pods,
            health,
            (self.volumes.folders, self.logs),
            self.images.free_all,
            self.recorder.of_node,
            now,
        )
        self._rotation = LogRotation(self.runtime, config.rotation)
        self._shutdown = NodeShutdown(self.pods, self.statuses.flush)
        self.is_shutting_down = False
        """The machine goes down: no pod is taken any more."""
        self._static = StaticSource(config.static_pods, config.node_name) if config.static_pods else None

    async def run(self) -> None:
        """Until cancelled; pods go on."""
        make_private(self._config.root)
        try:
            await together(
                self.lifecycle.run(),
                self._reflector.run(),
                self._services.run(),
                self.statuses.run(),
                self.recorder.run(),
                self._again(self._ask_runtime, ASK_S),
                self._again(self._read_static, READ_EVERY_S),
                self._again(self._keep_mirrors, _MIRROR_S),
                self._again(self.volumes.refresh, REFRESH_S),
                self._again(self._rotation.rotate, CHECK_S),
                self._again(self._look_at_images, DETECT_S),
                self._again(self.storage.look, LOOK_S),
                self._again(self.memory.look, LOOK_S),
                self._again(self.eviction.look, LOOK_S),
                self._again(self._tidy, _TIDY_S),
            )
        finally:
            self.pods.leave()
            await self.runtime.close()

    async def shut_down(self, grace: ShutdownGrace) -> None:
        """The machine goes down: take no pod any more, and end those that there are, while `run` goes on."""
        self.is_shutting_down = True
        await self._shutdown.run(grace)

    async def delete_pod(self, pod: Object) -> None:
        """The API object, at once, if it is the one of that UID. KubeError."""
        found = self.pods.target(uid(pod)) or pod
        await self._client.delete(PODS, name(found), namespace(found), grace_period_s=0, uid=uid(found))

    def sync_loop_problem(self) -> str:
        """Empty, or why the kubelet does not do its work."""
        silent_s = (now() - self._ticked) // SECOND
        return f"sync loop has not turned for {silent_s} s" if silent_s > _STALLED_S else ""

    # ---- what is told to the parts

    def _facts(self) -> NodeFacts:
        runtime = self.readiness.name or _RUNTIME
        return NodeFacts(self._config.node_name, tuple(self._addresses()), runtime, self._started)

    async def _known_services(self) -> Iterable[Object]:
        await self._services.synced()
        return self._services.cache.values()

    def _downward(self, observed: ObservedPod | None) -> DownwardFacts:
        sandbox = observed.newest_sandbox if observed is not None else None
        allocatable = mapping(status(self._node()).get("allocatable"))
        ips = sandbox.ips if sandbox is not None else ()
        return DownwardFacts(self._config.node_name, list(self._addresses()), ips, allocatable)

    def _addresses(self) -> Iterable[str]:
        for one in objects(status(self._node()).get("addresses")):
            if one.get("type") == "InternalIP":
                yield text(one.get("address"))

    def _disk(self) -> Disk:
        usage = shutil.disk_usage(self._health.image_disk)
        return Disk(usage.total, usage.free)

    # ---- the sources

    def _on_api(self, changes: list[Change]) -> None:
        self.pods.on_api(changes)
        for change in changes:
            self.volumes.desire(change.object)

    def _on_runtime(self, key: PodKey) -> None:
        self.pods.on_runtime(key)

    def _on_list(self) -> None:
        self.pods.on_runtime_list(self.lifecycle.pods)

    async def _ask_runtime(self) -> None:
        self._ticked = now()
        asked_at = self.readiness.asked_at  # the Node asks as well
        if asked_at is None or self._ticked - asked_at >= ASK_S * SECOND:
            await self.readiness.ask(self._ticked)

    async def _read_static(self) -> None:
        found = await asyncio.to_thread(self._static.read) if self._static is not None else []
        self.pods.on_static(found)

    async def _keep_mirrors(self) -> None:
        node_uid = text(metadata(self._node()).get("uid"))
        if self._reflector.is_synced and node_uid:
            for pod, mirror in self.pods.mirrors():
                await keep_mirror(self._client, pod, mirror, node_uid)

    # ---- now and then

    async def _again(self, step: Callable[[], Awaitable[None]], seconds: float) -> None:
        told = ""
        while True:
            try:
                await step()
                told = ""
            except (RuntimeRefusal, KubeError, OSError) as error:
                if str(error) != told:
                    told = str(error)
                    _log.warning("%s: %s", getattr(step, "__name__", step), error)
            await asyncio.sleep(seconds)

    async def _look_at_images(self) -> None:
        if not self._knows_image_disk:
            with contextlib.suppress(RuntimeRefusal):  # until then it is taken for the disk of pods
                for one in await self.runtime.image_filesystems():
                    if Path(one.fs_id.mountpoint).is_dir():
                        self._health.image_disk, self._knows_image_disk = Path(one.fs_id.mountpoint), True
        self._looks += 1
        await (self.images.collect() if self._looks % _COLLECT_EVERY == 0 else self.images.detect())

    async def _hold_references(self) -> None:
        config_maps, secrets = set[tuple[str, str]](), set[tuple[str, str]]()
        for worker in self.pods.values():
            if not is_terminal(status(shown(worker)).get("phase")):
                found, where = references(worker.pod), namespace(worker.pod)
                config_maps |= {(where, each) for each in found.config_maps}
                secrets |= {(where, each) for each in (*found.secrets, *found.pull_secrets)}
        await self._references.hold(config_maps, secrets)

    async def _tidy(self) -> None:
        await self._hold_references()
        if self.pods.is_complete:
            strangers = self.logs.strangers(self.pods)  # before all that takes time, in which pods begin
            await self.volumes.forget_strangers(list(self.pods))
            await asyncio.to_thread(remove_folders, strangers)
            await asyncio.to_thread(self.logs.forget_links)
