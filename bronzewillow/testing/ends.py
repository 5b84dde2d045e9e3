"""Whether processes are over that a test has not started itself."""

from __future__ import annotations

import psutil


def has_ended(pid: int) -> bool:
    """Also one that nobody has waited for. What it had open closes a moment before it ends."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
