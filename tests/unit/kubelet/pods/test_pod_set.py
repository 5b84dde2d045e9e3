"""Who wants a pod, who has it, and what becomes of the others."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from bronzewillow.kube.cache import Cache, Change, ChangeType
from bronzewillow.testing.aio import run
from kubelet.model.actions import Action
from kubelet.model.decision import NodeFacts, PodEvent, Refusal
from kubelet.model.observed import ObservedPod
from kubelet.model.outcomes import Failed, Outcome
from kubelet.model.pod_spec import Object
from kubelet.model.static_pods import mirror_pod, static_pod
from kubelet.pods.pod_set import PodSet
from kubelet.pods.surroundings import now, wall
from kubelet.provider.labels import PodKey

from ..conftest import Pod, pod

TEXT = {
    "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"},
    "spec": {"containers": [{"name": "c", "image": "i"}]},
}  # fmt: skip
STATIC = static_pod(TEXT, "mac-1", "/f")


class Around:
    """A node on which nothing can be done."""

    def now(self) -> int:
        return now()

    def wall(self) -> int:
        return wall()

    def facts(self) -> NodeFacts:
        return NodeFacts("mac-1", ("192.0.2.1",), "runm")

    async def observe(self, pod_uid: str) -> ObservedPod:
        return ObservedPod(now())

    async def execute(self, pod: Object, action: Action, observed: ObservedPod | None) -> Outcome:
        await asyncio.Event().wait()
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


class Rig:
    def __init__(self) -> None:
        self.refusal: Refusal | None = None
        self.admitted: list[tuple[str, list[str]]] = []
        self.pods = PodSet(Around(), self.admit)
        self.api = self.pods.api = Cache()

    def admit(self, one: Object, others: list[Object]) -> Refusal | None:
        self.admitted.append((one["metadata"]["uid"], [other["metadata"]["uid"] for other in others]))
        return self.refusal

    def list(self, *pods: Pod) -> None:
        for index, one in enumerate(pods):
            one["metadata"].setdefault("resourceVersion", str(index))
        changed = [one for one in pods if not self.api.has(one)]
        self.pods.on_api([*self.api.reconcile({one["metadata"]["uid"] for one in pods}, changed)])

    def is_gone(self, uid: str) -> bool:
        return self.pods[uid].machine._state.is_gone


@asynccontextmanager
async def rigged() -> AsyncIterator[Rig]:
    rig = Rig()
    try:
        yield rig
    finally:
        rig.pods.leave()
        await asyncio.sleep(0)
        await asyncio.sleep(0)


def test_pods_come_change_and_go() -> None:
    async def main() -> None:
        async with rigged() as rig:
            rig.list(pod("a", "1"), pod("b", "2"))
            assert set(rig.pods) == {"1", "2"}
            changed = pod("a", "1")
            changed["metadata"]["labels"] = {"x": "y"}
            rig.pods.on_api([Change(ChangeType.MODIFIED, changed)])
            assert rig.pods["1"].pod["metadata"]["labels"] == {"x": "y"}
            rig.pods.on_api([Change(ChangeType.DELETED, changed)])
            assert rig.is_gone("1")
            assert not rig.is_gone("2")
            rig.pods.on_finished("1")
            assert set(rig.pods) == {"2"}

    run(main())


def test_nothing_is_an_orphan_before_all_sources_have_spoken() -> None:
    async def main() -> None:
        async with rigged() as rig:
            keys = [PodKey("1", "a", "default"), PodKey("9", "old", "default")]
            rig.pods.on_runtime_list(keys)
            rig.pods.on_runtime(keys[1])
            rig.pods.on_static([])
            assert not rig.pods.is_complete
            assert set(rig.pods) == set()
            rig.list(pod("a", "1"))
            assert set(rig.pods) == {"1", "9"}
            assert rig.is_gone("9")
            assert not rig.is_gone("1")
            rig.pods.on_runtime(PodKey("8", "late", "default"))
            assert rig.is_gone("8")

    run(main())


def test_admission_is_asked_of_new_pods_alone_in_the_order_of_their_age() -> None:
    async def main() -> None:
        async with rigged() as rig:
            old, young, before, over = pod("a", "1"), pod("b", "2"), pod("c", "3"), pod("d", "4")
            old["metadata"]["creationTimestamp"] = "2026-01-01T00:00:00Z"
            young["metadata"]["creationTimestamp"] = "2026-01-02T00:00:00Z"
            before["status"]["startTime"] = "2026-01-01T00:00:00Z"
            over["status"]["phase"] = "Succeeded"
            rig.list(young, old, before, over)
            assert [uid for uid, _ in rig.admitted] == ["1", "2"]
            assert sorted(rig.admitted[1][1]) == ["1", "3"]  # what has ended holds nothing

    run(main())


def test_a_refused_pod_holds_nothing() -> None:
    async def main() -> None:
        async with rigged() as rig:
            rig.refusal = Refusal("OutOfmemory", "too large")
            rig.list(pod("a", "1"))
            rig.refusal = None
            rig.pods.on_api([Change(ChangeType.ADDED, pod("b", "2"))])
            assert rig.admitted[1] == ("2", [])
            assert rig.pods["1"].machine._refusal is not None

    run(main())


def test_static_pods_and_their_mirrors() -> None:
    async def main() -> None:
        async with rigged() as rig:
            uid = STATIC["metadata"]["uid"]
            rig.pods.on_static([STATIC])
            assert set(rig.pods) == {uid}
            assert rig.pods.mirrors() == [(STATIC, None)]
            assert rig.pods.target(uid) is None
            mirror: dict[str, Any] = mirror_pod(STATIC, "n")
            mirror["metadata"]["uid"] = "m1"
            rig.list(mirror)
            assert set(rig.pods) == {uid}  # a mirror is no pod
            assert rig.pods.target(uid) == mirror
            assert rig.pods.mirrors() == [(STATIC, mirror)]
            rig.pods.on_static([])
            assert rig.is_gone(uid)
            assert rig.pods.mirrors() == [(None, mirror)]
            rig.pods.on_api([Change(ChangeType.DELETED, mirror)])

    run(main())


def test_a_pod_by_its_name_is_the_newest() -> None:
    async def main() -> None:
        async with rigged() as rig:
            old, new = pod("a", "1"), pod("a", "2")
            old["metadata"]["creationTimestamp"] = "2026-01-01T00:00:00Z"
            new["metadata"]["creationTimestamp"] = "2026-01-02T00:00:00Z"
            rig.pods.on_api([Change(ChangeType.ADDED, old), Change(ChangeType.ADDED, new)])
            found = rig.pods.named("default", "a")
            assert found is not None
            assert found.uid == "2"
            assert rig.pods.named("other", "a") is None

    run(main())


def test_the_runtime_has_a_pod_looked_at() -> None:
    async def main() -> None:
        async with rigged() as rig:
            rig.list(pod("a", "1"))
            await asyncio.sleep(0)
            rig.pods["1"]._must_observe = False
            rig.pods.on_runtime(PodKey("1", "a", "default"))
            assert rig.pods["1"]._must_observe

    run(main())
