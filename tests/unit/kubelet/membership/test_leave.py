from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from bronzewillow.host.tasks import spawn
from bronzewillow.kube.errors import NotFound
from bronzewillow.kube.leaving import is_leaving
from bronzewillow.kube.resources import LEASES, NODES, PODS, Object, Resource
from bronzewillow.testing.joinable import NODE, Joinable, on_cluster
from bronzewillow.testing.loopback import until
from kubelet.membership.errors import MembershipError
from kubelet.membership.home import Home, Membership
from kubelet.membership.leave import LeaveOptions, Leaving
from kubelet.node.registration import LEASE_NAMESPACE
from kubelet.testing.manual_clock import ManualClock

pytestmark = pytest.mark.loopback


class Rig:
    """A node with pods, whose llm-kubelet is the test."""

    def __init__(self, cluster: Joinable, folder: Path, options: LeaveOptions | None = None) -> None:
        self.cluster, self.clock, self.home = cluster, ManualClock(), Home(folder)
        self.said: list[str] = []
        self.steps: list[str] = []
        self.network: MembershipError | None = None
        """Why it cannot be withdrawn."""
        self.home.prepare()
        membership = Membership(NODE, cluster.server.cluster.server)
        self.home.write(membership, cluster.server.cluster)
        self.leaving = Leaving(
            cluster.node, membership, self._end, self._withdraw, options or LeaveOptions(), self.clock,
            self.said.append,
        )  # fmt: skip

    async def _end(self) -> bool:
        self.steps.append("end")
        return True

    async def _withdraw(self) -> bool:
        self.steps.append("network")
        if self.network is not None:
            raise self.network
        return True

    async def pod(self, name: str, *, mirror: bool = False) -> Object:
        annotations = {"kubernetes.io/config.mirror": "x"} if mirror else {}
        container = {"name": "llm", "image": "tinyllama"}
        return await self.cluster.admin.create(
            PODS,
            {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {"name": name, "namespace": "default", "annotations": annotations},
                "spec": {"nodeName": NODE, "containers": [container]},
            },
        )

    async def node(self) -> Object:
        return await self.cluster.admin.get(NODES, NODE)

    def is_there(self, resource: Resource, name: str, namespace: str = "") -> bool:
        return self.cluster.server.store.get(resource, namespace, name) is not None


async def made(cluster: Joinable) -> None:
    await cluster.node.create(NODES, {"metadata": {"name": NODE}})
    await cluster.node.create(LEASES, {"metadata": {"name": NODE, "namespace": LEASE_NAMESPACE}, "spec": {}})


def test_pods_end_before_the_node_does_and_what_is_left_is_told(tmp_path: Path) -> None:
    async def body(cluster: Joinable) -> None:
        await made(cluster)
        rig = Rig(cluster, tmp_path)
        await rig.pod("llm")
        await rig.pod("static", mirror=True)
        leaving = spawn(rig.leaving.run(rig.home, is_kubelet_running=True), name="leave")
        await until(lambda: rig.clock.sleepers == 1)
        assert (await rig.node())["spec"]["unschedulable"] is True
        pod = await cluster.admin.get(PODS, "llm", "default")
        assert pod["metadata"]["deletionTimestamp"]
        assert rig.steps == []
        await cluster.node.delete(PODS, "llm", "default", grace_period_s=0)  # as llm-kubelet does
        rig.clock.advance(2)
        await leaving
        assert rig.steps == ["end", "network"]
        node = await rig.node()
        assert is_leaving(node)
        assert "the pod network is left" in rig.said
        ready = next(one for one in node["status"]["conditions"] if one["type"] == "Ready")
        assert (ready["status"], ready["message"]) == ("False", "the node has left the cluster")
        assert not rig.is_there(LEASES, NODE, LEASE_NAMESPACE)
        assert not rig.is_there(PODS, "static", "default")
        assert rig.home.membership() is None
        assert rig.said[-1].endswith(f"kubectl delete node {NODE}")
        # the one thing that a node may not do is the last
        assert [(verb, path) for _, verb, path, _ in cluster.refused()] == [
            ("delete", f"/api/v1/nodes/{NODE}")
        ]

    on_cluster(body)


