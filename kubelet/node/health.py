"""Whether the machine runs short of something, and for how long that counts.

What is short stays reported for five minutes after it is not any more (`evictionPressureTransitionPeriod`):
the scheduler shall not send back what was just sent away.
"""

from __future__ import annotations

import os
import resource
from dataclasses import dataclass
from pathlib import Path

import psutil

from kubelet.model.node_facts import Health
from kubelet.node.memory import MemoryReading, read_memory

_HOLD = 300 * 1_000_000


@dataclass(frozen=True, slots=True)
class Readings:
    """Of one moment."""

    memory: MemoryReading
    disk_free: float
    """The part that is free, 0 to 1."""
    inodes_free: float
    processes: float
    """The part of the allowed number that there is."""


class HealthWatch:
    """The kubelet's default thresholds, held."""

    def __init__(self) -> None:
        self._until: dict[str, int] = {}

    def look(self, readings: Readings, now: int) -> Health:
        """`now` is an Instant in microseconds."""
        return Health(
            is_memory_low=self._held("memory", readings.memory.is_low, now),
            is_disk_low=self._held("disk", readings.disk_free < 0.10 or readings.inodes_free < 0.05, now),
            is_pids_low=self._held("pids", readings.processes > 0.90, now),
        )

    def _held(self, what: str, is_low: bool, now: int) -> bool:
        if is_low:
            self._until[what] = now + _HOLD
        return now < self._until.get(what, now)


def read_health(disk: Path) -> Readings:
    """Of this machine. `disk`: a folder on the disk that images and pods are on."""
    files = os.statvfs(disk)
    return Readings(
        memory=read_memory(),
        disk_free=files.f_bavail / max(files.f_blocks, 1),
        inodes_free=files.f_favail / files.f_files if files.f_files else 1.0,  # some disks do not count them
        processes=_processes(),
    )


def _processes() -> float:
    allowed = resource.getrlimit(resource.RLIMIT_NPROC)[0]
    return 0.0 if allowed == resource.RLIM_INFINITY else len(psutil.pids()) / max(allowed, 1)
