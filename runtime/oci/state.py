"""Containers on disk, and what a container's status is.

    <root>/<id>/container.json    what was made, written once
    <root>/<id>/alive             locked (flock) by the process for as long as it lives
    <root>/<id>/start             a pipe on which a created container waits; gone once it was started

A lock dies with its process, however that ends, so nothing has to be written down at the end, and a pid that
another process has by now is never taken for ours. That is also why no /proc is needed.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from bronzewillow.host.parsing import parse_json
from bronzewillow.host.paths import make_private
from runtime.oci.bundle import Bundle
from runtime.oci.errors import BundleError, ContainerExists, NoSuchContainer

OCI_VERSION = "1.0.2"
ALIVE, START = "alive", "start"
_RECORD, _PID = "container.json", "pid"
_ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]{0,254}")


class Status(StrEnum):
    """OCI runtime specification, runtime.md."""

    CREATING = "creating"
    CREATED = "created"
    RUNNING = "running"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class State:
    """One container as it is now."""

    id: str
    status: Status
    pid: int
    """0 while there is no process."""
    bundle: Path
    annotations: dict[str, str]
    created: str
    """RFC 3339."""

    def to_json(self) -> dict[str, Any]:
        """OCI runtime specification, runtime.md, State."""
        value: dict[str, Any] = {"ociVersion": OCI_VERSION, "id": self.id, "status": self.status.value}
        if self.pid:
            value["pid"] = self.pid
        return value | {"bundle": str(self.bundle), "annotations": self.annotations}


def check_id(container_id: str) -> str:
    """An id that may be a folder's name. BundleError."""
    if not _ID.fullmatch(container_id):
        raise BundleError(f"id {container_id!r}: use letters, digits and _ . + -, at most 255")
    return container_id


class ContainerFolder:
    """What is kept of one container."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def make(cls, root: Path, container_id: str, bundle: Bundle) -> ContainerFolder:
        """A new one. ContainerExists."""
        make_private(root)
        path = root / check_id(container_id)
        try:
            path.mkdir(mode=0o700)
        except FileExistsError:
            raise ContainerExists(f"container {container_id!r} is there already") from None
        folder = cls(path)
        os.mkfifo(path / START, 0o600)
        record = {
            "bundle": str(bundle.folder),
            "annotations": dict(bundle.annotations),
            "created": datetime.now(UTC).isoformat(),
        }
        folder._write(_RECORD, json.dumps(record))
        return folder

    @classmethod
    def find(cls, root: Path, container_id: str) -> ContainerFolder:
        """NoSuchContainer when it is not there."""
        path = root / check_id(container_id)
        if not path.is_dir():
            raise NoSuchContainer(f"container {container_id!r} is not there")
        return cls(path)

    @classmethod
    def all(cls, root: Path) -> Iterator[ContainerFolder]:
        """Every container below `root`, by id."""
        with contextlib.suppress(FileNotFoundError):
            yield from (cls(path) for path in sorted(root.iterdir()) if path.is_dir())

    @property
    def id(self) -> str:
        """The container's id."""
        return self.path.name

    def state(self) -> State:
        """The state now, by the lock of its process."""
        try:
            record = parse_json((self.path / _RECORD).read_bytes())
            bundle, annotations = Path(record["bundle"]), dict(record["annotations"])
            created = str(record["created"])
        except (OSError, ValueError, KeyError, TypeError):
            return State(self.id, Status.CREATING, 0, Path(), {}, "")
        alive = self.is_alive()
        if not alive:
            status = Status.STOPPED
        elif (self.path / START).exists():
            status = Status.CREATED
        else:
            status = Status.RUNNING
        return State(self.id, status, self._pid() if alive else 0, bundle, annotations, created)

    def is_alive(self) -> bool:
        """Whether its process lives."""
        try:
            with (self.path / ALIVE).open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except FileNotFoundError:
            return False
        return False

    def wait(self) -> None:
        """Until its process has ended."""
        with contextlib.suppress(FileNotFoundError), (self.path / ALIVE).open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH)

    def hold_alive(self) -> int:
        """Say that this process is the container's, until it ends, across exec. The lock's descriptor."""
        descriptor = os.open(self.path / ALIVE, os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        os.set_inheritable(descriptor, True)
        self._write(_PID, str(os.getpid()))
        return descriptor

    def remove(self) -> None:
        """Forget the container."""
        shutil.rmtree(self.path)

    def _pid(self) -> int:
        try:
            return int((self.path / _PID).read_text())
        except (OSError, ValueError):
            return 0

    def _write(self, name: str, text: str) -> None:
        temporary = self.path / f"{name}.new"
        temporary.write_text(text)
        temporary.replace(self.path / name)
