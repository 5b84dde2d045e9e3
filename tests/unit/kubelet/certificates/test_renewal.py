from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest

from bronzewillow.host.tasks import spawn
from bronzewillow.kube.access import Presented
from bronzewillow.testing.aio import end
from bronzewillow.testing.joinable import NODE, Joinable, on_cluster
from bronzewillow.testing.loopback import until
from kubelet.certificates.errors import Denied
from kubelet.certificates.pairs import Pair, PairFolder
from kubelet.certificates.renewal import Asking, Renewal
from kubelet.certificates.requests import client_request, is_answered_by, serving_request
from kubelet.testing.manual_clock import ManualClock

pytestmark = pytest.mark.loopback
DAY_S = 86400.0


class Rig:
    """The renewal of a node's client certificate on a clock of ours."""

    def __init__(self, cluster: Joinable, folder: Path) -> None:
        self.cluster, self.clock = cluster, ManualClock()
        self.pairs = PairFolder(folder, "client")
        self.renewed: list[Pair] = []
        self.tried: list[Presented] = []
        self.refuses = False
        asking = Asking(cluster.node, self.pairs, 5.0, self._on_renewed, trial=self._try)
        self.renewal = Renewal(asking, client_request(NODE), self.clock, Random(1))

    async def _on_renewed(self, pair: Pair) -> None:
        self.renewed.append(pair)

    async def _try(self, presented: Presented) -> None:
        self.tried.append(presented)
        if self.refuses:
            raise Denied("nobody knows it")


def test_a_certificate_is_asked_for_where_there_is_none_and_again_before_it_ends(tmp_path: Path) -> None:
    async def body(cluster: Joinable) -> None:
        rig = Rig(cluster, tmp_path)
        assert rig.renewal.due() is None
        running = spawn(rig.renewal.run(), name="renewal")
        await until(lambda: len(rig.renewed) == 1 and rig.clock.sleepers == 1)
        first = rig.renewed[0]
        due = rig.renewal.due()
        assert due is not None
        assert 0.69 < (due - first.not_before) / (first.not_after - first.not_before) < 0.91
        assert rig.renewal.due() == due  # it is not drawn anew at each look
        # the calendar goes on while the machine sleeps
        rig.clock.jump((due - rig.clock.wall()).total_seconds() - 90)
        rig.clock.advance(60)
        await until(lambda: rig.clock.sleepers == 1)
        assert len(rig.renewed) == 1
        rig.clock.advance(60)
        await until(lambda: len(rig.renewed) == 2)
        second = rig.renewed[1]
        assert second.certificate.public_key() != first.certificate.public_key()
        assert rig.pairs.current() == second
        await end(running)
        assert cluster.refused() == []

    on_cluster(body)


def test_a_certificate_that_does_not_work_does_not_take_the_place_of_one_that_does(tmp_path: Path) -> None:
    async def body(cluster: Joinable) -> None:
        rig = Rig(cluster, tmp_path)
        rig.refuses = True
        running = spawn(rig.renewal.run(), name="renewal")
        await until(lambda: len(rig.tried) == 1 and rig.clock.sleepers == 1)
        assert rig.pairs.current() is None
        rig.clock.advance(1.9)
        assert rig.clock.sleepers == 1  # two seconds at least
        rig.refuses = False
        rig.clock.advance(0.4)
        await until(lambda: len(rig.renewed) == 1)
        # the same key, so the same request, was waited on
        assert len(await cluster.requests()) == 1
        await end(running)

    on_cluster(body)


def test_what_is_asked_for_can_change_while_it_is_waited_for(tmp_path: Path) -> None:
    async def body(cluster: Joinable) -> None:
        pairs = PairFolder(tmp_path, "serving")
        renewed = asyncio.Event()

        async def on_renewed(pair: Pair) -> None:
            renewed.set()

        first = serving_request(NODE, (NODE,), ("192.0.2.7",))
        second = serving_request(NODE, (NODE,), ("192.0.2.8",))
        renewal = Renewal(Asking(cluster.node, pairs, 5.0, on_renewed), first, ManualClock(), Random(1))
        running = spawn(renewal.run(), name="renewal")
        await cluster.asked(1)
        renewal.ask_for(first)
        renewal.ask_for(second)
        for one in await cluster.asked(2):
            await cluster.decide(one["metadata"]["name"], "Approved")
        await renewed.wait()
        current = pairs.current()
        assert current is not None
        assert is_answered_by(second, current.certificate)
        await end(running)

    on_cluster(body)


def test_a_year_without_the_cluster_is_no_reason_to_stop_asking(tmp_path: Path) -> None:
    async def body(cluster: Joinable) -> None:
        rig = Rig(cluster, tmp_path)
        await cluster.server.stop()
        running = spawn(rig.renewal.run(), name="renewal")
        for _ in range(6):
            await until(lambda: rig.clock.sleepers == 1)
            rig.clock.advance(36)
        await cluster.server.start()
        await until(lambda: rig.clock.sleepers == 1)
        rig.clock.advance(36)
        await until(lambda: len(rig.renewed) == 1)
        assert rig.renewed[0].is_valid(rig.clock.wall() - timedelta(seconds=300))
        await end(running)

    on_cluster(body)
