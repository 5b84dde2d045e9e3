"""Where a case of the contract plays: an administrator, and a namespace and a node of its own."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Protocol

from bronzewillow.kube.access import Access, Cluster
from bronzewillow.kube.client import KubeClient, Selection
from bronzewillow.kube.errors import NotFound
from bronzewillow.kube.resources import NAMESPACES, NODES, PODS, SERVICE_ACCOUNTS, Object, Resource

TOKEN = "abcdef.0123456789abcdef"
TAINT = {"key": "contract", "value": "only", "effect": "NoSchedule"}


class Plane(Protocol):
    """What both servers have."""

    @property
    def cluster(self) -> Cluster: ...

    def admin(self) -> Access: ...

    def certified(self, name: str, *groups: str) -> Access: ...

    async def restart(self) -> None: ...


class Scene:
    """One case."""

    def __init__(self, plane: Plane, admin: KubeClient, *, is_real: bool) -> None:
        self.plane, self.admin, self.is_real = plane, admin, is_real
        self.namespace = f"case-{secrets.token_hex(4)}"
        self.node = f"mac-{secrets.token_hex(4)}"
        self.made_node: Object = {}
        self.cleanups: list[Callable[[], Awaitable[object]]] = []

    async def prepare(self) -> None:
        """A namespace in which pods can be made."""
        await self.admin.create(NAMESPACES, {"metadata": {"name": self.namespace}})
        await self.until(SERVICE_ACCOUNTS, "default", lambda obj: True, self.namespace)

    def as_node(self) -> KubeClient:
        """The node's own identity."""
        return self.client(self.plane.certified(f"system:node:{self.node}", "system:nodes"))

    def client(self, access: Access) -> KubeClient:
        """Somebody else; closed at the end."""
        made = KubeClient(access)
        self.cleanups.append(made.close)
        return made

    async def make_node(self, port: int = 10250, *, ready: bool = False) -> KubeClient:
        """Register the node, as itself; only pods that tolerate its taint come to it."""
        node = self.as_node()
        made = {"metadata": {"name": self.node, "labels": {}}, "spec": {"taints": [TAINT]}}
        self.made_node = await node.create(NODES, made)
        self.cleanups.append(lambda: self.admin.delete(NODES, self.node))
        status: Object = {
            "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": port}},
            "capacity": {"cpu": "8", "memory": "16Gi", "pods": "20"},
            "allocatable": {"cpu": "8", "memory": "16Gi", "pods": "20"},
        }
        if ready:
            status["conditions"] = [condition("Ready", "True")]
        await node.patch(NODES, self.node, {"status": status}, subresource="status")
        return node

    async def make_pod(self, name: str = "a", *, bound: bool = True, **spec: Any) -> Object:
        """A pod of one container, on the node unless told otherwise."""
        fields = {"containers": [{"name": "c", "image": "example/llm:v1"}], **spec}
        if bound:
            fields["nodeName"] = self.node
        else:
            fields["schedulerName"] = "nobody"
        metadata = {"name": name, "namespace": self.namespace, "labels": {"app": "llm"}}
        return await self.admin.create(PODS, {"metadata": metadata, "spec": fields})

    async def until(
        self, resource: Resource, name: str, holds: Callable[[Object], bool], namespace: str = ""
    ) -> Object:
        """The object, once `holds`."""
        selection = Selection(namespace, fields=f"metadata.name={name}")
        page = await self.admin.list(resource, selection)
        for obj in page["items"]:
            if holds(obj):
                found: Object = obj
                return found
        version = page["metadata"]["resourceVersion"]
        async with (
            asyncio.timeout(30),
            self.admin.watch(resource, selection, resource_version=version, timeout_s=40) as events,
        ):
            async for kind, obj in events:
                if kind in ("ADDED", "MODIFIED") and holds(obj):
                    return obj
        raise AssertionError(f"{resource.plural} {name}: never came to be")

    async def close(self) -> None:
        """What the case made goes."""
        for cleanup in reversed(self.cleanups):
            with suppress(NotFound):
                await cleanup()


def condition(kind: str, status: str) -> Object:
    """Of a node or a pod, in full."""
    moment = "2025-01-01T00:00:00Z"
    return {"type": kind, "status": status, "lastTransitionTime": moment, "reason": "Because"}
