from __future__ import annotations

import sys
from pathlib import Path

import pytest

from bronzewillow.testing.aio import run
from kubelet.model.node_facts import Health
from kubelet.model.pressure import Observation, Observations, Pressure
from kubelet.model.thresholds import EvictionSettings, Signal
from kubelet.node.health import HealthWatch, health_of, read_machine_health


def test_what_is_measured_is_judged() -> None:
    asked: list[tuple[Path, Path]] = []

    def read(disk: Path, image_disk: Path) -> Observations:
        asked.append((disk, image_disk))
        return {Signal.IMAGE_DISK: Observation(14, 100)}

    watch = HealthWatch(EvictionSettings(), Path("/pods"), lambda: 0, read)
    assert run(watch.look()).conditions == {"DiskPressure"}
    watch.image_disk = Path("/images")
    run(watch.look())
    assert asked == [(Path("/pods"), Path("/pods")), (Path("/pods"), Path("/images"))]


def test_what_a_node_tells() -> None:
    assert health_of(Pressure()) == Health()
    short = frozenset({"MemoryPressure", "PIDPressure"})
    assert health_of(Pressure(short)) == Health(is_memory_low=True, is_pids_low=True)
    assert health_of(Pressure(frozenset({"DiskPressure"}))) == Health(is_disk_low=True)


def test_this_machine_can_be_read(tmp_path: Path) -> None:
    seen = read_machine_health(tmp_path, tmp_path / "missing")
    assert Signal.IMAGE_DISK not in seen  # a disk that is not there is not measured
    for one in seen.values():
        assert 0 < one.available <= one.capacity
    assert {Signal.MEMORY, Signal.NODE_DISK} <= set(seen)


def test_files_that_a_mac_cannot_count_are_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kubelet.node.health.read_memory", lambda: Observation(1, 2))
    monkeypatch.setattr(sys, "platform", "darwin")
    seen = read_machine_health(tmp_path, tmp_path)
    assert {Signal.NODE_DISK, Signal.IMAGE_DISK} <= set(seen)
    assert not {Signal.NODE_FILES, Signal.IMAGE_FILES} & set(seen)
