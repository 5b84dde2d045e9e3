from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from kubelet.model.node_facts import Health
from kubelet.node.health import HealthWatch, Readings, read_health
from kubelet.node.memory import MemoryReading

MINUTE = 60 * 1_000_000
GOOD = Readings(MemoryReading(8 << 30, 8 << 30, 0), 0.5, 0.5, 0.1)


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, Health()),
        ({"memory": MemoryReading(99 << 20, 8 << 30, 0)}, Health(is_memory_low=True)),
        ({"disk_free": 0.09}, Health(is_disk_low=True)),
        ({"inodes_free": 0.04}, Health(is_disk_low=True)),
        ({"processes": 0.95}, Health(is_pids_low=True)),
    ],
)
def test_what_counts_as_short(changed: dict[str, Any], expected: Health) -> None:
    assert HealthWatch().look(dataclasses.replace(GOOD, **changed), 0) == expected


def test_it_counts_for_five_minutes_more() -> None:
    watch = HealthWatch()
    bad = dataclasses.replace(GOOD, disk_free=0.01)
    assert watch.look(bad, 0).is_disk_low
    assert watch.look(bad, 4 * MINUTE).is_disk_low
    assert watch.look(GOOD, 8 * MINUTE).is_disk_low
    assert not watch.look(GOOD, 9 * MINUTE).is_disk_low


def test_this_machine_can_be_read(tmp_path: Path) -> None:
    readings = read_health(tmp_path)
    assert readings.memory.available_bytes > 0
    assert 0 < readings.disk_free <= 1
    assert 0 < readings.inodes_free <= 1
    assert 0 <= readings.processes < 1
