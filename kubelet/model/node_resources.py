"""How much of a machine pods may have.

On a Mac, CPU and GPU share one memory. It is counted once, as `memory`: all but what is kept for the system.
What the GPU may wire of it is shown besides, as `bronzewillow.io/metal-memory-mi` in MiB; a pod that requests
it must request at least as much memory.
"""

from __future__ import annotations

from kubelet.model.node_facts import Machine

METAL_MEMORY = "bronzewillow.io/metal-memory-mi"
_GIB = 1 << 30
_MIB = 1 << 20
_LEAST_RESERVE = 4 * _GIB


def capacity(machine: Machine, pods: int) -> dict[str, str]:
    """As a Node has it."""
    amounts = {
        "cpu": str(machine.cpus),
        "memory": f"{machine.memory_bytes // 1024}Ki",
        "ephemeral-storage": f"{machine.disk_bytes // 1024}Ki",
        "pods": str(pods),
    }
    if machine.operating_system == "darwin":
        amounts[METAL_MEMORY] = str(wired_limit_bytes(machine) // _MIB)
    return amounts


def allocatable(machine: Machine, pods: int) -> dict[str, str]:
    """What is left when the system has its part: a tenth of CPUs and disk, and an eighth of memory."""
    left_bytes = machine.memory_bytes - reserved_bytes(machine)
    amounts = {
        **capacity(machine, pods),
        "cpu": _cpu(machine.cpus * 900),
        "memory": f"{left_bytes // 1024}Ki",
        "ephemeral-storage": f"{machine.disk_bytes * 9 // 10 // 1024}Ki",
    }
    if METAL_MEMORY in amounts:
        amounts[METAL_MEMORY] = str(min(wired_limit_bytes(machine), left_bytes) // _MIB)
    return amounts


def reserved_bytes(machine: Machine) -> int:
    """Of memory, kept for the system and the node's own programs."""
    total = machine.memory_bytes
    return min(max(_LEAST_RESERVE, total // 8), total // 2)


def wired_limit_bytes(machine: Machine) -> int:
    """What macOS lets the GPU wire: two thirds of the memory, three quarters above 36 GiB, or what is set."""
    total = machine.memory_bytes
    if machine.gpu_limit_bytes:
        return min(machine.gpu_limit_bytes, total)
    return total * 3 // 4 if total > 36 * _GIB else total * 67 // 100


def _cpu(milli: int) -> str:
    return str(milli // 1000) if milli % 1000 == 0 else f"{milli}m"
