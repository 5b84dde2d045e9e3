"""Pod sandboxes: an address on the network and a shim, from RunPodSandbox to RemovePodSandbox."""

from __future__ import annotations

import contextlib
import logging
import shutil
import time

from bronzewillow.host.tasks import together
from runtime.api import cri_pb2 as api
from runtime.cri.containers import Containers
from runtime.cri.errors import AlreadyExists, CriError, InvalidArgument, Unavailable
from runtime.cri.node import Node, new_id
from runtime.cri.records import Sandbox
from runtime.cri.refusals import check_sandbox
from runtime.networks.errors import UNKNOWN_CONTAINER, NetworkError
from runtime.networks.network import Attachment

HANDLERS = ("", "runm")
_log = logging.getLogger(__name__)
_Kind = api.ContainerEventType


class Pods:
    """CRI's verbs for the pods of one node."""

    def __init__(self, node: Node, containers: Containers) -> None:
        self._node, self._containers = node, containers

    async def run(self, config: api.PodSandboxConfig, handler: str) -> Sandbox:
        """A ready one. CriError."""
        node = self._node
        if handler not in HANDLERS:
            raise InvalidArgument(f"runtime handler {handler!r} is not here; there is {HANDLERS[1]!r}")
        if not config.metadata.name or not config.metadata.uid:
            raise InvalidArgument("a pod needs metadata with a name and a uid")
        check_sandbox(config)
        self._check_free(config.metadata)
        sandbox = Sandbox(new_id(), config, time.time_ns(), handler)
        async with node.lock(sandbox.id):
            node.sandboxes.put(sandbox)
            try:
                # both are processes that start; neither needs the other
                shim, network = node.shims.get(sandbox.id), node.network.add(_attachment(sandbox))
                _, sandbox.addresses = await together(shim, network)
                sandbox.is_ready = True
                node.sandboxes.put(sandbox)
            except BaseException as error:
                await self._undo(sandbox)
                if isinstance(error, NetworkError):
                    raise Unavailable(f"pod {config.metadata.name}: {error}") from None
                raise
        node.tell(_Kind.CONTAINER_CREATED_EVENT, sandbox.id, sandbox)
        node.tell(_Kind.CONTAINER_STARTED_EVENT, sandbox.id, sandbox)
        return sandbox

    async def stop(self, sandbox_id: str) -> None:
        """End its containers and give its address back; again is no error. CriError."""
        node = self._node
        sandbox = node.sandboxes.find(sandbox_id)
        if sandbox is None:
            return
        async with node.lock(sandbox.id):
            await self._stop(sandbox)

    async def remove(self, sandbox_id: str) -> None:
        """Stop and forget it, with its containers; again is no error. CriError."""
        node = self._node
        sandbox = node.sandboxes.find(sandbox_id)
        if sandbox is None:
            return
        async with node.lock(sandbox.id):
            await self._stop(sandbox)
            for container in node.containers_of(sandbox):
                await self._containers.forget(container)
            shutil.rmtree(node.sockets_of(sandbox.id), ignore_errors=True)
            node.sandboxes.remove(sandbox)  # the last, as nobody knows of the rest without it
        node.forget(sandbox.id)
        node.tell(_Kind.CONTAINER_DELETED_EVENT, sandbox.id, None)

    async def recover(self) -> None:
        """After a start: go on with what is alive, take back what was half made."""
        node = self._node
        node.ledger.end_left()
        for name in list(node.sandboxes.spoilt):
            await self._forget_spoilt(name)
        for sandbox in node.sandboxes:
            if sandbox.is_ready:
                await self._containers.recover(sandbox)
            elif not sandbox.addresses:  # its RunPodSandbox never came to an end
                await self._undo(sandbox)
        for container in node.containers:
            if node.sandboxes.find(container.sandbox_id) is None:
                await self._containers.forget(container)
        await self._containers.end_strangers()
        with contextlib.suppress(NetworkError):  # of an agent that is not there yet
            await node.network.collect(one.id for one in node.sandboxes if one.is_ready)

    async def stop_cut_off(self) -> None:
        """Stop the pods that the network does not know any more: whoever made them makes them anew."""
        node = self._node
        for sandbox in node.sandboxes:
            async with node.lock(sandbox.id):
                if not sandbox.is_ready or node.sandboxes.find(sandbox.id) is None:
                    continue
                try:
                    await node.network.check(sandbox.id)
                except NetworkError as error:
                    if error.code != UNKNOWN_CONTAINER:
                        continue
                    _log.warning("pod %s: %s; it is stopped", sandbox.config.metadata.name, error)
                    with contextlib.suppress(CriError):
                        await self._stop(sandbox)

    async def _stop(self, sandbox: Sandbox) -> None:
        node = self._node
        was_ready = sandbox.is_ready
        await self._containers.end_all(sandbox)
        if was_ready:
            try:
                await node.network.delete(sandbox.id)
            except NetworkError as error:
                raise Unavailable(f"pod {sandbox.config.metadata.name}: {error}") from None
        await node.shims.end(sandbox.id)
        if was_ready:
            sandbox.is_ready = False
            node.sandboxes.put(sandbox)
            node.tell(_Kind.CONTAINER_STOPPED_EVENT, sandbox.id, sandbox)

    async def _undo(self, sandbox: Sandbox) -> None:
        node = self._node
        with contextlib.suppress(NetworkError):
            await node.network.delete(sandbox.id)
        with contextlib.suppress(CriError):
            await node.shims.end(sandbox.id)
        node.sandboxes.remove(sandbox)
        node.forget(sandbox.id)

    async def _forget_spoilt(self, sandbox_id: str) -> None:
        """Its shim goes; its containers and its address are found to be nobody's then."""
        node = self._node
        with contextlib.suppress(CriError):
            await node.shims.end(sandbox_id)
        shutil.rmtree(node.sockets_of(sandbox_id), ignore_errors=True)
        node.sandboxes.discard(sandbox_id)

    def _check_free(self, metadata: api.PodSandboxMetadata) -> None:
        for one in self._node.sandboxes:
            if one.config.metadata == metadata:
                name = f"{metadata.namespace}/{metadata.name}"
                raise AlreadyExists(f"pod {name}, attempt {metadata.attempt}: is here as {one.id}")


def _attachment(sandbox: Sandbox) -> Attachment:
    metadata = sandbox.config.metadata
    return Attachment(
        sandbox.id,
        {
            "IgnoreUnknown": "1",
            "K8S_POD_NAMESPACE": metadata.namespace,
            "K8S_POD_NAME": metadata.name,
            "K8S_POD_INFRA_CONTAINER_ID": sandbox.id,
            "K8S_POD_UID": metadata.uid,
        },
    )
