from __future__ import annotations

from pathlib import Path

import psutil
import pytest

from kubelet.node.machine import darwin_machine, go_architecture, read_machine

SYSCTLS = {
    "hw.model": "Mac14,12",
    "iogpu.wired_limit_mb": "0",
    "kern.bootsessionuuid": "0F3F1B5C-0000-4000-8000-000000000001",
    "kern.osproductversion": "15.6",
    "machdep.cpu.brand_string": "Apple M2 Pro",
}


def test_a_mac() -> None:
    device = {"IOPlatformUUID": "564D1B5C-0000-4000-8000-0000000000AA"}
    mac = darwin_machine(SYSCTLS, device, {"gpu-core-count": 19}, "24.6.0", 12, 32 << 30, 1 << 40)
    assert (mac.operating_system, mac.chip, mac.model) == ("darwin", "Apple M2 Pro", "Mac14,12")
    assert (mac.cpus, mac.gpu_cores, mac.memory_bytes, mac.gpu_limit_bytes) == (12, 19, 32 << 30, 0)
    assert (mac.kernel_version, mac.os_image) == ("24.6.0", "macOS 15.6")
    assert mac.boot_id == SYSCTLS["kern.bootsessionuuid"]
    assert mac.machine_id == "564d1b5c000040008000" + "0000000000aa"


def test_a_limit_that_an_administrator_set_is_seen() -> None:
    mac = darwin_machine(SYSCTLS | {"iogpu.wired_limit_mb": "28672"}, {}, {}, "24.6.0", 12, 32 << 30, 1 << 40)
    assert mac.gpu_limit_bytes == 28 << 30


def test_a_mac_that_says_nothing_is_not_made_up() -> None:
    mac = darwin_machine({}, {}, {"gpu-core-count": "?"}, "", 8, 16 << 30, 0)
    assert (mac.chip, mac.gpu_cores, mac.boot_id) == ("", 0, "")
    assert (mac.cpus, mac.memory_bytes) == (8, 16 << 30)  # without them no node is Ready
    assert mac.os_image == "macOS"


def test_this_machine_has_all_that_a_node_must_say(tmp_path: Path) -> None:
    machine = read_machine(tmp_path)
    assert machine.cpus == psutil.cpu_count()
    assert machine.memory_bytes == psutil.virtual_memory().total
    assert machine.disk_bytes == psutil.disk_usage(str(tmp_path)).total
    assert all(
        (machine.boot_id, machine.machine_id, machine.system_uuid, machine.kernel_version, machine.os_image)
    )
    assert machine == read_machine(tmp_path)


@pytest.mark.parametrize(
    ("given", "go"), [("x86_64", "amd64"), ("arm64", "arm64"), ("aarch64", "arm64"), ("riscv64", "riscv64")]
)
def test_go_names_of_architectures(given: str, go: str) -> None:
    assert go_architecture(given) == go
