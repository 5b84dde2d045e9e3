from __future__ import annotations

import os
from pathlib import Path

from runtime.api import cri_pb2 as api
from runtime.cri.records import Container, Sandbox
from runtime.cri.stats import container_stats, sandbox_stats

CONTAINER = Container("c", "s", api.ContainerConfig(labels={"a": "b"}), 1, "", "")


def test_of_a_process(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"12345")
    (tmp_path / "link").symlink_to("file")
    found = container_stats(CONTAINER, os.getpid(), tmp_path)
    assert found.attributes.labels == {"a": "b"}
    assert found.memory.rss_bytes.value > 1 << 20 and found.cpu.usage_core_nano_seconds.value > 0
    assert (found.writable_layer.used_bytes.value, found.writable_layer.inodes_used.value) == (5, 1)
    whole = sandbox_stats(Sandbox("s", api.PodSandboxConfig(), 1), [found, found], 2)
    assert whole.linux.memory.rss_bytes.value == 2 * found.memory.rss_bytes.value
    assert whole.linux.process.process_count.value == 2


def test_of_one_that_has_ended(tmp_path: Path) -> None:
    for pid in (0, 2**22 + 1):
        found = container_stats(CONTAINER, pid, tmp_path)
        assert found.memory.rss_bytes.value == found.cpu.usage_core_nano_seconds.value == 0
