"""How many files and sockets this process, and those that it starts, may have open."""

from __future__ import annotations

import resource

_WANTED = (65536, 10240)
"""macOS gives a program 256, and takes at least the second number (OPEN_MAX of sys/syslimits.h)."""


def raise_open_files() -> int:
    """As many as the system lets us have, of what we want; the limit from now on, RLIM_INFINITY for none."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for wanted in _WANTED if soft != resource.RLIM_INFINITY else ():
        limit = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        if limit <= soft:
            break
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
        except (ValueError, OSError):  # more than macOS's kern.maxfilesperproc
            continue
        return limit
    return soft
