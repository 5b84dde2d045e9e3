"""How the C library keeps memory that was freed, for a process that moves many buffers of 64 KiB."""

from __future__ import annotations

import ctypes
import sys

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # glibc's malloc.h
_KEPT_BYTES = 16 << 20
_LARGE_BYTES = 1 << 20


def keep_freed_memory() -> bool:
    """Let up to 16 MiB of freed memory stay with the process. False where the C library is not glibc.

    glibc gives the end of its heap back as soon as 128 KiB of it are free. A process that frees a train of
    datagrams and makes the next one does so for each, and every 4 KiB come back by a page fault, zeroed: that
    was up to half of the CPU time of bulk transfers.
    """
    if sys.platform != "linux":
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:  # musl
        return False
    return all(
        mallopt(knob, size) == 1
        for knob, size in ((_M_TRIM_THRESHOLD, _KEPT_BYTES), (_M_MMAP_THRESHOLD, _LARGE_BYTES))
    )
