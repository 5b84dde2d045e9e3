"""Containers: one process of runm each, from CreateContainer to RemoveContainer."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import signal
import time
from collections import deque
from pathlib import Path

from bronzewillow.host.paths import make_private, runtime_folder
from bronzewillow.host.tasks import spawn
from runtime.api import cri_pb2 as api
from runtime.cri.bundle import make_bundle
from runtime.cri.errors import (
    AlreadyExists,
    FailedPrecondition,
    InvalidArgument,
    NotFound,
    Unavailable,
)
from runtime.cri.node import Node, new_id
from runtime.cri.records import Container, Sandbox
from runtime.cri.refusals import check_container
from runtime.cri.shims import Shim
from runtime.imagestore import StoredImage
from runtime.imagestore.store import USED_BY
from runtime.oci import lifecycle
from runtime.shim.exit_record import UNKNOWN_STATUS, ExitRecord, read_exit
from runtime.shim.tasks import end_orphan
from runtime.snapshots.errors import NotFound as NoSnapshot
from runtime.snapshots.errors import SnapshotError
from runtime.ttrpc.errors import Code, RpcError

_KILL_LIMIT_S = 10.0
_KILLED = 128 + signal.SIGKILL
_LONGEST_MESSAGE = 1024
_TAIL_BYTES = 16 << 10
_Kind = api.ContainerEventType
_log = logging.getLogger(__name__)


class Containers:
    """CRI's verbs for the containers of one node."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._watches: dict[str, asyncio.Task[None]] = {}

    # ---- verbs

    async def create(
        self, sandbox_id: str, config: api.ContainerConfig, pod: api.PodSandboxConfig | None
    ) -> Container:
        """One whose process waits to be started. CriError, Refusal."""
        node = self._node
        sandbox = node.sandboxes.get(sandbox_id)
        if not config.metadata.name:
            raise InvalidArgument("a container needs metadata with a name")
        check_container(config)
        async with node.lock(sandbox.id):
            if not sandbox.is_ready:
                raise FailedPrecondition(f"pod {sandbox.config.metadata.name} is stopped")
            self._check_free(sandbox, config.metadata)
            image = node.images.get(config.image.image).stored[0]
            name = config.image.user_specified_image or image.reference.familiar
            log = _log_path(sandbox.config, config)
            container = Container(
                new_id(), sandbox.id, config, time.time_ns(), image.descriptor.digest,
                image.reference.familiar_with_tag, str(log or ""),
            )  # fmt: skip
            try:
                node.containers.put(container)
                await self._make(container, sandbox, pod or sandbox.config, image, name, log)
            except BaseException:
                await self._undo(container)
                raise
        node.tell(_Kind.CONTAINER_CREATED_EVENT, container.id, sandbox)
        return container

    async def start(self, container_id: str) -> None:
        """It loads its model, and serves. CriError."""
        node = self._node
        container = node.containers.get(container_id)
        async with node.lock(container.sandbox_id):
            if container.state != api.ContainerState.CONTAINER_CREATED:
                state = api.ContainerState.Name(container.state)
                raise FailedPrecondition(f"container {container.id} is {state}, it cannot be started")
            shim = await node.shims.get(container.sandbox_id)
            try:
                await shim.start(container.id)
            except RpcError as error:
                raise _refusal(error, container) from None
            container.started_ns = time.time_ns()
            node.containers.put(container)
            self._watch(container, shim)
        node.tell(_Kind.CONTAINER_STARTED_EVENT, container.id, node.sandboxes.find(container.sandbox_id))

    async def stop(self, container_id: str, grace_s: float) -> None:
        """SIGTERM, then SIGKILL; again is no error, nor is one that is not here. CriError."""
        container = self._node.containers.find(container_id)
        if container is not None:
            await self._end(container, grace_s)

    async def remove(self, container_id: str) -> None:
        """End and forget it; again is no error. CriError."""
        node = self._node
        container = node.containers.find(container_id)
        if container is None:
            return
        await self._end(container, 0)
        async with node.lock(container.sandbox_id):
            await self.forget(container)
        node.tell(_Kind.CONTAINER_DELETED_EVENT, container.id, node.sandboxes.find(container.sandbox_id))

    def update(self, container_id: str, resources: api.LinuxContainerResources) -> None:
        """Remember other limits: they count when the model is loaded the next time. CriError."""
        node = self._node
        container = node.containers.get(container_id)
        container.config.linux.resources.MergeFrom(resources)
        node.containers.put(container)

    async def reopen_log(self, container_id: str) -> None:
        """Its file was moved. CriError."""
        node = self._node
        container = node.containers.get(container_id)
        shim = await node.shims.find(container.sandbox_id)
        if container.state != api.ContainerState.CONTAINER_RUNNING or shim is None:
            raise FailedPrecondition(f"container {container.id} is not running")
        try:
            await shim.reopen_log(container.id)
        except RpcError as error:
            raise _refusal(error, container) from None

    async def pid(self, container: Container) -> int:
        """0 when there is none, or when nobody can say."""
        shim = await self._node.shims.find(container.sandbox_id)
        if shim is None or container.ended is not None:
            return 0
        try:
            return await shim.pid(container.id)
        except RpcError:
            return 0

    # ---- for pods

    async def end_all(self, sandbox: Sandbox) -> None:
        """Of one pod, at once. CriError."""
        await asyncio.gather(*(self._end(one, 0) for one in self._node.containers_of(sandbox)))

    async def forget(self, container: Container) -> None:
        """Everything of one that has ended."""
        node = self._node
        watch = self._watches.pop(container.id, None)
        if watch is not None:
            watch.cancel()
        shim = await node.shims.find(container.sandbox_id)
        if shim is not None:
            with contextlib.suppress(RpcError):
                await shim.delete(container.id)
        else:
            await asyncio.to_thread(end_orphan, _runm_root(), container.id)
        with contextlib.suppress(NoSnapshot):
            node.images.store.snapshots.remove(container.id)
        node.containers.remove(container)

    async def recover(self, sandbox: Sandbox) -> None:
        """Go on with the containers of a pod that were there before us."""
        node = self._node
        shim = await node.shims.find(sandbox.id)
        for container in node.containers_of(sandbox):
            if not container.is_created:
                await self._undo(container)
            elif container.ended is None and shim is not None:
                self._watch(container, shim)
            elif container.ended is None:
                await self._lose(container)

    async def end_strangers(self) -> None:
        """What runm keeps of ours that no record tells of: its maker was killed before it was told, or it is
        spoilt.
        """
        folder = self._node.root / "containers"
        for state in await asyncio.to_thread(lifecycle.states, _runm_root()):
            if state.bundle.is_relative_to(folder) and self._node.containers.find(state.id) is None:
                await asyncio.to_thread(end_orphan, _runm_root(), state.id)
        for name in list(self._node.containers.spoilt):
            with contextlib.suppress(SnapshotError):
                self._node.images.store.snapshots.remove(name)
            self._node.containers.discard(name)

    def leave(self) -> None:
        """Watch no longer; they go on."""
        for watch in self._watches.values():
            watch.cancel()

    # ---- inside

    async def _make(
        self,
        container: Container,
        sandbox: Sandbox,
        pod: api.PodSandboxConfig,
        image: StoredImage,
        name: str,
        log: Path | None,
    ) -> None:
        node = self._node
        snapshot = await asyncio.to_thread(node.images.store.unpack, image)
        node.images.store.snapshots.view(container.id, snapshot, {USED_BY: _in_words(container, sandbox)})
        rootfs = node.images.store.snapshots.tree(container.id)
        sockets = node.sockets_of(sandbox.id)
        make_private(sockets)  # our own CNI plugin has made it, others do not
        config = make_bundle(container.config, pod, rootfs, sockets, name)
        bundle = node.bundle(container)
        bundle.mkdir(mode=0o700)
        (bundle / "config.json").write_text(json.dumps(config))
        shim = await node.shims.get(sandbox.id)
        try:
            await shim.create(container.id, bundle, log)
        except RpcError as error:
            raise _refusal(error, container) from None
        container.is_created = True
        node.containers.put(container)

    async def _undo(self, container: Container) -> None:
        await self.forget(container)

    async def _end(self, container: Container, grace_s: float) -> None:
        node = self._node
        shim = await node.shims.find(container.sandbox_id)
        if container.ended is not None or not container.is_created:
            return
        if shim is None:
            await self._lose(container)
            return
        watch = self._watch(container, shim)
        try:
            if grace_s > 0 and container.started_ns:
                await shim.kill(container.id, _stop_signal(container.config))
                await asyncio.wait([watch], timeout=grace_s)
            if not watch.done():
                await shim.kill(container.id, signal.SIGKILL)
                await asyncio.wait([watch], timeout=_KILL_LIMIT_S)
        except RpcError as error:
            if error.code != Code.UNAVAILABLE:
                raise _refusal(error, container) from None
            await asyncio.wait([watch], timeout=_KILL_LIMIT_S)
        if container.ended is None:
            raise Unavailable(f"container {container.id} did not end within {_KILL_LIMIT_S:g} s of SIGKILL")

    def _watch(self, container: Container, shim: Shim) -> asyncio.Task[None]:
        watch = self._watches.get(container.id)
        if watch is None or watch.done():
            watch = spawn(self._wait(container, shim), name=f"wait for {container.id}")
            self._watches[container.id] = watch
        return watch

    async def _wait(self, container: Container, shim: Shim) -> None:
        try:
            record = await shim.wait(container.id, self._node.bundle(container))
        except RpcError:
            await self._lose(container)  # the shim died, or never knew it
        else:
            self._ended(container, record, is_lost=False)

    async def _lose(self, container: Container) -> None:
        """Nobody watches it any more: end what may be left, and say what can be said."""
        seen = read_exit(self._node.bundle(container))
        await asyncio.to_thread(end_orphan, _runm_root(), container.id)
        self._ended(container, seen or ExitRecord(UNKNOWN_STATUS, time.time_ns()), is_lost=seen is None)

    def _ended(self, container: Container, record: ExitRecord, *, is_lost: bool) -> None:
        node = self._node
        if container.ended is not None or node.containers.find(container.id) is None:
            return
        container.ended, container.is_lost = record, is_lost
        if is_lost:
            container.message = "its shim died, so nobody saw how it ended"
        elif record.status == _KILLED:  # which leaves a process no word to say
            container.message = "it was killed (SIGKILL)"
        elif record.status:
            container.message = _last_words(Path(container.log_path)) if container.log_path else ""
        node.containers.put(container)
        _log.info("container %s ended with %d", container.id, record.status)
        node.tell(_Kind.CONTAINER_STOPPED_EVENT, container.id, node.sandboxes.find(container.sandbox_id))

    def _check_free(self, sandbox: Sandbox, metadata: api.ContainerMetadata) -> None:
        for one in self._node.containers_of(sandbox):
            if one.config.metadata == metadata:
                raise AlreadyExists(
                    f"container {metadata.name}, attempt {metadata.attempt}: is in the pod as {one.id}"
                )


