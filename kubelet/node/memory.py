"""Whether memory is short, and how short. On a Mac free memory says little: its kernel says when it is."""

from __future__ import annotations

import sys
from dataclasses import dataclass

import psutil

from kubelet.node.kernel_facts import read_sysctl

LEAST_BYTES = 100 << 20
"""A kubelet's `memory.available<100Mi`."""
_PRESSURE = "kern.memorystatus_vm_pressure_level"
_CRITICAL = 4


@dataclass(frozen=True, slots=True)
class MemoryReading:
    """Of one moment."""

    available_bytes: int
    used_bytes: int
    """By all processes."""
    pressure_level: int
    """macOS: 1 normal, 2 warning, 4 critical; 0 elsewhere."""

    @property
    def is_low(self) -> bool:
        """What the condition MemoryPressure and evictions go by."""
        if self.pressure_level:
            return self.pressure_level >= _CRITICAL
        return self.available_bytes < LEAST_BYTES


def read_memory() -> MemoryReading:
    """Of this machine. Blocks: on macOS it asks a program."""
    memory = psutil.virtual_memory()
    return MemoryReading(memory.available, memory.total - memory.available, _pressure_level())


def _pressure_level() -> int:
    if sys.platform != "darwin":
        return 0
    text = read_sysctl(_PRESSURE).get(_PRESSURE, "")
    return int(text) if text.isdecimal() else 1
