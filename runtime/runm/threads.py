"""How many threads llama.cpp may use. Its workers spin: one too many on a busy machine, and all of them
crawl.
"""

from __future__ import annotations

import os
import subprocess
import sys


def default_threads() -> int:
    """Performance cores minus one, at least 1; efficiency cores and hyper-threads do not count."""
    return max(1, performance_cores() - 1)


def performance_cores() -> int:
    """Cores of the fastest kind."""
    if sys.platform == "darwin":
        return _sysctl("hw.perflevel0.physicalcpu") or _sysctl("hw.physicalcpu") or 1
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _sysctl(name: str) -> int:
    try:
        result = subprocess.run(["/usr/sbin/sysctl", "-n", name], capture_output=True, text=True, check=True)
        return int(result.stdout)
    except (OSError, subprocess.CalledProcessError, ValueError):
        return 0
