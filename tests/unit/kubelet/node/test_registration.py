from __future__ import annotations

import asyncio
from typing import Any

import pytest

from bronzewillow.host.tasks import spawn
from bronzewillow.kube.client import KubeClient
from bronzewillow.kube.resources import LEASES, NODES
from bronzewillow.kube.times import emit_micro_time
from bronzewillow.testing.joinable import NODE, Joinable, on_cluster
from bronzewillow.testing.loopback import until
from kubelet.node.errors import AlreadyExists, FailedPrecondition
from kubelet.node.registration import LEASE_NAMESPACE, Registration
from kubelet.testing.manual_clock import ManualClock

pytestmark = pytest.mark.loopback


def node(uuid: str = "uuid-1", **labels: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": NODE, "labels": {"kubernetes.io/os": "darwin", **labels}},
        "spec": {"taints": [{"key": "bronzewillow.io/llm", "value": "true", "effect": "NoSchedule"}]},
        "status": {"nodeInfo": {"systemUUID": uuid}, "capacity": {"cpu": "8"}},
    }


def test_a_node_is_made_with_its_taint() -> None:  # it can be said at this moment alone
    async def body(cluster: Joinable) -> None:
        made, before = await Registration(cluster.node, ManualClock()).register(node())
        assert before is None
        assert "bronzewillow.io/llm" in [one["key"] for one in made["spec"]["taints"]]
        assert made["status"]["nodeInfo"]["systemUUID"] == "uuid-1"

    on_cluster(body)


def test_a_node_of_a_former_life_is_taken_over() -> None:
    async def body(cluster: Joinable) -> None:
        old = node(old="label")
        old["metadata"]["labels"]["kubernetes.io/os"] = "linux"
        old["status"]["capacity"] = {"cpu": "4", "example.com/gpu": "2"}
        first = await cluster.admin.create(NODES, old)
        found, before = await Registration(cluster.node, ManualClock()).register(node())
        assert before is not None
        assert found["metadata"]["uid"] == before["metadata"]["uid"] == first["metadata"]["uid"]
        assert found["metadata"]["labels"] == {"kubernetes.io/os": "darwin", "old": "label"}
        assert found["status"]["capacity"] == {"cpu": "4", "example.com/gpu": "0"}
        assert cluster.refused() == []

    on_cluster(body)


def lease(clock: ManualClock) -> dict[str, Any]:
    spec = {"holderIdentity": NODE, "leaseDurationSeconds": 40, "renewTime": emit_micro_time(clock.wall())}
    return {"metadata": {"name": NODE, "namespace": LEASE_NAMESPACE}, "spec": spec}


def test_a_name_that_another_machine_lives_under_is_not_taken() -> None:
    async def body(cluster: Joinable) -> None:
        clock = ManualClock()
        registration = Registration(cluster.node, clock)
        await cluster.admin.create(NODES, node("uuid-2"))
        await cluster.admin.create(LEASES, lease(clock))
        with pytest.raises(AlreadyExists, match="--node-name"):
            await registration.register(node())
        clock.advance(41)  # it has died
        found, _ = await registration.register(node())
        assert found["metadata"]["name"] == NODE

    on_cluster(body)


def test_an_api_server_that_is_away_is_waited_for() -> None:
    async def body(cluster: Joinable) -> None:
        clock = ManualClock()
        await cluster.server.stop()
        registering = spawn(Registration(cluster.node, clock).register(node()), name="register")
        for wait_s in (0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 7.0, 7.0):
            await until(lambda: clock.sleepers == 1)
            clock.advance(wait_s - 0.01)
            assert clock.sleepers == 1
            clock.advance(0.01)
            await asyncio.sleep(0)
        await cluster.server.start()
        await until(lambda: registering.done() or clock.sleepers == 1)
        clock.advance(7)
        assert (await registering)[1] is None

    on_cluster(body)


def test_who_may_not_be_this_node_is_told_so() -> None:
    async def body(cluster: Joinable) -> None:
        async with KubeClient(cluster.server.certified("system:node:other", "system:nodes")) as other:
            with pytest.raises(FailedPrecondition, match="cannot register"):
                await Registration(other, ManualClock()).register(node())

    on_cluster(body)