def _in_words(container: Container, sandbox: Sandbox) -> str:
    pod = sandbox.config.metadata
    return f"container {container.config.metadata.name} of pod {pod.namespace}/{pod.name}"[:_LONGEST_MESSAGE]


def _runm_root() -> Path:
    return Path(os.environ.get("RUNM_ROOT") or runtime_folder() / "runm")


def _log_path(pod: api.PodSandboxConfig, config: api.ContainerConfig) -> Path | None:
    if not pod.log_directory or not config.log_path:
        return None
    folder = Path(pod.log_directory)
    path = Path(os.path.normpath(folder / config.log_path))
    if not folder.is_absolute() or not path.is_relative_to(os.path.normpath(folder)):
        raise InvalidArgument(f"log_path {config.log_path}: is not below an absolute log_directory")
    return path


def _stop_signal(config: api.ContainerConfig) -> int:
    name = api.Signal.Name(config.stop_signal).removeprefix("SIGNAL_")
    found: int | None = getattr(signal, name, None)
    return found if found is not None else signal.SIGTERM


def _last_words(log: Path) -> str:
    """The last line, which says why."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL_BYTES))
            (last,) = deque(file, maxlen=1) or (b"",)
    except OSError:
        return ""
    words = last.decode(errors="replace").rstrip("\n").split(" ", 3)
    return words[3][:_LONGEST_MESSAGE] if len(words) == 4 else ""


def _refusal(error: RpcError, container: Container) -> Exception:
    kinds = {
        Code.NOT_FOUND: NotFound,
        Code.INVALID_ARGUMENT: InvalidArgument,
        Code.ALREADY_EXISTS: AlreadyExists,
        Code.FAILED_PRECONDITION: FailedPrecondition,
    }
    kind = kinds.get(Code(error.code) if error.code in set(Code) else Code.UNKNOWN, Unavailable)
    return kind(f"container {container.config.metadata.name}: {error}")
