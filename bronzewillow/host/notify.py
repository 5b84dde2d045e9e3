"""Telling whoever started us that we serve: a line on standard error, and systemd's socket."""

from __future__ import annotations

import contextlib
import os
import socket
import sys


def notify(state: str) -> None:
    """Send `state`, such as `READY=1`, to NOTIFY_SOCKET (sd_notify(3)); nothing happens without one."""
    path = os.environ.get("NOTIFY_SOCKET")
    if path:
        address = "\0" + path[1:] if path.startswith("@") else path
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notifier:
            notifier.sendto(state.encode(), address)


def tell_ready() -> None:
    """The line `ready`, and READY=1."""
    print("ready", file=sys.stderr, flush=True)  # noqa: T201
    notify("READY=1")
