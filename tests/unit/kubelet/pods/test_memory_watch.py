"""Who is over its memory limit."""

from __future__ import annotations

from typing import Any

from bronzewillow.testing.aio import run
from kubelet.pods.memory_watch import MemoryWatch
from kubelet.provider.labels import CONTAINER_NAME, POD_UID
from runtime.api import cri_pb2 as api

from ..conftest import pod

GIB = 1 << 30


class Machine:
    def __init__(self) -> None:
        self.killed: list[tuple[str, str]] = []

    def kill_for_memory(self, container: str, container_id: str) -> None:
        self.killed.append((container, container_id))


class Worker:
    """As much of `PodWorker` as is needed."""

    def __init__(self, uid: str, limit: str) -> None:
        resources = {"limits": {"memory": limit}} if limit else {}
        self.pod = pod(uid, uid, containers=[{"name": "llm", "image": "tiny:v1", "resources": resources}])
        self.machine, self.looks = Machine(), 0

    def look(self) -> None:
        self.looks += 1


class Rig:
    """A node; what its pods hold is in `held`, by UID."""

    def __init__(self, held: dict[str, int], limit: str = "") -> None:
        self.held, self.measured = held, 0
        self.workers = {uid: Worker(uid, limit) for uid in held}
        workers: Any = self.workers
        self.watch = MemoryWatch(self, workers)

    async def sandbox_stats(self) -> list[api.PodSandboxStats]:
        self.measured += 1
        found = []
        for uid, size in self.held.items():
            one = api.PodSandboxStats(attributes=api.PodSandboxAttributes(labels={POD_UID: uid}))
            for number, held in enumerate((size, 1)):  # the other has just taken its place
                container = one.linux.containers.add()
                container.attributes.id = f"c{number}"
                container.attributes.labels[CONTAINER_NAME] = "llm"
                container.memory.working_set_bytes.value = held
            found.append(one)
        return [*found, api.PodSandboxStats()]  # the last is nobody's


def test_over_its_limit() -> None:
    rig = Rig({"a": GIB, "b": GIB + 1}, limit="1Gi")
    run(rig.watch.look())
    assert [one.machine.killed for one in rig.workers.values()] == [[], [("llm", "c0")]]
    assert [one.looks for one in rig.workers.values()] == [0, 1]


def test_without_limits_there_is_nothing_to_measure() -> None:
    rig = Rig({"a": 99 * GIB})
    run(rig.watch.look())
    assert rig.measured == 0
