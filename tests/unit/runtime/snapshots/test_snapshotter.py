"""Many processes, and SIGKILL; the verbs themselves are in tests/contract/snapshotter."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from runtime.snapshots import Kind, Snapshotter
from runtime.snapshots.errors import AlreadyExists

WORK = """
import itertools, sys
from pathlib import Path
from runtime.snapshots import Snapshotter
s = Snapshotter(Path(sys.argv[1]))
print(flush=True)
for n in itertools.count():
    key = f"{sys.argv[2]}-{n}"
    s.prepare(key, "model")
    if n % 3 == 0:
        s.commit(key + "-name", key)
        key += "-name"
    s.remove(key)
"""


def with_model(root: Path) -> tuple[Snapshotter, Path]:
    blob = root / "blob"
    blob.write_bytes(b"weights")
    snapshotter = Snapshotter(root / "snapshots")
    (mount,) = snapshotter.prepare("k")
    os.link(blob, mount.source / "model.gguf")
    snapshotter.commit("model", "k")
    return snapshotter, blob


def test_killed_at_any_moment_it_leaves_no_orphan_and_loses_no_blob(tmp_path: Path) -> None:
    snapshotter, blob = with_model(tmp_path)
    root = tmp_path / "snapshots"
    rng = random.Random(4)
    for number in range(25):
        argv = [sys.executable, "-c", WORK, str(root), str(number)]
        with subprocess.Popen(argv, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            process.stdout.readline()
            for _ in range(rng.randrange(200)):
                list(snapshotter.walk())
            process.send_signal(signal.SIGKILL)
    survivors = [info.name for info in Snapshotter(root).walk(["parent==model"])]
    assert len(survivors) <= 25
    for key in survivors:
        assert (snapshotter.tree(key) / "model.gguf").read_bytes() == b"weights"
        snapshotter.remove(key)
    snapshotter.remove("model")
    left = [path for path in root.rglob("*") if path.is_file()]
    assert [path.name for path in left] == ["lock"]
    assert blob.stat().st_nlink == 1


def test_a_thousand_cycles_leave_nothing(tmp_path: Path) -> None:
    snapshotter, blob = with_model(tmp_path)
    for number in range(1000):
        snapshotter.prepare(str(number), "model")
        snapshotter.remove(str(number))
    assert [info.name for info in snapshotter.walk()] == ["model"]
    assert blob.stat().st_nlink == 2


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
