"""Many processes, and SIGKILL; the verbs themselves are in tests/contract/snapshotter."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from runtime.snapshots import Kind, Snapshotter
from runtime.snapshots.errors import AlreadyExists, FailedPrecondition, NotFound

WORK = """
import itertools, os, sys
from pathlib import Path
from runtime.snapshots import Snapshotter
s = Snapshotter(Path(sys.argv[1]))
for n in itertools.count():
    key = f"{sys.argv[2]}-{n}"
    s.prepare(key, "model")
    if n % 3 == 0:
        s.commit(key + "-name", key)
        key += "-name"
    s.remove(key)
    os.write(1, b".")
"""

HOLD = """
import os, sys
from pathlib import Path
from runtime.snapshots import Snapshotter
with Snapshotter(Path(sys.argv[1])).held("model"):
    os.write(1, b".")
    sys.stdin.read()
"""


def with_model(root: Path) -> tuple[Snapshotter, Path]:
    blob = root / "blob"
    blob.write_bytes(b"weights")
    snapshotter = Snapshotter(root / "snapshots")
    (mount,) = snapshotter.prepare("k")
    os.link(blob, mount.source / "model.gguf")
    snapshotter.commit("model", "k")
    return snapshotter, blob


@pytest.mark.parametrize("least", [100, pytest.param(1000, marks=pytest.mark.slow)])
def test_cycles_with_kills_leave_no_orphan_and_lose_no_blob(tmp_path: Path, least: int) -> None:
    snapshotter, blob = with_model(tmp_path)
    root = tmp_path / "snapshots"
    rng = random.Random(4)
    cycles = kills = 0
    while cycles < least:
        argv = [sys.executable, "-c", WORK, str(root), str(kills)]
        with subprocess.Popen(argv, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            cycles += len(process.stdout.read(rng.randrange(1, 100)))
            for _ in range(rng.randrange(5)):
                list(snapshotter.walk())
            process.send_signal(signal.SIGKILL)
            kills += 1
            cycles += len(process.stdout.read())
    survivors = [info.name for info in Snapshotter(root).walk(["parent==model"])]
    assert len(survivors) <= kills
    for key in survivors:
        assert (snapshotter.tree(key) / "model.gguf").read_bytes() == b"weights"
        snapshotter.remove(key)
    snapshotter.remove("model")
    left = [path for path in root.rglob("*") if path.is_file()]
    assert [path.name for path in left] == ["lock"]
    assert blob.stat().st_nlink == 1


def test_of_many_who_want_one_name_one_gets_it(tmp_path: Path) -> None:
    with_model(tmp_path)

    def attempt(number: int) -> bool:
        own = Snapshotter(tmp_path / "snapshots")
        own.prepare(f"k{number}", "model")
        try:
            own.prepare("wanted", "model")
            own.commit("name", f"k{number}")
        except AlreadyExists:
            own.remove(f"k{number}")
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(attempt, range(16))) == 1
    kinds = {info.name: info.kind for info in Snapshotter(tmp_path / "snapshots").walk()}
    assert kinds == {"model": Kind.COMMITTED, "name": Kind.COMMITTED, "wanted": Kind.ACTIVE}


def test_what_is_held_stays_until_its_holder_is_gone(tmp_path: Path) -> None:
    snapshotter, _ = with_model(tmp_path)
    with snapshotter.held("model") as folder:
        argv = [sys.executable, "-c", HOLD, str(tmp_path / "snapshots")]
        with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            assert process.stdout.read(1) == b"."
            with pytest.raises(FailedPrecondition, match="'model' is held by a process"):
                snapshotter.remove("model")
            process.send_signal(signal.SIGKILL)
        assert snapshotter.is_held("model")
        assert (folder / "model.gguf").exists()
    assert not snapshotter.is_held("model")
    with snapshotter.held("model"), Snapshotter(tmp_path / "snapshots").held("model"):
        assert snapshotter.is_held("model")
    snapshotter.remove("model")
    assert not snapshotter.is_held("model")
    with pytest.raises(NotFound), snapshotter.held("model"):
        pass


def test_one_that_was_killed_holds_nothing(tmp_path: Path) -> None:
    snapshotter, _ = with_model(tmp_path)
    argv = [sys.executable, "-c", HOLD, str(tmp_path / "snapshots")]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.read(1) == b"."
        assert snapshotter.is_held("model")
        process.send_signal(signal.SIGKILL)
    assert not snapshotter.is_held("model")
    snapshotter.remove("model")
