"""`llm-kubelet leave` takes a node out of the network of each CNI, beside an agent that still runs, with
exactly the rights that an administrator is asked to give."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest
import yaml

from bronzewillow.adapters.detect import leave
from bronzewillow.adapters.network import Cni, Us
from bronzewillow.cluster.follower import Follower
from bronzewillow.cluster.publishing import next_write
from bronzewillow.cluster.watched import POLICY, SERVICE_KINDS
from bronzewillow.host.tasks import spawn
from bronzewillow.kube import resources
from bronzewillow.kube.client import KubeClient
from bronzewillow.kube.kubeconfig import load_kubeconfig
from bronzewillow.testing.aio import end, run
from bronzewillow.testing.apiserver import kinds
from bronzewillow.testing.cluster_server import put_cluster
from bronzewillow.testing.clusters import load_cluster
from bronzewillow.testing.joinable import NODE, TOKEN, Joinable, joinable
from bronzewillow.testing.loopback import until
from kubelet.certificates.token import parse_token
from kubelet.clock import SystemClock
from kubelet.membership.home import Home
from kubelet.membership.join import ByToken, join
from kubelet.membership.setup import setup_objects

pytestmark = pytest.mark.loopback
_RECORDED = Path(__file__).parents[1] / "adapters" / "clusters"
_NAMES = ("flannel-kubeadm", "antrea-geneve", "calico-operator", "cilium-cluster-pool")
_KINDS = {
    "Namespace": resources.NAMESPACES,
    "ServiceAccount": resources.SERVICE_ACCOUNTS,
    "ClusterRole": kinds.CLUSTER_ROLES,
    "ClusterRoleBinding": kinds.CLUSTER_ROLE_BINDINGS,
    "Role": kinds.ROLES,
    "RoleBinding": kinds.ROLE_BINDINGS,
}


async def joined(cluster: Joinable, name: str, folder: Path) -> tuple[Home, Us]:
    """A node of a recorded cluster, whose administrator has applied what `join --print-setup` prints."""
    path = _RECORDED / f"{name}.yaml"
    _, *documents = yaml.safe_load_all(path.read_text())
    put_cluster(cluster.server, Cni(name.partition("-")[0]), documents)
    for one in setup_objects():
        cluster.server.make(_KINDS[one["kind"]], one)
    home = Home(folder)
    how = ByToken(cluster.server.cluster.server, parse_token(TOKEN), ())
    await join(how, NODE, home, SystemClock(), lambda line: None)
    _, us = load_cluster(path)
    assert us.name == NODE
    return home, us


@pytest.mark.parametrize("name", _NAMES)
def test_what_the_network_has_published_goes_and_does_not_come_back(name: str, tmp_path: Path) -> None:
    cni = Cni(name.partition("-")[0])

    async def main() -> None:
        async with joinable() as cluster:
            home, us = await joined(cluster, name, tmp_path)
            async with KubeClient(load_kubeconfig(home.network_kubeconfig)) as client:
                follower = Follower(
                    client, NODE, lambda _: us, lambda _: None, cni, (*POLICY, *SERVICE_KINDS)
                )
                running = spawn(follower.run(), name="follower")

                def is_published() -> bool:
                    seen = follower.observer.cluster()
                    network = follower.network
                    return network is not None and next_write(network.publications, seen) is None

                await until(is_published)
                process = await asyncio.create_subprocess_exec(
                    sys.executable, "-m", "kubelet", "leave", "--home", str(tmp_path),
                    stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
                )  # fmt: skip
                said = (await process.communicate())[0].decode()
                assert process.returncode == 0, said
                assert "the pod network is left\n" in said

                def is_withdrawn() -> bool:
                    seen = follower.observer.cluster()
                    return next_write(leave(cni, seen, us), seen) is None

                await until(is_withdrawn)
                await end(running)
            assert home.membership() is None
            refused = [(verb, path) for _, verb, path, code in cluster.server.audit if code == 403]
            assert refused == [
                ("delete", resources.NODES.path("", NODE))
            ]  # the one thing that a node may not do

    run(main())
