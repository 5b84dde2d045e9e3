"""Who gives memory back, and when nobody does."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from bronzewillow.testing.aio import run
from kubelet.model.decision import Ending, PodEvent
from kubelet.node.memory import MemoryReading
from kubelet.pods.memory_watch import MemoryWatch
from kubelet.provider.labels import CONTAINER_NAME, POD_UID
from runtime.api import cri_pb2 as api

from ..conftest import pod

GIB = 1 << 30
SHORT = MemoryReading(52 << 20, 16 * GIB, 0)
PLENTY = MemoryReading(8 * GIB, 8 * GIB, 0)


class Machine:
    def __init__(self) -> None:
        self.killed: list[str] = []

    def kill_for_memory(self, container: str) -> None:
        self.killed.append(container)


class Worker:
    """As much of `PodWorker` as is needed."""

    def __init__(self, made: dict[str, Any]) -> None:
        self.pod, self.machine = made, Machine()
        self.status: dict[str, Any] = {"phase": "Running"}
        self.endings: list[Ending] = []
        self.looks = 0

    def end(self, ending: Ending) -> None:
        self.endings.append(ending)

    def look(self) -> None:
        self.looks += 1


@dataclass
class Rig:
    """A node; what its pods hold is in `held`, by UID."""

    held: dict[str, int]
    limit: str = ""
    reading: MemoryReading = SHORT
    time: int = 0
    measured: int = 0
    events: list[PodEvent] = field(default_factory=list)

    def __post_init__(self) -> None:
        resources = {"limits": {"memory": self.limit}} if self.limit else {}
        containers = [{"name": "llm", "image": "tiny:v1", "resources": resources}]
        self.workers = {uid: Worker(pod(uid, uid, containers=containers)) for uid in self.held}
        workers: Any = self.workers
        self.watch = MemoryWatch(
            self, workers, lambda: self.reading, self.events.append, lambda: self.time * 1_000_000
        )

    async def sandbox_stats(self) -> list[api.PodSandboxStats]:
        self.measured += 1
        found = []
        for uid, size in self.held.items():
            one = api.PodSandboxStats(attributes=api.PodSandboxAttributes(labels={POD_UID: uid}))
            container = one.linux.containers.add()
            container.attributes.labels[CONTAINER_NAME] = "llm"
            container.memory.working_set_bytes.value = size
            found.append(one)
        return [*found, api.PodSandboxStats()]  # the last is nobody's

    def look(self, second: int) -> list[str]:
        """The UIDs of those evicted so far."""
        self.time = second
        run(self.watch.look())
        return [uid for uid, worker in self.workers.items() if worker.endings]


def test_one_at_a_time_and_time_to_go() -> None:
    rig = Rig({"small": 2 * GIB, "large": 7 * GIB})
    assert rig.look(0) == ["large"]
    ending = rig.workers["large"].endings[0]
    assert (ending.reason, ending.grace_s) == ("Evicted", 0)
    assert ending.message == (
        "The node was low on resource: memory. Threshold quantity: 100Mi, available: 52Mi. "
        "Container llm was using 7Gi, request is 0, has larger consumption of memory. "
    )
    assert [(one.reason, one.message) for one in rig.events] == [
        ("EvictionThresholdMet", "Attempting to reclaim memory")
    ]
    assert rig.look(10) == ["large"]  # its memory is not free yet
    assert rig.look(29) == ["large"]
    assert rig.look(30) == ["small", "large"]
    assert len(rig.workers["large"].endings) == 1


def test_the_next_goes_when_the_first_has_gone() -> None:
    rig = Rig({"small": 6 * GIB, "large": 8 * GIB})
    rig.look(0)
    del rig.held["large"], rig.workers["large"]
    rig.reading = MemoryReading(52 << 20, 8 * GIB, 4)
    assert rig.look(10) == ["small"]


def test_nobody_goes_for_memory_that_others_hold() -> None:
    rig = Rig({"a": 7 * GIB})
    assert rig.look(0) == []
    rig.reading = MemoryReading(52 << 20, 14 * GIB, 0)
    assert rig.look(10) == ["a"]


def test_nor_while_there_is_enough() -> None:
    rig = Rig({"a": 7 * GIB}, reading=PLENTY)
    assert rig.look(0) == []
    rig.reading = MemoryReading(0, 8 * GIB, 2)  # on a Mac, a warning is none of our concern
    assert rig.look(10) == []
    assert rig.measured == 0  # without limits there is nothing to measure


def test_one_that_has_ended_is_not_asked() -> None:
    rig = Rig({"a": 15 * GIB})
    rig.workers["a"].status = {"phase": "Failed"}
    assert rig.look(0) == []


def test_over_its_limit() -> None:
    rig = Rig({"a": GIB, "b": GIB + 1}, limit="1Gi", reading=PLENTY)
    assert rig.look(0) == []
    assert [one.machine.killed for one in rig.workers.values()] == [[], ["llm"]]
    assert [one.looks for one in rig.workers.values()] == [0, 1]
