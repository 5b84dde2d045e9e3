"""Whether this machine runs short of something: measured here, judged by `model.pressure`."""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import sys
from collections.abc import Callable
from pathlib import Path

import psutil

from kubelet.model.node_facts import Health
from kubelet.model.pressure import Observation, Observations, Pressure, PressureState
from kubelet.model.thresholds import EvictionSettings, Signal
from kubelet.node.memory import read_memory

Read = Callable[[Path, Path], Observations]
"""Of the disk that pods are on, and of the one that images are on. May block."""


class HealthWatch:
    """One for all who ask: the Node's conditions, and what is done about them, shall not differ."""

    def __init__(self, settings: EvictionSettings, disk: Path, now: Callable[[], int], read: Read) -> None:
        """`disk`: a folder on the disk that pods are on; `now` gives Instants."""
        self.settings = settings
        self._state = PressureState(settings)
        self._disk, self._now, self._read = disk, now, read
        self.image_disk = disk
        """A folder on the one that images are on, once the runtime has told."""

    async def look(self) -> Pressure:
        """Measure memory and disks, and judge them."""
        seen = await asyncio.to_thread(self._read, self._disk, self.image_disk)
        return self._state.look(seen, self._now())


def health_of(pressure: Pressure) -> Health:
    """As the Node's conditions have it."""
    return Health(
        is_memory_low="MemoryPressure" in pressure.conditions,
        is_disk_low="DiskPressure" in pressure.conditions,
        is_pids_low="PIDPressure" in pressure.conditions,
    )


def read_machine_health(disk: Path, image_disk: Path) -> Observations:
    """Of this machine; what cannot be measured is left out."""
    found = {Signal.MEMORY: read_memory()}
    for folder, space, files in (
        (disk, Signal.NODE_DISK, Signal.NODE_FILES),
        (image_disk, Signal.IMAGE_DISK, Signal.IMAGE_FILES),
    ):
        with contextlib.suppress(OSError):
            found |= _of_disk(folder, space, files)
    allowed = resource.getrlimit(resource.RLIMIT_NPROC)[0]
    if allowed != resource.RLIM_INFINITY:
        found[Signal.PROCESSES] = Observation(max(allowed - len(psutil.pids()), 0), allowed)
    return found


def _of_disk(folder: Path, space: Signal, files: Signal) -> Observations:
    seen = os.statvfs(folder)
    found = {space: Observation(seen.f_bavail * seen.f_frsize, seen.f_blocks * seen.f_frsize)}
    # some file systems do not count them; macOS cuts their numbers to 32 bits, and APFS makes what it needs
    if seen.f_files and sys.platform != "darwin":
        found[files] = Observation(seen.f_favail, seen.f_files)
    return found
