"""Whose certificates count where nobody says: the system's own list, also where OpenSSL does not find it."""

from __future__ import annotations

import ssl
import sys
from pathlib import Path

_MACOS = Path("/etc/ssl/cert.pem")


def overlooked_authorities(list_of_system: Path = _MACOS) -> Path | None:
    """The file that a default context of `ssl` lacks; None where it lacks nothing.

    Python of python.org for macOS knows no authority at all before somebody has run the "Install
    Certificates" that is beside it. macOS keeps a list of its own in a file.
    """
    if sys.platform != "darwin" or ssl.get_default_verify_paths().cafile is not None:
        return None
    return list_of_system if list_of_system.is_file() else None
