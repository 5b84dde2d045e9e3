from __future__ import annotations

import pytest

from bronzewillow.host.tasks import spawn
from bronzewillow.kube.errors import NotFound
from bronzewillow.kube.resources import LEASES, Object
from bronzewillow.kube.times import parse_time
from bronzewillow.testing.aio import end
from bronzewillow.testing.joinable import NODE, Joinable, on_cluster
from bronzewillow.testing.loopback import until
from kubelet.node import lease
from kubelet.node.lease import LeaseKeeper
from kubelet.node.registration import LEASE_NAMESPACE
from kubelet.testing.manual_clock import ManualClock

pytestmark = pytest.mark.loopback


class Rig:
    def __init__(self, cluster: Joinable) -> None:
        self.cluster, self.clock, self.is_alive = cluster, ManualClock(), True
        self.keeper = LeaseKeeper(cluster.node, NODE, lambda: self.is_alive, self.clock)

    async def lease(self) -> Object:
        return await self.cluster.admin.get(LEASES, NODE, LEASE_NAMESPACE)

    def renewals(self) -> int:
        return sum(
            verb in ("create", "update") and "leases" in path
            for _, verb, path, _ in self.cluster.server.audit
        )


def test_when_it_is_heard_again_others_need_not_wait_for_their_next_try() -> None:
    async def body(cluster: Joinable) -> None:
        rig = Rig(cluster)
        rig.keeper.own("uid-1")
        assert await rig.keeper.renew()
        await cluster.server.stop()
        assert not await rig.keeper.renew()
        waiting = spawn(cluster.node.pause(60), name="waiting")
        await cluster.server.start()
        assert await rig.keeper.renew()
        await waiting

    on_cluster(body)


def test_a_lease_is_the_nodes_and_is_renewed_every_ten_seconds() -> None:
    async def body(cluster: Joinable) -> None:
        rig = Rig(cluster)
        running = spawn(rig.keeper.run(), name="lease")
        await until(lambda: rig.clock.sleepers == 1)
        with pytest.raises(NotFound):
            await rig.lease()  # there is no Node yet
        rig.keeper.own("uid-1")
        await until(lambda: rig.renewals() == 1 and rig.clock.sleepers == 1)
        first = await rig.lease()
        assert first["metadata"]["ownerReferences"] == [
            {"apiVersion": "v1", "kind": "Node", "name": NODE, "uid": "uid-1"}
        ]
        assert first["spec"]["holderIdentity"] == NODE
        assert first["spec"]["leaseDurationSeconds"] == 40
        assert len(first["spec"]["renewTime"]) == len("2026-01-01T00:00:00.000000Z")
        rig.clock.advance(9.9)
        assert rig.clock.sleepers == 1
        rig.clock.advance(0.1)
        await until(lambda: rig.renewals() == 2)
        second = await rig.lease()
        elapsed = parse_time(second["spec"]["renewTime"]) - parse_time(first["spec"]["renewTime"])
        assert elapsed.total_seconds() == pytest.approx(10)
        await end(running)
        assert cluster.refused() == []

    on_cluster(body)


def test_after_a_sleep_it_is_renewed_at_once() -> None:
    async def body(cluster: Joinable) -> None:
        rig = Rig(cluster)
        rig.keeper.own("uid-1")
        running = spawn(rig.keeper.run(), name="lease")
        await until(lambda: rig.renewals() == 1 and rig.clock.sleepers == 1)
        rig.keeper.hurry()
        await until(lambda: rig.renewals() == 2)
        await end(running)

    on_cluster(body)


def test_what_others_have_done_to_it_is_made_good() -> None:
    async def body(cluster: Joinable) -> None:
        rig = Rig(cluster)
        rig.keeper.own("uid-1")
        assert await rig.keeper.renew()
        changed = await rig.lease()
        changed["spec"]["holderIdentity"] = "somebody"
        await cluster.admin.replace(LEASES, changed)
        assert await rig.keeper.renew()  # Conflict
        assert (await rig.lease())["spec"]["holderIdentity"] == NODE
        await cluster.admin.delete(LEASES, NODE, LEASE_NAMESPACE)
        rig.keeper.own("uid-2")
        assert await rig.keeper.renew()  # NotFound
        assert (await rig.lease())["metadata"]["ownerReferences"][0]["uid"] == "uid-2"

    on_cluster(body)


def test_a_lease_that_was_made_without_an_owner_gets_one() -> None:
    async def body(cluster: Joinable) -> None:
        rig = Rig(cluster)
        await cluster.admin.create(
            LEASES, {"metadata": {"name": NODE, "namespace": LEASE_NAMESPACE}, "spec": {}}
        )
        rig.keeper.own("uid-1")
        assert await rig.keeper.renew()
        assert (await rig.lease())["metadata"]["ownerReferences"][0]["uid"] == "uid-1"

    on_cluster(body)


def test_an_api_server_that_is_away_is_tried_again_at_the_next_beat() -> None:
    async def body(cluster: Joinable) -> None:
        rig = Rig(cluster)
        rig.keeper.own("uid-1")
        await cluster.server.stop()
        assert not await rig.keeper.renew()
        assert rig.keeper.last_error is not None
        await cluster.server.start()
        assert await rig.keeper.renew()
        assert rig.keeper.last_error is None

    on_cluster(body)


def test_an_api_server_that_says_nothing_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    async def body(cluster: Joinable) -> None:
        rig = Rig(cluster)
        rig.keeper.own("uid-1")
        assert await rig.keeper.renew()
        monkeypatch.setattr(lease, "_TRY_S", 0.05)
        cluster.server.faults.partition()
        assert not await rig.keeper.renew()
        assert "no answer within" in str(rig.keeper.last_error)
        cluster.server.faults.heal()

    on_cluster(body)


def test_a_node_that_does_not_work_does_not_say_that_it_lives() -> None:
    async def body(cluster: Joinable) -> None:
        rig = Rig(cluster)
        rig.is_alive = False
        rig.keeper.own("uid-1")
        running = spawn(rig.keeper.run(), name="lease")
        await until(lambda: rig.clock.sleepers == 1)
        assert rig.renewals() == 0
        rig.is_alive = True
        rig.clock.advance(10)
        await until(lambda: rig.renewals() == 1)
        await end(running)

    on_cluster(body)