def test_pods_that_do_not_end_keep_the_node(tmp_path: Path) -> None:
    async def body(cluster: Joinable) -> None:
        await made(cluster)
        rig = Rig(cluster, tmp_path, LeaveOptions(timeout_s=4))
        await rig.pod("llm")
        leaving = asyncio.gather(rig.leaving.run(rig.home, is_kubelet_running=True), return_exceptions=True)
        for _ in range(2):
            await until(lambda: rig.clock.sleepers == 1)
            rig.clock.advance(2)
        (found,) = await leaving
        assert isinstance(found, MembershipError)
        assert "default/llm: have not ended within 4 s" in str(found)
        assert rig.home.membership() is not None
        assert rig.steps == []

    on_cluster(body)


def test_force_takes_them_along(tmp_path: Path) -> None:
    async def body(cluster: Joinable) -> None:
        await made(cluster)
        rig = Rig(cluster, tmp_path, LeaveOptions(force=True))
        await rig.pod("llm")
        await rig.leaving.run(rig.home, is_kubelet_running=False)
        assert not rig.is_there(PODS, "llm", "default")
        assert rig.home.membership() is None

    on_cluster(body)


def test_without_llm_kubelet_nobody_ends_pods(tmp_path: Path) -> None:
    async def body(cluster: Joinable) -> None:
        await made(cluster)
        rig = Rig(cluster, tmp_path)
        await rig.pod("llm")
        with pytest.raises(MembershipError, match="no llm-kubelet runs here"):
            await rig.leaving.run(rig.home, is_kubelet_running=False)

    on_cluster(body)


def test_an_administrator_removes_the_node_too(tmp_path: Path) -> None:
    async def body(cluster: Joinable) -> None:
        await made(cluster)
        rig = Rig(cluster, tmp_path)
        membership = rig.home.membership()
        assert membership is not None
        leaving = Leaving(
            cluster.node, membership, rig._end, rig._withdraw, LeaveOptions(), rig.clock, rig.said.append,
            cluster.admin,
        )  # fmt: skip
        await leaving.run(rig.home, is_kubelet_running=False)
        with pytest.raises(NotFound):
            await rig.node()
        assert rig.said[-1] == "this machine has left the cluster"

    on_cluster(body)


def test_a_network_that_cannot_be_withdrawn_keeps_the_identity_unless_forced(tmp_path: Path) -> None:
    async def body(cluster: Joinable) -> None:
        await made(cluster)
        rig = Rig(cluster, tmp_path)
        rig.network = MembershipError("the network is not withdrawn: no rights")
        with pytest.raises(MembershipError, match=r"no rights; try again, or .*--force"):
            await rig.leaving.run(rig.home, is_kubelet_running=False)
        assert rig.home.membership() is not None
        assert rig.is_there(LEASES, NODE, LEASE_NAMESPACE)
        forced = Rig(cluster, tmp_path, LeaveOptions(force=True))
        forced.network = rig.network
        await forced.leaving.run(forced.home, is_kubelet_running=False)
        assert rig.home.membership() is None
        assert any("an administrator removes what is left" in line for line in forced.said)

    on_cluster(body)


def test_a_node_that_is_gone_already_can_be_left(tmp_path: Path) -> None:
    async def body(cluster: Joinable) -> None:
        rig = Rig(cluster, tmp_path)
        await rig.leaving.run(rig.home, is_kubelet_running=False)
        assert rig.home.membership() is None

    on_cluster(body)


def test_a_cluster_that_does_not_answer_is_left_by_force_alone(tmp_path: Path) -> None:
    async def body(cluster: Joinable) -> None:
        await cluster.server.stop()
        rig = Rig(cluster, tmp_path)
        with pytest.raises(MembershipError, match="--force"):
            await rig.leaving.run(rig.home, is_kubelet_running=True)
        assert rig.home.membership() is not None
        forced = Rig(cluster, tmp_path, LeaveOptions(force=True))
        await forced.leaving.run(forced.home, is_kubelet_running=True)
        assert forced.steps == ["end"]
        assert forced.home.membership() is None

    on_cluster(body)
