from __future__ import annotations

import dataclasses

import pytest

from kubelet.model.node_facts import Machine
from kubelet.model.node_resources import (
    METAL_MEMORY,
    allocatable,
    capacity,
    reserved_bytes,
    wired_limit_bytes,
)

GIB = 1 << 30
MAC = Machine(
    "darwin", "arm64", "Apple M2 Pro", "Mac14,12", 12, 19, 32 * GIB, 0, 460 * GIB, "24.6.0", "macOS 15.6",
    "boot", "564d", "564D",
)  # fmt: skip


def test_a_macs_memory_is_counted_once_and_what_the_gpu_may_have_of_it_is_shown() -> None:
    assert capacity(MAC, 110) == {
        "cpu": "12",
        "memory": f"{32 << 20}Ki",
        "ephemeral-storage": f"{460 << 20}Ki",
        "pods": "110",
        METAL_MEMORY: str(32 * 1024 * 67 // 100),
    }
    left = allocatable(MAC, 110)
    assert left == {
        "cpu": "10800m",
        "memory": f"{28 << 20}Ki",
        "ephemeral-storage": f"{414 << 20}Ki",
        "pods": "110",
        METAL_MEMORY: "21954",
    }
    assert int(left[METAL_MEMORY]) * 1024 <= int(left["memory"].removesuffix("Ki"))


@pytest.mark.parametrize(
    ("memory_gib", "limit_gib", "wired_gib"),
    [(64, 0, 48), (36, 0, 24), (32, 28, 28), (32, 64, 32)],
)
def test_what_the_gpu_may_wire(memory_gib: int, limit_gib: int, wired_gib: int) -> None:
    mac = dataclasses.replace(MAC, memory_bytes=memory_gib * GIB, gpu_limit_bytes=limit_gib * GIB)
    assert wired_limit_bytes(mac) // GIB == wired_gib


@pytest.mark.parametrize(
    ("memory_gib", "reserved_gib"), [(128, 16), (32, 4), (16, 4), (8, 4), (4, 2), (0, 0)]
)
def test_the_system_has_its_part(memory_gib: int, reserved_gib: int) -> None:
    assert reserved_bytes(dataclasses.replace(MAC, memory_bytes=memory_gib * GIB)) == reserved_gib * GIB


def test_a_limit_above_what_is_left_is_no_promise() -> None:
    mac = dataclasses.replace(MAC, gpu_limit_bytes=31 * GIB)
    assert allocatable(mac, 110)[METAL_MEMORY] == str(28 * 1024)


def test_a_machine_without_metal_has_none() -> None:
    assert METAL_MEMORY not in allocatable(dataclasses.replace(MAC, operating_system="linux"), 110)
