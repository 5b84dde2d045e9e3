"""The agent follows each CNI's cluster with exactly the rights that an administrator is asked to give."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
import yaml

from bronzewillow.adapters.detect import leave
from bronzewillow.adapters.network import ClusterNetwork, Cni, Us
from bronzewillow.cluster.follower import Follower
from bronzewillow.cluster.publishing import next_write
from bronzewillow.cluster.watched import BY_CNI, POLICY, SERVICE_KINDS
from bronzewillow.cluster.withdrawing import withdraw
from bronzewillow.host.tasks import spawn
from bronzewillow.kube import resources
from bronzewillow.kube.access import Access
from bronzewillow.kube.client import KubeClient
from bronzewillow.kube.leaving import LEAVING
from bronzewillow.testing.aio import run
from bronzewillow.testing.apiserver.server import ApiServer, api_server
from bronzewillow.testing.cluster_server import admit_agent, put_cluster
from bronzewillow.testing.clusters import load_cluster
from bronzewillow.testing.loopback import until
from kubelet.membership.setup import NAMESPACE, SERVICE_ACCOUNT, setup_objects

pytestmark = pytest.mark.loopback

_RECORDED = Path(__file__).parents[1] / "adapters" / "clusters"
_NAMES = ("flannel-kubeadm", "antrea-geneve", "calico-operator", "cilium-cluster-pool")


def prepare(server: ApiServer, name: str, cni: Cni) -> Access:
    """The recorded objects in a server, and the network's account with what `join --print-setup` gives it."""
    _, *documents = yaml.safe_load_all((_RECORDED / f"{name}.yaml").read_text())
    put_cluster(server, cni, documents)
    return admit_agent(server, setup_objects(), f"{NAMESPACE}:{SERVICE_ACCOUNT}")


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
                mark = {"metadata": {"annotations": {LEAVING: "true"}}}
                async with KubeClient(server.admin()) as admin:
                    await admin.patch(resources.NODES, us.name, mark)
                await withdraw(client, us.name, cni)
                left = leave(cni, follower.observer.cluster(), us)
                await until(lambda: next_write(left, follower.observer.cluster()) is None)
                # the agent, which still runs, has heard that this is for good
                follower.touch()
                await until(lambda: not follower.observer.changed.is_set())
                assert next_write(left, follower.observer.cluster()) is None
                task.cancel()
                await asyncio.wait([task])
            refused = [entry for entry in server.audit if entry[3] == 403]
            assert refused == []

    run(main())


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
