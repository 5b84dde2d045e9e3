"""Pods as the kubelet's own API shows them."""

from __future__ import annotations

import asyncio

from bronzewillow.testing.aio import run
from kubelet.model.actions import Action
from kubelet.model.decision import NodeFacts, PodEvent
from kubelet.model.observed import ObservedPod
from kubelet.model.outcomes import Failed, Outcome
from kubelet.model.pod_spec import Object, orphan_pod
from kubelet.pods.pod_set import PodSet
from kubelet.pods.shown_pods import ShownPods
from kubelet.pods.worker import PodWorker

from ..conftest import pod


class Around:
    """A node on which nothing is done."""

    def now(self) -> int:
        return 0

    def wall(self) -> int:
        return 0

    def facts(self) -> NodeFacts:
        return NodeFacts("mac-1", (), "runm")

    async def observe(self, pod_uid: str) -> ObservedPod:
        return ObservedPod(0)

    async def execute(self, pod: Object, action: Action, observed: ObservedPod | None) -> Outcome:
        return Failed("")

    def tell_status(self, pod: Object, status: Object) -> None:
        """Nothing."""

    def tell_event(self, pod: Object, event: PodEvent) -> None:
        """Nothing."""

    def count_eviction(self, signal: str) -> None:
        """Of nobody."""

    def count_sync(self, seconds: float, *, is_first: bool) -> None:
        """Of no interest."""

    def on_finished(self, pod_uid: str) -> None:
        """Nothing."""


def test_the_status_that_was_decided_on_last() -> None:
    async def main() -> None:
        pods = PodSet(Around(), lambda *_: None)
        worker = pods._workers["u1"] = PodWorker(pod(), Around())
        pods._workers["u9"] = PodWorker(orphan_pod("u9", "old", "default"), Around())
        shown = ShownPods(pods)
        assert shown.all() == [pod()]
        worker.status = {"phase": "Running"}
        assert [one["status"]["phase"] for one in shown.all()] == ["Running"]
        found = shown.get("default", "tiny")
        assert found is not None
        assert found["status"] == {"phase": "Running"}
        assert shown.get("default", "old") is None  # the runtime alone knows it
        assert shown.get("other", "tiny") is None
        await asyncio.sleep(0)

    run(main())
