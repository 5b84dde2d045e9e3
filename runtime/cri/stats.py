"""What containers use, as psutil tells it, on macOS and Linux alike."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import psutil

from runtime.api import cri_pb2 as api
from runtime.cri.records import Container, Sandbox


def container_stats(container: Container, pid: int, bundle: Path) -> api.ContainerStats:
    """Of one, with all processes that it has started; zeros when it has ended."""
    now = time.time_ns()
    cpu_ns, rss_bytes, _ = _usage(pid)
    used = [path.stat().st_size for path in bundle.rglob("*") if path.is_file() and not path.is_symlink()]
    return api.ContainerStats(
        attributes=api.ContainerAttributes(
            id=container.id,
            metadata=container.config.metadata,
            labels=container.config.labels,
            annotations=container.config.annotations,
        ),
        cpu=api.CpuUsage(timestamp=now, usage_core_nano_seconds=_number(cpu_ns)),
        memory=_memory(now, rss_bytes),
        writable_layer=api.FilesystemUsage(
            timestamp=now,
            fs_id=api.FilesystemIdentifier(mountpoint=str(bundle)),
            used_bytes=_number(sum(used)),
            inodes_used=_number(len(used)),
        ),
    )


def sandbox_stats(
    sandbox: Sandbox, containers: Sequence[api.ContainerStats], pids: int
) -> api.PodSandboxStats:
    """The sum of its containers; `pids`: how many of them live."""
    now = time.time_ns()
    found = api.PodSandboxStats(
        attributes=api.PodSandboxAttributes(
            id=sandbox.id,
            metadata=sandbox.config.metadata,
            labels=sandbox.config.labels,
            annotations=sandbox.config.annotations,
        )
    )
    found.linux.cpu.CopyFrom(
        api.CpuUsage(
            timestamp=now,
            usage_core_nano_seconds=_number(sum(one.cpu.usage_core_nano_seconds.value for one in containers)),
        )
    )
    found.linux.memory.CopyFrom(_memory(now, sum(one.memory.rss_bytes.value for one in containers)))
    found.linux.process.CopyFrom(api.ProcessUsage(timestamp=now, process_count=_number(pids)))
    found.linux.containers.extend(containers)
    return found


def _usage(pid: int) -> tuple[int, int, int]:
    """Nanoseconds of CPU, resident bytes, processes; the weights are in the bytes, as they are mapped."""
    cpu_ns = rss_bytes = count = 0
    try:
        root = psutil.Process(pid) if pid else None
        processes = [] if root is None else [root, *root.children(recursive=True)]
    except psutil.Error:
        processes = []
    for process in processes:
        try:
            with process.oneshot():
                times, memory = process.cpu_times(), process.memory_info()
        except psutil.Error:
            continue
        cpu_ns += int((times.user + times.system) * 1e9)
        rss_bytes += memory.rss
        count += 1
    return cpu_ns, rss_bytes, count


def _memory(now: int, rss_bytes: int) -> api.MemoryUsage:
    return api.MemoryUsage(
        timestamp=now,
        working_set_bytes=_number(rss_bytes),
        usage_bytes=_number(rss_bytes),
        rss_bytes=_number(rss_bytes),
    )


def _number(value: int) -> api.UInt64Value:
    return api.UInt64Value(value=value)
