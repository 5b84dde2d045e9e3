"""Where a lab's worker stands: in namespaces of this machine, or on a second Linux."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from bronzewillow.testing.lab.features import ENVIRONMENT_VARIABLE
from bronzewillow.testing.lab.guest import Guest, GuestNamespace
from bronzewillow.testing.lab.peers.peer import OUT_MTU, Site
from bronzewillow.testing.lab.topology import Create

Place = Callable[[Create, Path, int], AbstractContextManager[Site]]
"""Makes the namespaces of a lab, with so many for pods of the worker."""


@contextmanager
def on_this_kernel(create: Create, folder: Path, pods: int) -> Iterator[Site]:
    """All of it."""
    worker, mac = create("worker"), create("mac")
    yield Site(worker, mac, tuple(create(f"pod{number}") for number in range(pods)), folder, folder)


@contextmanager
def in_guest(create: Create, folder: Path, pods: int) -> Iterator[Site]:
    """The worker and its pods on a second Linux, behind a tap of the Mac's namespace."""
    mac = create("mac")
    mac.ip("tuntap", "add", "dev", "out0", "mode", "tap")
    mac.ip("link", "set", "out0", "mtu", str(OUT_MTU), "up")
    guest = Guest(mac, "out0", folder, Path(os.environ[ENVIRONMENT_VARIABLE]))
    try:
        worker = GuestNamespace(guest)
        worker.quieten()
        worker.ip("link", "set", "vec0", "name", "out0")
        worker.ip("link", "set", "out0", "up")
        # its device cannot say which checksums it has left to others, so it leaves none
        worker.attempt("ethtool", "-K", "out0", "tx", "off", "tso", "off", "gso", "off")
        inside = tuple(GuestNamespace.make(guest, f"pod{number}") for number in range(pods))
        yield Site(worker, mac, inside, folder, Path("/run"), is_wired=True)
    finally:
        guest.close()
