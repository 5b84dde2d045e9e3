"""Where a case plays: a cluster of one CNI, an administrator, the network's account, and who follows."""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from bronzewillow.adapters.network import ClusterNetwork, Us, Write
from bronzewillow.cluster.follower import Follower, FollowerConfig
from bronzewillow.cluster.publishing import next_write
from bronzewillow.cluster.watched import POLICY, SERVICE_KINDS
from bronzewillow.host.tasks import spawn
from bronzewillow.kube.access import Access, Presented
from bronzewillow.kube.backoff import BackoffConfig
from bronzewillow.kube.client import KubeClient, PatchType
from bronzewillow.kube.errors import AlreadyExists, KubeError, NotFound
from bronzewillow.kube.identity import HeldIdentity
from bronzewillow.kube.listwatch import ListWatchConfig
from bronzewillow.kube.resources import (
    CUSTOM_RESOURCE_DEFINITIONS,
    NAMESPACES,
    NODES,
    SERVICE_ACCOUNTS,
    Object,
    Resource,
    name_of,
)
from bronzewillow.testing.apiserver.kinds import CLUSTER_ROLE_BINDINGS, CLUSTER_ROLES
from kubelet.membership.network_account import request_token
from kubelet.membership.setup import NAMESPACE, setup_objects

from ..apiserver.scene import Plane
from .worlds import POOL, US, World

_SET_UP = {one.kind: one for one in (NAMESPACES, SERVICE_ACCOUNTS, CLUSTER_ROLES, CLUSTER_ROLE_BINDINGS)}
_BACKOFF = BackoffConfig(first_s=0.05, longest_s=0.2)
_HURRIED = FollowerConfig(0.0, 0.05, 1.0, ListWatchConfig(backoff=_BACKOFF))
_LOOK_S = 0.02
_RBAC = "rbac.authorization.k8s.io/v1"
ADDRESS = "192.0.2.77"


class Heard:
    """What the follower says, and what stands."""

    def __init__(self, follower: Follower, networks: list[ClusterNetwork]) -> None:
        self.follower, self.networks = follower, networks

    @property
    def last(self) -> ClusterNetwork:
        """Of what was said."""
        return self.networks[-1]

    def peers(self) -> dict[str, str]:
        """Of the overlay: whom, and where."""
        overlays = self.last.overlays if self.networks else ()
        return {peer.name: str(ipaddress.ip_address(peer.address)) for one in overlays for peer in one.peers}

    def address(self) -> str:
        """Our own end of the overlay; empty for none."""
        overlays = self.last.overlays if self.networks else ()
        return str(ipaddress.ip_address(overlays[0].address)) if overlays else ""

    def stands(self) -> bool:
        """Whether all that peers must be able to read can be read."""
        if not self.networks or not self.last.overlays:
            return False
        return next_write(self.last.publications, self.follower.observer.cluster()) is None


