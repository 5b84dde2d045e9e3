"""Starting a shim: a socket that listens already, and a process of its own session that has it.

Nothing heavy is imported here: this is on the way of every pod's start.
"""

from __future__ import annotations

import hashlib
import socket
import subprocess
import sys
from pathlib import Path

from bronzewillow.host.parsing import parse_json
from bronzewillow.host.paths import prepare_socket_folder, runtime_folder

_BACKLOG = 16
_POD_OF_CRI = "io.kubernetes.cri.sandbox-id"
_LOG = "shim.log"


def shim_socket(namespace: str, address: str, group: str) -> Path:
    """Where the shim of a pod listens, for one containerd."""
    name = hashlib.sha256(f"{address}\0{namespace}\0{group}".encode()).hexdigest()[:16]
    return runtime_folder() / "s" / f"{name}.sock"


def group_of(bundle: Path, container_id: str) -> str:
    """The pod that a container of containerd's CRI is in, else the container itself."""
    try:
        annotations = parse_json((bundle / "config.json").read_bytes()).get("annotations") or {}
        return str(annotations.get(_POD_OF_CRI) or container_id)
    except (OSError, ValueError, AttributeError):
        return container_id


def is_alive(path: Path) -> bool:
    """Whether a shim answers there."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            return False
    return True


def start_shim(
    path: Path, namespace: str, group: str, address: str, log_folder: Path
) -> subprocess.Popen[bytes]:
    """Make the shim that listens at `path`. ValueError, OSError.

    It outlives the caller; a caller that stays reaps it.
    """
    prepare_socket_folder(path)
    path.unlink(missing_ok=True)
    with (
        socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener,
        (log_folder / _LOG).open("ab") as log,
    ):
        listener.bind(str(path))
        path.chmod(0o600)
        listener.listen(_BACKLOG)
        command = [
            sys.executable, "-P", "-m", "runtime.shim", "-namespace", namespace, "-id", group,
            "-address", address, "-socket", str(path), "-listener", str(listener.fileno()), "serve",
        ]  # fmt: skip
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=(listener.fileno(),),
            start_new_session=True,
        )
