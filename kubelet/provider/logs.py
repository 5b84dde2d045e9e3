"""Where a pod's logs are, as on every node: `crictl logs` and log shippers look there.

pods/<namespace>_<pod>_<uid>/<container>/<attempt>.log         written by the runtime
containers/<pod>_<namespace>_<container>-<id>.log              a link to it
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class LogFolders:
    """Below one root."""

    root: Path

    @property
    def pods(self) -> Path:
        """The folder of the logs themselves."""
        return self.root / "pods"

    @property
    def links(self) -> Path:
        """The folder of links to them, by the names of containers."""
        return self.root / "containers"

    def of_pod(self, namespace: str, name: str, uid: str) -> Path:
        """The pod's folder."""
        return self.pods / f"{namespace}_{name}_{uid}"

    def link_of(self, namespace: str, pod: str, container: str, container_id: str) -> Path:
        """The link to a container's log."""
        return self.links / f"{pod}_{namespace}_{container}-{container_id}.log"

    def link(self, link: Path, log: Path) -> None:
        """Again is no error. OSError."""
        link.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
        temporary = link.with_name(f"{link.name}.{os.getpid()}.new")
        temporary.unlink(missing_ok=True)
        temporary.symlink_to(log)
        temporary.replace(link)

    def forget_links(self) -> None:
        """Of logs that are gone."""
        for link in _entries(self.links):
            if link.is_symlink() and not link.exists():
                link.unlink(missing_ok=True)

    def strangers(self, uids: Iterable[str]) -> list[Path]:
        """All folders of pods but those of these."""
        known = set(uids)
        return [folder for folder in _entries(self.pods) if folder.name.rpartition("_")[2] not in known]


def remove_folders(folders: Iterable[Path]) -> None:
    """With all that is in them."""
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


def log_name(container: str, attempt: int) -> str:
    """Below the pod's folder."""
    return f"{container}/{attempt}.log"


def rotated(log: Path) -> list[Path]:
    """What was moved away from `log`, the oldest first."""
    return sorted(path for path in _entries(log.parent) if path.name.startswith(f"{log.name}."))


def remove_log(log: Path) -> None:
    """With all that was moved away from it."""
    for path in [log, *rotated(log)]:
        path.unlink(missing_ok=True)


def _entries(folder: Path) -> list[Path]:
    with contextlib.suppress(OSError):
        return list(folder.iterdir())
    return []
