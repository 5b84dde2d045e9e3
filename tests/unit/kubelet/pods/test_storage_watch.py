"""Who takes more of the disk than it may."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bronzewillow.testing.aio import run
from kubelet.model.decision import Ending
from kubelet.pods.storage_watch import StorageWatch
from kubelet.provider.logs import LogFolders
from kubelet.volumes.pod_volumes import VolumeFolders
from runtime.api import cri_pb2 as api

from ..conftest import pod


class Worker:
    """As much of `PodWorker` as is needed."""

    def __init__(self, made: dict[str, Any]) -> None:
        self.pod = made
        self.endings: list[Ending] = []

    def end(self, ending: Ending) -> None:
        self.endings.append(ending)


class Volumes:
    """As much of `PodVolumes` as is needed."""

    def __init__(self, folder: Path) -> None:
        self.folders = VolumeFolders(folder)
        self.used: dict[str, dict[str, int]] = {}

    def has_limit(self, pod_uid: str) -> bool:
        return pod_uid in self.used

    def usage(self, pod_uid: str) -> dict[str, int]:
        return self.used[pod_uid]


class Rig:
    def __init__(self, folder: Path, made: dict[str, Any]) -> None:
        self.worker, self.measured = Worker(made), 0
        self.volumes, self.logs = Volumes(folder), LogFolders(folder / "logs")
        workers: Any = {"u1": self.worker}
        volumes: Any = self.volumes
        self.watch = StorageWatch(self, workers, volumes, self.logs)

    async def sandbox_stats(self) -> list[api.PodSandboxStats]:
        self.measured += 1
        return []

    def look(self) -> list[str]:
        run(self.watch.look())
        return [one.message for one in self.worker.endings]


def test_an_empty_dir(tmp_path: Path) -> None:
    rig = Rig(tmp_path, pod(volumes=[{"name": "v", "emptyDir": {"sizeLimit": "1k"}}]))
    assert rig.look() == []
    rig.volumes.used["u1"] = {"v": 1000}
    assert rig.look() == []
    rig.volumes.used["u1"] = {"v": 1001}
    assert rig.look() == ['Usage of EmptyDir volume "v" exceeds the limit "1k". ']
    assert rig.measured == 0


def test_logs_and_all(tmp_path: Path) -> None:
    limits = {"limits": {"ephemeral-storage": "16Ki"}}
    rig = Rig(tmp_path, pod(containers=[{"name": "llm", "image": "tiny", "resources": limits}]))
    assert rig.look() == []
    log = rig.logs.of_pod("default", "tiny", "u1") / "llm"
    log.mkdir(parents=True)
    (log / "0.log").write_bytes(b"x" * 17_000)
    assert rig.look() == ["Pod ephemeral local storage usage exceeds the total limit of containers 16Ki. "]
    assert rig.measured == 2
