"""Logs that are too large make room."""

from __future__ import annotations

import gzip
from pathlib import Path

import grpc
import pytest

from bronzewillow.testing.aio import run
from kubelet.pods.log_rotation import LogRotation, RotationConfig
from kubelet.provider.errors import RuntimeRefusal
from runtime.api import cri_pb2 as api


class Runtime:
    """One container, which writes to a log."""

    def __init__(self, log: Path) -> None:
        self.log, self.state = log, "CONTAINER_RUNNING"
        self.reopened = 0
        self.is_stuck = False

    async def containers(self, uid: str = "") -> list[api.Container]:
        return [api.Container(id="c1", state=self.state)]

    async def container_status(self, container_id: str) -> api.ContainerStatus:
        return api.ContainerStatus(id=container_id, log_path=str(self.log))

    async def reopen_log(self, container_id: str) -> None:
        if self.is_stuck:
            raise RuntimeRefusal("stuck", grpc.StatusCode.INTERNAL)
        self.reopened += 1
        self.log.touch()


@pytest.fixture
def runtime(tmp_path: Path) -> Runtime:
    log = tmp_path / "0.log"
    log.write_bytes(b"x" * 100)
    return Runtime(log)


CONFIG = RotationConfig(100, 4)


def names(runtime: Runtime) -> list[str]:
    return sorted(path.name for path in runtime.log.parent.iterdir())


def test_a_large_log_is_moved_and_begun_anew(runtime: Runtime) -> None:
    rotation = LogRotation(runtime, CONFIG)
    run(rotation.rotate())
    assert runtime.reopened == 1
    assert runtime.log.read_bytes() == b""
    (moved,) = (path for path in runtime.log.parent.iterdir() if path != runtime.log)
    assert moved.read_bytes() == b"x" * 100
    run(rotation.rotate())
    assert runtime.reopened == 1


def test_a_small_one_and_one_that_has_ended_stay(runtime: Runtime) -> None:
    run(LogRotation(runtime, RotationConfig(101, 4)).rotate())
    runtime.state = "CONTAINER_EXITED"
    run(LogRotation(runtime, CONFIG).rotate())
    assert (runtime.reopened, names(runtime)) == (0, ["0.log"])


def test_older_ones_are_packed_and_the_oldest_go(runtime: Runtime) -> None:
    folder = runtime.log.parent
    for day in range(1, 5):
        (folder / f"0.log.2026010{day}-000000").write_bytes(b"%d" % day)
    (folder / "0.log.20260101-000000.gz.tmp").write_bytes(b"half")
    run(LogRotation(runtime, CONFIG).rotate())
    found = names(runtime)
    assert found[:3] == ["0.log", "0.log.20260103-000000.gz", "0.log.20260104-000000.gz"]
    assert len(found) == CONFIG.most_files
    assert gzip.decompress((folder / found[1]).read_bytes()) == b"3"


def test_a_writer_that_cannot_be_told_keeps_its_file(runtime: Runtime) -> None:
    runtime.is_stuck = True
    run(LogRotation(runtime, CONFIG).rotate())
    assert names(runtime) == ["0.log"]
    assert runtime.log.read_bytes() == b"x" * 100


def test_a_log_that_somebody_took_away_is_begun_anew(runtime: Runtime) -> None:
    runtime.log.unlink()
    run(LogRotation(runtime, CONFIG).rotate())
    assert runtime.log.exists()
