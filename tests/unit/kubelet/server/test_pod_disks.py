"""What pods take on the disk."""

from __future__ import annotations

from pathlib import Path

from kubelet.provider.logs import LogFolders
from kubelet.server.pod_disks import PodDisks
from kubelet.volumes.pod_volumes import VolumeFolders

from ..conftest import pod


def test_logs_and_volumes(tmp_path: Path) -> None:
    volumes = [
        {"name": "cache", "emptyDir": {}},
        {"name": "home", "hostPath": {"path": "/"}},
        {"name": "claim", "persistentVolumeClaim": {"claimName": "c"}},
    ]
    made, disks = pod(volumes=volumes), PodDisks(VolumeFolders(tmp_path), LogFolders(tmp_path / "logs"))
    log = disks.logs.of_pod("default", "tiny", "u1") / "llm"
    cache = disks.volumes.of_volume("u1", "emptyDir", "cache")
    for folder in (log, cache):
        folder.mkdir(parents=True)
    (log / "0.log").write_bytes(b"x" * 10_000)
    (cache / "weights").write_bytes(b"x" * 100_000)
    found = disks.usage(made)
    assert 10_000 <= found.logs["llm"] < 100_000 <= found.volumes["cache"]
    assert set(found.volumes) == {"cache"}


def test_a_pod_that_has_nothing_yet(tmp_path: Path) -> None:
    disks = PodDisks(VolumeFolders(tmp_path), LogFolders(tmp_path / "logs"))
    assert disks.usage(pod()).logs == {"llm": 0}
