"""Logs of containers that run are moved away when they are large, packed, and in the end removed.

Source: kubernetes/kubernetes, pkg/kubelet/logs/container_log_manager.go: 10 Mi, five files, a look each 10 s.
"""

from __future__ import annotations

import asyncio
import gzip
import logging
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from kubelet.provider.errors import RuntimeRefusal
from kubelet.provider.logs import rotated
from runtime.api import cri_pb2 as api

CHECK_S = 10.0
_STAMP = "%Y%m%d-%H%M%S"
_PACKED, _HALF = ".gz", ".tmp"
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RotationConfig:
    """The kubelet's own."""

    most_bytes: int = 10 << 20
    most_files: int = 5
    """With the one that is written to."""


class Runtime(Protocol):
    """The part of `RuntimeClient` that is needed."""

    async def containers(self, uid: str = "") -> list[api.Container]:
        """All containers, or those of one pod."""

    async def container_status(self, container_id: str) -> api.ContainerStatus:
        """With the path of the log."""

    async def reopen_log(self, container_id: str) -> None:
        """The file was moved."""


class LogRotation:
    """Rotates the logs of one node's containers."""

    def __init__(self, runtime: Runtime, config: RotationConfig | None = None) -> None:
        self._runtime = runtime
        self._config = config or RotationConfig()
        self._paths: dict[str, Path] = {}

    async def rotate(self) -> None:
        """Look at all once. RuntimeRefusal when nobody can list them."""
        running = [
            one.id
            for one in await self._runtime.containers()
            if one.state == api.ContainerState.CONTAINER_RUNNING
        ]
        self._paths = {one: path for one, path in self._paths.items() if one in set(running)}
        for container_id in running:
            try:
                await self._rotate_one(container_id)
            except (RuntimeRefusal, OSError) as error:
                _log.warning("the log of container %s is not rotated: %s", container_id, error)

    async def _rotate_one(self, container_id: str) -> None:
        path = self._paths.get(container_id)
        if path is None:
            told = (await self._runtime.container_status(container_id)).log_path
            if not told:
                return
            path = self._paths[container_id] = Path(told)
        try:
            size_bytes = path.stat().st_size
        except FileNotFoundError:
            await self._runtime.reopen_log(container_id)  # somebody else has moved it
            return
        if size_bytes >= self._config.most_bytes:
            await asyncio.to_thread(self._make_room, path)
            moved = path.with_name(f"{path.name}.{time.strftime(_STAMP, time.gmtime())}")
            path.rename(moved)
            try:
                await self._runtime.reopen_log(container_id)
            except RuntimeRefusal:
                if not path.exists():
                    moved.rename(
                        path
                    )  # its writer goes on in the old file: it must be found where it is sought
                raise

    def _make_room(self, path: Path) -> None:
        """For one more: the oldest go, and all but the newest of the others are packed."""
        for half in path.parent.glob(f"{path.name}.*{_HALF}"):
            half.unlink(missing_ok=True)
        kept = rotated(path)
        most = max(0, self._config.most_files - 2)
        for old in kept[: len(kept) - most]:
            old.unlink(missing_ok=True)
        for old in kept[len(kept) - most :]:
            if old.suffix != _PACKED:
                _pack(old)


def _pack(path: Path) -> None:
    half = path.with_name(path.name + _HALF)
    with path.open("rb") as plain, gzip.open(half, "wb") as packed:
        shutil.copyfileobj(plain, packed)
    half.chmod(0o640)
    half.replace(path.with_name(path.name + _PACKED))
    path.unlink()
