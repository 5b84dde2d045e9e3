"""Who gives memory or disk back, and when nobody does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bronzewillow.testing.aio import run
from kubelet.model.decision import Ending, PodEvent
from kubelet.model.eviction import PodUsage
from kubelet.model.pressure import Observation, Observations
from kubelet.model.thresholds import Signal, eviction_settings
from kubelet.node.health import HealthWatch
from kubelet.pods.eviction_watch import EvictionWatch
from kubelet.pods.pod_usage import disk_usage
from kubelet.provider.labels import CONTAINER_NAME, POD_UID
from kubelet.provider.logs import LogFolders
from kubelet.volumes.pod_volumes import VolumeFolders
from runtime.api import cri_pb2 as api

from ..conftest import pod

GIB = 1 << 30
PLENTY = {Signal.MEMORY: Observation(8 * GIB, 16 * GIB)}
SHORT = {Signal.MEMORY: Observation(52 << 20, 16 * GIB)}
FULL = {Signal.NODE_DISK: Observation(99_000, 1_000_000)}
"""A thousand bytes are missing."""


class Worker:
    """As much of `PodWorker` as is needed."""

    def __init__(self, uid: str) -> None:
        self.pod = pod(uid, uid)
        self.status: dict[str, Any] = {"phase": "Running"}
        self.endings: list[Ending] = []
        self.is_reclaimed = False

    def end(self, ending: Ending) -> None:
        self.endings.append(ending)


class Rig:
    """A node; what its pods hold is in `held`, by UID."""

    def __init__(self, folder: Path, held: dict[str, int], seen: Observations = SHORT) -> None:
        self.held, self.seen, self.time = held, seen, 0
        self.measured = self.freed = 0
        self.after_freeing: Observations | None = None
        self.events: list[PodEvent] = []
        self.workers = {uid: Worker(uid) for uid in held}
        workers: Any = self.workers
        settings = eviction_settings(transition=1)
        self.on_measure: Callable[[], None] = lambda: None
        health = HealthWatch(settings, folder, lambda: self.time, self._measure)
        self.volumes, self.logs = VolumeFolders(folder), LogFolders(folder / "logs")
        self.watch = EvictionWatch(
            self, workers, health, (self.volumes, self.logs), self._free, self.events.append,
            lambda: self.time,
        )  # fmt: skip

    async def sandbox_stats(self) -> list[api.PodSandboxStats]:
        self.measured += 1
        found = []
        for uid, size in self.held.items():
            one = api.PodSandboxStats(attributes=api.PodSandboxAttributes(labels={POD_UID: uid}))
            container = one.linux.containers.add()
            container.attributes.labels[CONTAINER_NAME] = "llm"
            container.memory.working_set_bytes.value = size
            found.append(one)
        return found

    def look(self, second: int) -> list[str]:
        """The UIDs of those evicted so far."""
        self.time = second * 1_000_000
        run(self.watch.look())
        return [uid for uid, worker in self.workers.items() if worker.endings]

    def _measure(self, disk: Path, image_disk: Path) -> Observations:
        self.on_measure()
        return self.seen

    async def _free(self) -> None:
        self.freed += 1
        self.seen = self.after_freeing or self.seen


def test_one_at_a_time_and_time_to_go(tmp_path: Path) -> None:
    rig = Rig(tmp_path, {"small": 2 * GIB, "large": 7 * GIB})
    assert rig.look(0) == ["large"]
    ending = rig.workers["large"].endings[0]
    assert (ending.reason, ending.grace_s) == ("Evicted", 0)
    assert ending.message == (
        "The node was low on resource: memory. Threshold quantity: 100Mi, available: 52Mi. "
        "Container llm was using 7Gi, request is 0, has larger consumption of memory. "
    )
    assert rig.look(10) == ["large"]  # its memory is not free yet
    assert rig.look(29) == ["large"]
    assert rig.look(30) == ["small", "large"]
    assert len(rig.workers["large"].endings) == 1
    assert [(one.reason, one.message) for one in rig.events] == [
        ("EvictionThresholdMet", "Attempting to reclaim memory")
    ]
    assert rig.freed == 0  # images are no memory


def test_the_next_goes_when_the_first_has_gone(tmp_path: Path) -> None:
    rig = Rig(tmp_path, {"small": 6 * GIB, "middle": 7 * GIB, "large": 8 * GIB})
    rig.look(0)
    rig.workers["large"].status = {"phase": "Failed"}
    assert rig.look(10) == ["large"]  # its volumes are not gone
    rig.workers["large"].is_reclaimed = True
    assert rig.look(20) == ["middle", "large"]
    del rig.held["large"], rig.workers["large"], rig.held["middle"], rig.workers["middle"]
    rig.seen = {Signal.MEMORY: Observation(0, 12 * GIB, is_short=True)}  # as a Mac's kernel says it
    assert rig.look(30) == ["small"]


def test_what_was_measured_before_the_first_had_gone_is_no_reason(tmp_path: Path) -> None:
    rig = Rig(tmp_path, {"small": 6 * GIB, "large": 8 * GIB})
    rig.look(0)
    rig.on_measure = lambda: setattr(rig.workers["large"], "is_reclaimed", True)
    assert rig.look(10) == ["large"]
    assert rig.look(20) == ["small", "large"]


def test_nobody_goes_for_memory_that_others_hold(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    rig = Rig(tmp_path, {"a": 7 * GIB})
    assert rig.look(0) == []
    assert rig.look(10) == []
    assert caplog.text.count("no pod is evicted: it is not theirs to give") == 1
    rig.seen = {Signal.MEMORY: Observation(52 << 20, 14 * GIB)}
    assert rig.look(20) == ["a"]


def test_nor_while_there_is_enough(tmp_path: Path) -> None:
    rig = Rig(tmp_path, {"a": 7 * GIB}, PLENTY)
    assert rig.look(0) == []
    rig.seen = {Signal.MEMORY: Observation(0, 8 * GIB, is_short=False)}
    assert rig.look(10) == []
    assert (rig.measured, rig.events) == (0, [])
    rig.seen = {Signal.PROCESSES: Observation(0, 100)}  # of that only a condition tells
    assert rig.look(20) == []


def test_images_go_before_pods_do(tmp_path: Path) -> None:
    rig = Rig(tmp_path, {"a": 0}, FULL)
    rig.after_freeing = PLENTY
    assert rig.look(0) == []
    assert (rig.freed, rig.measured) == (1, 0)
    assert [one.message for one in rig.events] == ["Attempting to reclaim ephemeral-storage"]


def test_then_the_pod_that_holds_most_of_the_disk(tmp_path: Path) -> None:
    rig = Rig(tmp_path, {"a": 0, "b": 0}, FULL)
    assert rig.look(0) == []  # neither has anything to give
    written = rig.volumes.of_volume("b", "emptyDir", "scratch")
    log = rig.logs.of_pod("default", "a", "a") / "llm"
    for folder, size in ((written, 40_000), (log, 8_000)):
        folder.mkdir(parents=True)
        (folder / "0").write_bytes(b"x" * size)
    assert rig.look(10) == ["b"]
    assert rig.workers["b"].endings[0].message == (
        "The node was low on resource: ephemeral-storage. Threshold quantity: 100000, available: 99000. "
    )


def test_one_that_goes_while_it_is_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rig = Rig(tmp_path, {"a": 0}, FULL)
    written = rig.volumes.of_volume("a", "emptyDir", "scratch")
    written.mkdir(parents=True)
    (written / "0").write_bytes(b"x" * 40_000)
    worker = rig.workers["a"]

    def measure(*words: Any) -> PodUsage:
        rig.workers.clear()
        return disk_usage(*words)

    monkeypatch.setattr("kubelet.pods.eviction_watch.disk_usage", measure)
    rig.look(0)
    assert worker.endings == []