class Scene:
    """One case."""

    def __init__(self, plane: Plane, admin: KubeClient, world: World) -> None:
        self.plane, self.admin, self.world = plane, admin, world
        self.client: KubeClient = admin
        """The network's account, once there is one."""

    async def lay(self, *, with_crds: bool = True, with_rights: bool = True) -> None:
        """A cluster with one worker, and without us."""
        await self.clear()
        if with_crds:
            await self.make_crds()
        for one in setup_objects():
            if one["kind"] in _SET_UP and (with_rights or one["kind"] != "ClusterRoleBinding"):
                await self.apply(_SET_UP[one["kind"]], one)
        if with_crds:
            await self.install()

    async def install(self) -> None:
        """What the CNI's own programs would leave there."""
        for one in (*self.world.configuration(), *self.world.worker(1, "192.0.2.1")):
            await self.apply(self.world.kinds[one["kind"]], one)

    async def grant(self) -> None:
        """What `join --print-setup` has of rights."""
        for one in setup_objects():
            if one["kind"] == "ClusterRoleBinding":
                await self.apply(CLUSTER_ROLE_BINDINGS, one)

    async def bind_reading(self) -> None:
        """The account reads whatever it likes, and writes nothing."""
        rule = {"apiGroups": ["*"], "resources": ["*"], "verbs": ["get", "list", "watch"]}
        role = {"apiVersion": _RBAC, "kind": "ClusterRole", "metadata": {"name": "reader"}, "rules": [rule]}
        (binding,) = (
            one
            for one in setup_objects()
            if one["metadata"]["name"] == "bronzewillow:network" and one["kind"] == "ClusterRoleBinding"
        )
        reference = {**binding["roleRef"], "name": "reader"}
        await self.apply(CLUSTER_ROLES, role)
        await self.apply(
            CLUSTER_ROLE_BINDINGS, {**binding, "metadata": {"name": "reader"}, "roleRef": reference}
        )

    async def apply(self, resource: Resource, obj: Object) -> None:
        """Make it, if it is not there."""
        with suppress(AlreadyExists):
            await self.admin.create(resource, {**obj, "metadata": dict(obj["metadata"])})

    async def add(self, *objects: Object) -> None:
        """Of the CNI's kinds, or Nodes."""
        for one in objects:
            await self.apply(self.world.kinds[one["kind"]], one)

    async def remove(self, *objects: Object) -> None:
        """The last first."""
        for one in reversed(objects):
            namespace, name = name_of(one)
            with suppress(NotFound):
                await self.admin.delete(self.world.kinds[one["kind"]], name, namespace)

    async def move(self, name: str, address: str) -> None:
        """A Node has another address, as its kubelet says."""
        status = {"status": {"addresses": [{"type": "InternalIP", "address": address}]}}
        await self.admin.patch(NODES, name, status, subresource="status")

    async def change(self, resource: Resource, name: str, patch: Object) -> None:
        """By an administrator's hand."""
        await self.admin.patch(resource, name, patch, type=PatchType.MERGE)

    async def assign_pod_cidr(self) -> None:
        """What gives pods of this node their range, where the CNI has somebody else for that."""
        nodes = self.world.kinds.get("CiliumNode")
        if nodes is not None:
            await until(lambda: self._is_there(nodes, US))
            await self.change(nodes, US, {"spec": {"ipam": {"podCIDRs": ["10.0.77.0/24"]}}})

    async def make_crds(self) -> None:
        """Until they are served."""
        for kind in self.world.crds:
            await self.apply(CUSTOM_RESOURCE_DEFINITIONS, _crd(kind))
        for kind in self.world.crds:
            await until(lambda kind=kind: self._is_served(kind))  # type: ignore[misc]

    async def drop_crds(self) -> None:
        """And all objects of them."""
        for kind in self.world.crds:
            with suppress(NotFound):
                await self.admin.delete(CUSTOM_RESOURCE_DEFINITIONS, f"{kind.plural}.{kind.group}")
        for kind in self.world.crds:
            await until(lambda kind=kind: self._is_unknown(kind))  # type: ignore[misc]

    async def clear(self) -> None:
        """What a case before has left, but for the definitions of kinds."""
        for kind in (*self.world.crds, NODES):
            with suppress(NotFound):
                for one in (await self.admin.list(kind))["items"]:
                    with suppress(NotFound):
                        await self.admin.delete(kind, *reversed(name_of(one)))
        for one in self.world.configuration():
            await self.remove(*([one] if one["kind"] == "ConfigMap" else []))
        for name in ("bronzewillow:network", "reader"):
            with suppress(NotFound):
                await self.admin.delete(CLUSTER_ROLE_BINDINGS, name)

    @asynccontextmanager
    async def following(self, *, named: bool = True) -> AsyncIterator[Heard]:
        """By the network's account."""
        token = await request_token(self.admin)
        networks: list[ClusterNetwork] = []
        identity = HeldIdentity(Presented(token=token))
        async with KubeClient(Access(self.plane.cluster, identity)) as client:
            self.client = client
            cni = self.world.cni if named else None
            further = (*POLICY, *SERVICE_KINDS)
            follower = Follower(client, US, self._us, networks.append, cni, further, _HURRIED)
            task = spawn(follower.run(), name="follower")
            try:
                yield Heard(follower, networks)
            finally:
                task.cancel()
                await asyncio.wait([task])

    @asynccontextmanager
    async def joined(self) -> AsyncIterator[Heard]:
        """A cluster that is laid, and a node that has its place in it."""
        await self.lay()
        await self.add(self.world.us(ADDRESS))
        async with self.following() as heard:
            await self.assign_pod_cidr()
            yield heard

    def _us(self, addresses: tuple[bytes, ...]) -> Us:
        network = ipaddress.ip_network(POOL)
        return Us(US, addresses, pod_pools=((network.network_address.packed, network.prefixlen),))

    async def _is_there(self, resource: Resource, name: str) -> bool:
        try:
            await self.admin.get(resource, name)
        except NotFound:
            return False
        return True

    async def _is_served(self, resource: Resource) -> bool:
        try:
            await self.admin.list(resource)
        except KubeError:
            return False
        return True

    async def _is_unknown(self, resource: Resource) -> bool:
        return not await self._is_served(resource)


async def until(holds: Callable[[], object]) -> None:
    """Ask now and then; the case's deadline bounds it."""
    while True:
        found = holds()
        if asyncio.iscoroutine(found):
            found = await found
        if found:
            return
        await asyncio.sleep(_LOOK_S)


def notes(network: ClusterNetwork) -> dict[str, str]:
    """The annotations that our Node must have."""
    found: dict[str, str] = {}
    for one in network.publications:
        if one.write is Write.MERGE_STATUS:
            found |= one.body["metadata"]["annotations"]
    return found


def _crd(resource: Resource) -> Object:
    version = {"name": resource.version, "served": True, "storage": True}
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    names = {"plural": resource.plural, "kind": resource.kind, "singular": resource.kind.lower()}
    metadata: Object = {"name": f"{resource.plural}.{resource.group}"}
    if resource.group == "crd.projectcalico.org":
        metadata["annotations"] = {"api-approved.kubernetes.io": "unapproved"}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": metadata,
        "spec": {
            "group": resource.group,
            "names": names,
            "scope": "Namespaced" if resource.namespaced else "Cluster",
            "versions": [{**version, "schema": schema}],
        },
    }


ACCOUNT = f"system:serviceaccount:{NAMESPACE}:network"
