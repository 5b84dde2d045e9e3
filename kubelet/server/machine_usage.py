"""What this machine uses, by psutil, on macOS and Linux alike."""

from __future__ import annotations

import os
import resource
import shutil
import time
from pathlib import Path

import psutil

from kubelet.server.surroundings import InterfaceUsage, NodeUsage


class PsutilMachine:
    """The machine; `folder` is on the disk that pods and images use."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._last = self._cpu()

    def usage(self) -> NodeUsage:
        """Now; cores in use since the call before."""
        cpu_s, now_ns = self._cpu()
        last_s, last_ns = self._last
        self._last = cpu_s, now_ns
        elapsed_s = (now_ns - last_ns) / 1e9
        memory = psutil.virtual_memory()
        disk = shutil.disk_usage(self._folder)
        network, swap = psutil.net_io_counters(pernic=True), psutil.swap_memory()
        files, most = os.statvfs(self._folder), resource.getrlimit(resource.RLIMIT_NPROC)[0]
        total = [sum(getattr(one, name) for one in network.values()) for name in ("bytes_recv", "bytes_sent")]
        return NodeUsage(
            time.time_ns(),
            cpu_s,
            max((cpu_s - last_s) / elapsed_s, 0.0) if elapsed_s > 0 else 0.0,
            memory.total - memory.available,
            memory.available,
            disk.used,
            disk.free,
            disk.total,
            total[0],
            total[1],
            psutil.boot_time(),
            psutil.cpu_count() or 1,
            files.f_files,
            files.f_favail,
            len(psutil.pids()),
            None if most == resource.RLIM_INFINITY else most,
            swap.used,
            swap.free,
            tuple(
                InterfaceUsage(name, one.bytes_recv, one.errin, one.bytes_sent, one.errout)
                for name, one in sorted(network.items())
            ),
        )

    @staticmethod
    def _cpu() -> tuple[float, int]:
        """Seconds of CPU since the machine started, all cores together; and when that was looked at."""
        times = psutil.cpu_times()
        return times.user + times.system + times.nice, time.monotonic_ns()
