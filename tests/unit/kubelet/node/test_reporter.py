from __future__ import annotations

from typing import Any

import pytest

from bronzewillow.host.tasks import spawn
from bronzewillow.kube.resources import NODES, Object, uid_of
from bronzewillow.testing.aio import end
from bronzewillow.testing.joinable import NODE, Joinable, on_cluster
from bronzewillow.testing.loopback import until
from kubelet.node.reporter import StatusReporter
from kubelet.testing.manual_clock import ManualClock

pytestmark = pytest.mark.loopback


class Rig:
    """A node whose status is what the test says."""

    def __init__(self, cluster: Joinable) -> None:
        self.cluster, self.clock = cluster, ManualClock()
        self.cpu, self.is_ready, self.heartbeat = "8", True, 0
        self.registered: list[tuple[Object, Object | None]] = []
        self.reporter = StatusReporter(
            cluster.node,
            NODE,
            self._compose,
            lambda node, before: self.registered.append((node, before)),
            self.clock,
        )

    async def _compose(self, before: Object | None) -> Object:
        self.heartbeat += 1
        ready = {
            "type": "Ready",
            "status": "True" if self.is_ready else "False",
            "lastHeartbeatTime": f"2026-01-01T00:00:{self.heartbeat:02}Z",
        }
        return {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {"name": NODE, "labels": {"kubernetes.io/os": "darwin"}},
            "spec": {},
            "status": {"capacity": {"cpu": self.cpu}, "conditions": [ready]},
        }

    async def node(self) -> dict[str, Any]:
        return await self.cluster.admin.get(NODES, NODE)

    def reports(self) -> int:
        return sum(
            verb == "patch" and path.endswith("/status") for _, verb, path, _ in self.cluster.server.audit
        )


def test_it_is_told_on_change_and_every_five_minutes() -> None:
    async def body(cluster: Joinable) -> None:
        rig = Rig(cluster)
        running = spawn(rig.reporter.run(), name="reporter")
        await until(lambda: rig.reports() == 1 and rig.clock.sleepers == 1)
        for _ in range(29):
            rig.clock.advance(10)
            await until(lambda: rig.clock.sleepers == 1)
        assert rig.reports() == 1
        assert rig.heartbeat == 31  # it was looked at
        rig.clock.advance(10)
        await until(lambda: rig.reports() == 2 and rig.clock.sleepers == 1)
        rig.cpu = "9"
        rig.clock.advance(10)
        await until(lambda: rig.reports() == 3 and rig.clock.sleepers == 1)
        assert (await rig.node())["status"]["capacity"]["cpu"] == "9"
        rig.is_ready = False
        rig.reporter.hurry()
        await until(lambda: rig.reports() == 4)
        await end(running)
        assert cluster.refused() == []

    on_cluster(body)


def test_a_start_looks_often_until_it_is_ready() -> None:
    async def body(cluster: Joinable) -> None:
        rig = Rig(cluster)
        rig.is_ready = False
        running = spawn(rig.reporter.run(), name="reporter")
        await until(lambda: rig.clock.sleepers == 1)
        before = rig.heartbeat
        rig.clock.advance(0.5)
        await until(lambda: rig.heartbeat == before + 1 and rig.clock.sleepers == 1)
        rig.clock.advance(60)  # something is wrong, and a start no longer
        await until(lambda: rig.heartbeat == before + 2 and rig.clock.sleepers == 1)
        rig.clock.advance(9)
        assert rig.clock.sleepers == 1
        rig.clock.advance(1)
        await until(lambda: rig.heartbeat == before + 3)
        await end(running)

    on_cluster(body)


def test_conditions_of_others_stay() -> None:
    async def body(cluster: Joinable) -> None:
        rig = Rig(cluster)
        await rig.reporter.report()
        foreign = {"type": "NetworkUnavailable", "status": "False", "reason": "FlannelIsUp"}
        await cluster.admin.patch(NODES, NODE, {"status": {"conditions": [foreign]}}, subresource="status")
        rig.is_ready = False
        await rig.reporter.report()
        found = {one["type"]: one["status"] for one in (await rig.node())["status"]["conditions"]}
        assert found == {"Ready": "False", "NetworkUnavailable": "False"}

    on_cluster(body)


def test_a_node_that_somebody_deletes_is_made_anew() -> None:
    async def body(cluster: Joinable) -> None:
        rig = Rig(cluster)
        await rig.reporter.report()
        first = uid_of(await rig.node())
        await cluster.admin.delete(NODES, NODE)
        assert await rig.reporter.report(always=True)
        second = uid_of(await rig.node())
        assert second != first
        assert [uid_of(node) for node, _ in rig.registered] == [first, second]
        assert (await rig.node())["status"]["capacity"] == {"cpu": "8"}

    on_cluster(body)


def test_what_a_watch_says_of_it_is_believed() -> None:
    async def body(cluster: Joinable) -> None:
        rig = Rig(cluster)
        await rig.reporter.report()
        node = await rig.node()
        node["spec"]["podCIDR"] = "10.244.9.0/24"
        rig.reporter.seen(node)
        assert rig.reporter.node == node
        rig.reporter.seen({**node, "metadata": {**node["metadata"], "uid": "another"}})
        assert rig.reporter.node == node
        rig.reporter.seen(None)
        assert rig.reporter.node is None

    on_cluster(body)


def test_what_cannot_be_told_is_told_later() -> None:
    async def body(cluster: Joinable) -> None:
        rig = Rig(cluster)
        await rig.reporter.report()
        await cluster.server.stop()
        rig.cpu = "9"
        assert not await rig.reporter.report()
        assert rig.reporter.last_error is not None
        await cluster.server.start()
        assert await rig.reporter.report()
        assert rig.reporter.last_error is None
        assert (await rig.node())["status"]["capacity"]["cpu"] == "9"

    on_cluster(body)
