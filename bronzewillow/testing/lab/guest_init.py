"""The first process of a guest: its root is the host's, read-only; it does what it reads from the console.

    python -m bronzewillow.testing.lab.guest_init FOLDER ...

A line in is a command in JSON: `argv`, `input`, and whether to `wait`; a line out is its end. The folders are
the host's as they are; the rest of what can be written is memory.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

READY = "guest is ready"
_going: list[subprocess.Popen[bytes]] = []
_MODULES = "/usr/lib/uml/modules"
_MOUNTS = (
    ("proc", "/proc"),
    ("sysfs", "/sys"),
    ("tmpfs", "/run"),
    ("tmpfs", "/var/tmp"),
    ("devtmpfs", "/dev"),
)


def prepare(folders: Sequence[str]) -> None:
    """What programs expect of a machine."""
    for kind, where in _MOUNTS:
        subprocess.run(["mount", "-t", kind, kind, where], check=False, capture_output=True)
    Path("/run/netns").mkdir()
    modules = Path("/run/modules/lib")
    modules.mkdir(parents=True)
    (modules / "modules").symlink_to(_MODULES)
    # the kernel loads what it lacks by this program
    loader = Path("/run/modprobe")
    loader.write_text('#!/bin/sh\nexec /sbin/modprobe -d /run/modules "$@"\n')
    loader.chmod(0o755)
    Path("/proc/sys/kernel/modprobe").write_text(str(loader))
    subprocess.run([str(loader), "ipv6"], check=False)
    # programs want a /tmp of their own; of the host's there is what we were told of, and written at once
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", "/tmp"], check=True)
    for folder in folders:
        Path(folder).mkdir(parents=True, exist_ok=True)
        subprocess.run(["mount", "-t", "hostfs", "-o", f"{folder},sync", "none", folder], check=True)
    programs = Path("/run/bin")
    programs.mkdir()
    for name in ("iptables", "iptables-restore", "ip6tables", "ip6tables-restore"):
        # this kernel has the older tables alone
        (programs / name).symlink_to("/usr/sbin/xtables-legacy-multi")
    os.environ["PATH"] = f"{programs}:/usr/sbin:/usr/bin:/sbin:/bin"


def obey(line: str) -> dict[str, Any]:
    """Carry out one command; what came of it."""
    command = json.loads(line)
    if not command.get("wait", True):
        with Path(command["log"]).open("ab") as log:
            process = subprocess.Popen(
                command["argv"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=command.get("env"),
                cwd=command.get("cwd"),
            )
        _going.append(process)
        return {"pid": process.pid}
    try:
        done = subprocess.run(
            command["argv"],
            input=command.get("input"),
            capture_output=True,
            text=True,
            check=False,
            timeout=command.get("timeout_s", 30),
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return {"code": 127, "out": "", "err": str(error)}
    return {"code": done.returncode, "out": done.stdout, "err": done.stderr}


def main() -> None:
    """Until the machine is killed."""
    prepare(sys.argv[1:])
    subprocess.run(["stty", "raw", "-echo"], stdin=sys.stdin, check=False)
    sys.stdout.write(f"\n{READY}\n")
    sys.stdout.flush()
    for line in sys.stdin:
        sys.stdout.write(json.dumps(obey(line)) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
