"""A whole cluster in an API server: the objects of a CNI, and the account that agents know them by."""

from __future__ import annotations

from collections.abc import Iterable
from copy import deepcopy
from typing import Any

from bronzewillow.adapters.network import Cni
from bronzewillow.cluster.watched import BY_CNI, POLICY, SERVICE_KINDS
from bronzewillow.kube import resources
from bronzewillow.kube.access import Access, Presented
from bronzewillow.kube.identity import HeldIdentity
from bronzewillow.kube.resources import Object, Resource
from bronzewillow.testing.apiserver.calls import User
from bronzewillow.testing.apiserver.kinds import CLUSTER_ROLE_BINDINGS, CLUSTER_ROLES
from bronzewillow.testing.apiserver.server import ApiServer

NETWORK_TOKEN = "network-token"
_BUILT_IN = ("", "discovery.k8s.io", "networking.k8s.io")
_ABSENT_GROUP = "projectcalico.org"  # the newer of Calico's two, which no cluster has beside the older


def put_cluster(server: ApiServer, cni: Cni, documents: Iterable[dict[str, Any]]) -> None:
    """The kinds of a CNI and a cluster's objects, with their namespaces. Kinds of others are left out."""
    server.controllers.allocates_node_cidrs = False
    kinds: dict[tuple[str, str], Resource] = {}
    for watched in (*BY_CNI[cni], *POLICY, *SERVICE_KINDS):
        resource = watched.resource
        if resource.group == _ABSENT_GROUP:
            continue
        if resource.group not in _BUILT_IN and (resource.api_version, resource.kind) not in kinds:
            server.make(resources.CUSTOM_RESOURCE_DEFINITIONS, _definition(resource))
        kinds[resource.api_version, resource.kind] = resource
    for document in documents:
        made = kinds.get((document["apiVersion"], document["kind"]))
        if made is None or made == resources.NAMESPACES:
            continue
        found = deepcopy(document)
        found["metadata"].pop("creationTimestamp", None)
        namespace = found["metadata"].get("namespace", "")
        if namespace and server.store.get(resources.NAMESPACES, "", namespace) is None:
            body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}
            server.make(resources.NAMESPACES, body)
        server.make(made, found)


def admit_agent(server: ApiServer, setup: Iterable[dict[str, Any]], account: str) -> Access:
    """The network's account (`namespace:name`) with the cluster-wide rights that `setup` gives it alone."""
    for one in setup:
        if one["kind"] == "ClusterRole":
            server.make(CLUSTER_ROLES, one)
        elif one["kind"] == "ClusterRoleBinding" and _is_for(one, account):
            server.make(CLUSTER_ROLE_BINDINGS, one)
    namespace = account.partition(":")[0]
    groups = ("system:serviceaccounts", f"system:serviceaccounts:{namespace}", "system:authenticated")
    server.tokens.given[NETWORK_TOKEN] = User(f"system:serviceaccount:{account}", groups)
    return Access(server.cluster, HeldIdentity(Presented(token=NETWORK_TOKEN)))


def _is_for(binding: Object, account: str) -> bool:
    return any(
        subject["kind"] == "ServiceAccount" and f"{subject['namespace']}:{subject['name']}" == account
        for subject in binding["subjects"]
    )


def _definition(resource: Resource) -> Object:
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
