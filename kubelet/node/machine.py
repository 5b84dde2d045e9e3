"""What this machine is. Read once at start: nothing of it changes while it runs."""

from __future__ import annotations

import platform
import re
import sys
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil

from kubelet.model.node_facts import Machine
from kubelet.node.kernel_facts import read_ioreg, read_sysctl

_ARCHITECTURES = {"x86_64": "amd64", "AMD64": "amd64", "aarch64": "arm64"}
_SYSCTLS = {
    "darwin": (
        "hw.model",
        "iogpu.wired_limit_mb",
        "kern.bootsessionuuid",
        "kern.osproductversion",
        "machdep.cpu.brand_string",
    ),
    "linux": ("kernel.random.boot_id",),
}


def read_machine(disk: Path) -> Machine:
    """This one. `disk`: a folder on the disk that images and pods are on."""
    cpus, memory_bytes = psutil.cpu_count() or 1, psutil.virtual_memory().total
    disk_bytes = psutil.disk_usage(str(disk)).total
    if sys.platform == "darwin":
        platform_device = read_ioreg("IOPlatformExpertDevice")
        return darwin_machine(
            read_sysctl(*_SYSCTLS["darwin"]),
            platform_device,
            read_ioreg("AGXAccelerator"),
            platform.release(),
            cpus,
            memory_bytes,
            disk_bytes,
        )
    return _other_machine(cpus, memory_bytes, disk_bytes)


def darwin_machine(
    sysctls: Mapping[str, str],
    platform_device: Mapping[str, Any],
    accelerator: Mapping[str, Any],
    release: str,
    cpus: int,
    memory_bytes: int,
    disk_bytes: int,
) -> Machine:
    """A Mac, of what its kernel says; pure."""
    gpu_cores = accelerator.get("gpu-core-count")
    system_uuid = str(platform_device.get("IOPlatformUUID") or "")
    return Machine(
        operating_system="darwin",
        architecture=go_architecture(platform.machine() if sys.platform == "darwin" else "arm64"),
        chip=sysctls.get("machdep.cpu.brand_string", ""),
        model=sysctls.get("hw.model", ""),
        cpus=cpus,
        gpu_cores=gpu_cores if isinstance(gpu_cores, int) else 0,
        memory_bytes=memory_bytes,
        gpu_limit_bytes=_number(sysctls.get("iogpu.wired_limit_mb")) << 20,
        disk_bytes=disk_bytes,
        kernel_version=release,
        # programs built for earlier systems are told of macOS 16, or of 10.16, in `platform.mac_ver()`
        os_image=f"macOS {sysctls.get('kern.osproductversion', '')}".strip(),
        boot_id=sysctls.get("kern.bootsessionuuid", ""),
        machine_id=system_uuid.replace("-", "").lower(),
        system_uuid=system_uuid,
    )


def go_architecture(machine: str) -> str:
    """`platform.machine()` in Go's words."""
    return _ARCHITECTURES.get(machine, machine)


def _other_machine(cpus: int, memory_bytes: int, disk_bytes: int) -> Machine:
    """Linux, or another: for tests and trials."""
    sysctls = read_sysctl(*_SYSCTLS.get(sys.platform, ()))
    machine_id = _machine_id()
    return Machine(
        operating_system=sys.platform,
        architecture=go_architecture(platform.machine()),
        chip=platform.processor() or platform.machine(),
        model="",
        cpus=cpus,
        gpu_cores=0,
        memory_bytes=memory_bytes,
        gpu_limit_bytes=0,
        disk_bytes=disk_bytes,
        kernel_version=platform.release(),
        os_image=_os_image(),
        # where the kernel does not say, the instant of the boot tells boots apart
        boot_id=sysctls.get("kernel.random.boot_id")
        or str(uuid.uuid5(uuid.NAMESPACE_OID, f"{int(psutil.boot_time())}")),
        machine_id=machine_id,
        system_uuid=str(uuid.UUID(machine_id)) if re.fullmatch("[0-9a-f]{32}", machine_id) else machine_id,
    )


def _os_image() -> str:
    try:
        return platform.freedesktop_os_release().get("PRETTY_NAME", platform.system())
    except OSError:
        return platform.system()


def _machine_id() -> str:
    try:
        return Path("/etc/machine-id").read_text().strip()
    except OSError:
        return f"{uuid.getnode():012x}"  # the hardware's own address


def _number(text: str | None) -> int:
    return int(text) if text and text.isdecimal() else 0
