"""What pods hold, measured."""

from __future__ import annotations

from pathlib import Path

from kubelet.pods.pod_usage import DiskUse, disk_usage, layers_held, memory_held, used_disk
from kubelet.provider.labels import CONTAINER_NAME, POD_UID
from kubelet.provider.logs import LogFolders
from kubelet.volumes.pod_volumes import VolumeFolders
from runtime.api import cri_pb2 as api

from ..conftest import pod


def stats() -> list[api.PodSandboxStats]:
    one = api.PodSandboxStats(attributes=api.PodSandboxAttributes(labels={POD_UID: "u1"}))
    for name in ("llm", "llm", ""):
        container = one.linux.containers.add()
        container.attributes.labels[CONTAINER_NAME] = name
        container.attributes.metadata.name = "nameless"
        container.memory.working_set_bytes.value = 3
        container.writable_layer.used_bytes.value = 10_000
        container.writable_layer.inodes_used.value = 2
    return [one, api.PodSandboxStats()]


def test_memory_by_pod_and_container() -> None:
    assert memory_held(stats()) == {"u1": {"llm": 6, "nameless": 3}}


def test_layers_by_pod_and_container() -> None:
    assert layers_held(stats()) == {"u1": {"llm": DiskUse(10_000, 2), "nameless": DiskUse(10_000, 2)}}


def test_a_folder(tmp_path: Path) -> None:
    assert used_disk(tmp_path / "missing") == DiskUse()
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "file").write_bytes(b"x" * 50_000)
    (tmp_path / "link").symlink_to("/")  # is not followed
    found = used_disk(tmp_path)
    assert found.files == 4
    assert 50_000 <= found.size_bytes < 100_000
    assert (found.of("inodes"), found.of("ephemeral-storage")) == (4, found.size_bytes)


def test_a_pods_disk_is_its_volumes_logs_and_layers(tmp_path: Path) -> None:
    volumes, logs = VolumeFolders(tmp_path), LogFolders(tmp_path / "logs")
    for folder in (volumes.of_volume("u1", "emptyDir", "v"), logs.of_pod("default", "tiny", "u1") / "llm"):
        folder.mkdir(parents=True)
        (folder / "file").write_bytes(b"x" * 20_000)
    layers = {"llm": DiskUse(10_000, 2)}
    usage = disk_usage(pod(), layers, volumes, logs, "ephemeral-storage")
    assert usage.used["llm"] >= 30_000
    assert usage.shared >= 20_000
    files = disk_usage(pod(), layers, volumes, logs, "inodes")
    assert (dict(files.used), files.shared) == ({"llm": 3}, 4)
