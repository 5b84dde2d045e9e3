"""create, start, state, kill, delete: the verbs of the OCI runtime specification (runtime.md, Lifecycle)."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from pathlib import Path

from runtime.oci.bundle import load_bundle
from runtime.oci.errors import BundleError, WrongStatus
from runtime.oci.spare import Spare
from runtime.oci.state import START, ContainerFolder, State, Status

_STDOUT, _STDERR = 1, 2


def create(
    root: Path,
    container_id: str,
    bundle: Path,
    stdout: int = _STDOUT,
    stderr: int = _STDERR,
    spare: Spare | None = None,
) -> subprocess.Popen[bytes]:
    """A container that waits for `start`. BundleError, ContainerExists.

    Its output goes to the descriptors. Its process is the `spare` one, which is used up by success only.
    """
    loaded = load_bundle(bundle)
    if not loaded.rootfs.is_dir():
        raise BundleError(f"{loaded.rootfs}: the bundle's root is no folder")
    folder = ContainerFolder.make(root, container_id, loaded)
    try:
        given = spare or Spare(root)
        if not given.become(folder, stdout, stderr):
            code = given.process.wait()
            raise BundleError(f"container {container_id!r} ended with {code} before it could be started")
    except BaseException:
        folder.remove()
        raise
    return given.process


def start(root: Path, container_id: str) -> None:
    """Let a created container run. WrongStatus."""
    folder = ContainerFolder.find(root, container_id)
    _require(folder, Status.CREATED, "started")
    try:
        # the reader has been there since `create`, or it has died
        descriptor = os.open(folder.path / START, os.O_WRONLY | os.O_NONBLOCK)
    except OSError:
        raise WrongStatus(f"container {container_id!r} ended before it was started") from None
    os.write(descriptor, b"+")
    os.close(descriptor)
    (folder.path / START).unlink(missing_ok=True)


def state(root: Path, container_id: str) -> State:
    """How it is now. NoSuchContainer."""
    return ContainerFolder.find(root, container_id).state()


def states(root: Path) -> list[State]:
    """The states of all containers below `root`."""
    return [folder.state() for folder in ContainerFolder.all(root)]


def kill(root: Path, container_id: str, number: int) -> None:
    """Send a signal to a container that was created or runs. WrongStatus."""
    folder = ContainerFolder.find(root, container_id)
    found = folder.state()
    if found.status not in (Status.CREATED, Status.RUNNING) or not found.pid:
        raise WrongStatus(f"container {container_id!r} is {found.status}, not running")
    with contextlib.suppress(ProcessLookupError):  # it has ended since
        os.kill(found.pid, number)


def delete(root: Path, container_id: str, *, force: bool = False) -> None:
    """Forget a stopped container; with `force` end it first. WrongStatus."""
    folder = ContainerFolder.find(root, container_id)
    if force and folder.is_alive():
        with contextlib.suppress(WrongStatus):  # it may have ended by itself a moment ago
            kill(root, container_id, signal.SIGKILL)
            folder.wait()
    if folder.is_alive():
        status = folder.state().status
        raise WrongStatus(f"container {container_id!r} is {status}; stop it first, or use --force")
    folder.remove()


def _require(folder: ContainerFolder, status: Status, wanted: str) -> None:
    found = folder.state().status
    if found is not status:
        raise WrongStatus(f"container {folder.id!r} is {found}; only a {status} one can be {wanted}")
