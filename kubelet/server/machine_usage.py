"""What this machine uses, by psutil, on macOS and Linux alike."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import psutil

from kubelet.server.surroundings import NodeUsage


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
        network = psutil.net_io_counters()
        return NodeUsage(
            time.time_ns(),
            cpu_s,
            max((cpu_s - last_s) / elapsed_s, 0.0) if elapsed_s > 0 else 0.0,
            memory.total - memory.available,
            memory.available,
            disk.used,
            disk.free,
            disk.total,
            network.bytes_recv if network else 0,
            network.bytes_sent if network else 0,
            psutil.boot_time(),
        )

    @staticmethod
    def _cpu() -> tuple[float, int]:
        """Seconds of CPU since the machine started, all cores together; and when that was looked at."""
        times = psutil.cpu_times()
        return times.user + times.system + times.nice, time.monotonic_ns()
