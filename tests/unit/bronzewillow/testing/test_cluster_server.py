from __future__ import annotations

from bronzewillow.adapters.network import Cni
from bronzewillow.kube import resources
from bronzewillow.kube.client import KubeClient
from bronzewillow.kube.errors import Forbidden
from bronzewillow.testing.aio import run
from bronzewillow.testing.apiserver.server import api_server
from bronzewillow.testing.cluster_server import admit_agent, put_cluster

DOCUMENTS = [
    {
        "apiVersion": "crd.projectcalico.org/v1",
        "kind": "IPPool",
        "metadata": {"name": "pool", "creationTimestamp": "2026-01-02T00:00:00Z"},
        "spec": {"cidr": "10.64.0.0/16"},
    },
    {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"namespace": "there", "name": "conf"}, "data": {}},
    {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "mac-1"}},
]


def test_kinds_namespaces_and_objects_are_made_and_the_account_has_its_rights_alone() -> None:
    rule = {"apiGroups": [""], "resources": ["nodes"], "verbs": ["get"]}
    named = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "one"}
    setup = [
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRole",
            "metadata": {"name": "one"},
            "rules": [rule],
        },
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": "one"},
            "roleRef": named,
            "subjects": [{"kind": "ServiceAccount", "namespace": "net", "name": "agent"}],
        },
    ]

    async def main() -> None:
        async with api_server() as server:
            put_cluster(server, Cni.FLANNEL, DOCUMENTS[1:])
            assert server.store.get(resources.CONFIG_MAPS, "there", "conf") is not None
            put_cluster(server, Cni.CALICO, DOCUMENTS[:1])
            async with KubeClient(admit_agent(server, setup, "net:agent")) as client:
                assert (await client.get(resources.NODES, "mac-1"))["metadata"]["name"] == "mac-1"
                try:
                    await client.get(resources.CONFIG_MAPS, "conf", "there")
                except Forbidden:
                    return
                raise AssertionError("it may read what it was not given")

    run(main())
