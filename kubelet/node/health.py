"""Whether the machine runs short of something, and for how long that counts.

What is short stays reported for five minutes after it is not any more (`evictionPressureTransitionPeriod`):
the scheduler shall not send back what was just sent away.
"""

from __future__ import annotations

import os
import resource
import sys
from dataclasses import dataclass
from pathlib import Path

import psutil

from kubelet.model.node_facts import Health
from kubelet.node.kernel_facts import read_sysctl

_HOLD = 300 * 1_000_000
_PRESSURE = "kern.memorystatus_vm_pressure_level"
_CRITICAL = 4
_LEAST_MEMORY = 100 << 20


@dataclass(frozen=True, slots=True)
class Readings:
    """Of one moment."""

    memory_available_bytes: int
    pressure_level: int
    """macOS: 1 normal, 2 warning, 4 critical; 0 elsewhere. Free memory says little there."""
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
        if readings.pressure_level:
            is_memory_low = readings.pressure_level >= _CRITICAL
        else:
            is_memory_low = readings.memory_available_bytes < _LEAST_MEMORY
        return Health(
            is_memory_low=self._held("memory", is_memory_low, now),
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
        memory_available_bytes=psutil.virtual_memory().available,
        pressure_level=_pressure_level(),
        disk_free=files.f_bavail / max(files.f_blocks, 1),
        inodes_free=files.f_favail / files.f_files if files.f_files else 1.0,  # some disks do not count them
        processes=_processes(),
    )


def _pressure_level() -> int:
    if sys.platform != "darwin":
        return 0
    text = read_sysctl(_PRESSURE).get(_PRESSURE, "")
    return int(text) if text.isdecimal() else 1


def _processes() -> float:
    allowed = resource.getrlimit(resource.RLIMIT_NPROC)[0]
    return 0.0 if allowed == resource.RLIM_INFINITY else len(psutil.pids()) / max(allowed, 1)
