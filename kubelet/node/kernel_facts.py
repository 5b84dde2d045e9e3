"""What the system's own programs say: `sysctl` on macOS and Linux, `ioreg` on macOS. No /proc."""

from __future__ import annotations

import plistlib
import shutil
import subprocess
from typing import Any
from xml.parsers.expat import ExpatError

_TIMEOUT_S = 10.0


def read_sysctl(*names: str) -> dict[str, str]:
    """Those that this kernel has; none where there is no such program."""
    return parse_sysctl(_output("sysctl", *names).decode("utf-8", "replace"))


def parse_sysctl(text: str) -> dict[str, str]:
    """`name: value` of macOS, `name = value` of Linux; a line each."""
    found = {}
    for line in text.splitlines():
        for mark in (": ", " = "):
            name, separator, value = line.partition(mark)
            if separator and " " not in name:
                found[name] = value.strip()
                break
    return found


def read_ioreg(kind: str) -> dict[str, Any]:
    """The properties of the first device of a class; empty without one."""
    return parse_ioreg(_output("ioreg", "-a", "-r", "-d1", "-c", kind))


def parse_ioreg(raw: bytes) -> dict[str, Any]:
    """A property list with a list of devices."""
    if not raw.strip():
        return {}
    try:
        devices = plistlib.loads(raw)
    except (ValueError, ExpatError):
        return {}
    first = devices[0] if isinstance(devices, list) and devices else None
    return first if isinstance(first, dict) else {}


def _output(program: str, *arguments: str) -> bytes:
    """What it prints, whatever it thinks of part of its arguments."""
    path = shutil.which(program, path="/usr/sbin:/sbin:/usr/bin:/bin")
    if path is None:
        return b""
    try:
        return subprocess.run(
            [path, *arguments], capture_output=True, timeout=_TIMEOUT_S, check=False, stdin=subprocess.DEVNULL
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        return b""
