"""How much memory is left. On a Mac free memory says little: its kernel says when it is short."""

from __future__ import annotations

import sys

import psutil

from kubelet.model.pressure import Observation
from kubelet.node.kernel_facts import read_sysctl

_PRESSURE = "kern.memorystatus_vm_pressure_level"
_CRITICAL = 4
"""1 is normal, 2 a warning."""


def read_memory() -> Observation:
    """Of this machine. Blocks: on macOS it asks a program."""
    memory = psutil.virtual_memory()
    return observed(memory.available, memory.total, _pressure_level())


def observed(available_bytes: int, total_bytes: int, level: int) -> Observation:
    """`level` is macOS's, 0 elsewhere."""
    return Observation(available_bytes, total_bytes, level >= _CRITICAL if level else None)


def _pressure_level() -> int:
    if sys.platform != "darwin":
        return 0
    text = read_sysctl(_PRESSURE).get(_PRESSURE, "")
    return int(text) if text.isdecimal() else 1
