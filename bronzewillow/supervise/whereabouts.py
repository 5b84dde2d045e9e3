"""Where the sockets are of the node that `up` runs: another session may have another runtime folder."""

from __future__ import annotations

import contextlib
from pathlib import Path

from bronzewillow.host.paths import control_socket, state_folder


def up_lock() -> Path:
    """The file that the one `up` of a state folder has, and writes its agent's socket into."""
    return state_folder() / "up" / "lock"


def note_socket() -> None:
    """For `noted_socket`. A disk without room for it is no reason to end."""
    with contextlib.suppress(OSError):
        up_lock().write_text(f"{control_socket().absolute()}\n")


def noted_socket() -> Path | None:
    """Of the node that is there; None when there is none."""
    try:
        path = Path(up_lock().read_text().strip())
        return path if path.is_socket() else None
    except (OSError, ValueError):
        return None
