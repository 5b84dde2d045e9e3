"""The agent follows each CNI's cluster with exactly the rights that an administrator is asked to give."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
import yaml

from bronzewillow.adapters.network import ClusterNetwork, Cni, Us
from bronzewillow.cluster.follower import Follower
from bronzewillow.cluster.watched import BY_CNI, POLICY, SERVICE_KINDS
from bronzewillow.host.tasks import spawn
from bronzewillow.kube import resources
from bronzewillow.kube.access import Access, Presented
from bronzewillow.kube.client import KubeClient
from bronzewillow.kube.identity import HeldIdentity
from bronzewillow.kube.resources import Object, Resource
from bronzewillow.testing.aio import run
from bronzewillow.testing.apiserver.calls import User
from bronzewillow.testing.apiserver.kinds import CLUSTER_ROLE_BINDINGS, CLUSTER_ROLES
from bronzewillow.testing.apiserver.server import ApiServer, api_server
from bronzewillow.testing.clusters import load_cluster
from bronzewillow.testing.loopback import until
from kubelet.membership.setup import NAMESPACE, SERVICE_ACCOUNT, setup_objects

pytestmark = pytest.mark.loopback

_RECORDED = Path(__file__).parents[1] / "adapters" / "clusters"
_NAMES = ("flannel-kubeadm", "antrea-geneve", "calico-operator", "cilium-cluster-pool")


def crd(resource: Resource) -> Object:
    version = {"name": resource.version, "served": True, "storage": True}
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    names = {"plural": resource.plural, "kind": resource.kind, "singular": resource.kind.lower()}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{resource.plural}.{resource.group}"},
        "spec": {
            "group": resource.group,
            "names": names,
            "scope": "Namespaced" if resource.namespaced else "Cluster",
            "versions": [{**version, "schema": schema}],
        },
    }


def prepare(server: ApiServer, name: str, cni: Cni) -> Access:
    """The recorded objects in a server, and the network's account with what `join --print-setup` gives it."""
    server.controllers.allocates_node_cidrs = False
    for watched in BY_CNI[cni]:
        if watched.resource.group not in ("", "projectcalico.org"):
            server.make(resources.CUSTOM_RESOURCE_DEFINITIONS, crd(watched.resource))
    kinds = {(w.resource.api_version, w.resource.kind): w.resource for w in BY_CNI[cni]}
    _, *documents = yaml.safe_load_all((_RECORDED / f"{name}.yaml").read_text())
    for document in documents:
        resource = kinds.get((document["apiVersion"], document["kind"]))
        is_there = document["kind"] == "Namespace"
        if resource is not None and not is_there:
            metadata = document["metadata"]
            if metadata.get("namespace", "") == "kube-flannel":
                server.make(
                    resources.NAMESPACES,
                    {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "kube-flannel"}},
                )
            metadata.pop("creationTimestamp", None)
            server.make(resource, document)
    for one in setup_objects():
        if one["kind"] == "ClusterRole":
            server.make(CLUSTER_ROLES, one)
        elif one["kind"] == "ClusterRoleBinding" and one["metadata"]["name"] == "bronzewillow:network":
            server.make(CLUSTER_ROLE_BINDINGS, one)
    groups = ("system:serviceaccounts", f"system:serviceaccounts:{NAMESPACE}", "system:authenticated")
    name = f"system:serviceaccount:{NAMESPACE}:{SERVICE_ACCOUNT}"
    server.tokens.given["network-token"] = User(name, groups)
    return Access(server.cluster, HeldIdentity(Presented(token="network-token")))


@pytest.mark.parametrize("name", _NAMES)
def test_exactly_these_rights_suffice(name: str) -> None:
    cni = Cni(name.partition("-")[0])

    async def main() -> None:
        async with api_server() as server:
            access = prepare(server, name, cni)
            _, us = load_cluster(_RECORDED / f"{name}.yaml")
            heard: list[ClusterNetwork] = []
            async with KubeClient(access) as client:
                follower = Follower(
                    client, us.name, lambda _: us, heard.append, cni, (*POLICY, *SERVICE_KINDS)
                )
                task = spawn(follower.run(), name="follower")
                await until(lambda: bool(heard and heard[-1].overlays))
                await until(lambda: stands(server, heard[-1], us))
                assert follower.observer.missing_rights() == ()
                assert follower.trouble == ""
                await follower.leave()
                task.cancel()
                await asyncio.wait([task])
            refused = [entry for entry in server.audit if entry[3] == 403]
            assert refused == []

    run(main(), 30)


def stands(server: ApiServer, network: ClusterNetwork, us: Us) -> bool:
    """Whether everything has been published."""
    kinds = {watched.key: watched.resource for watched in BY_CNI[network.cni]}
    for publication in network.publications:
        namespace, _, name = publication.name.rpartition("/")
        found = server.store.get(kinds[publication.resource], namespace, name)
        if publication.write.value == "ensure" and found is None:
            return False
        if publication.write.value == "merge status":
            wanted = publication.body["metadata"]["annotations"]
            if found is None or not wanted.items() <= found["metadata"].get("annotations", {}).items():
                return False
    return True
