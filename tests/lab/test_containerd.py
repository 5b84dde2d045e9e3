"""A stock containerd drives the shim: it runs, watches, ends and finds again what runm serves."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil
import pytest

from bronzewillow.testing.lab.child import wait_until

from .conftest import require

pytestmark = pytest.mark.lab
CONFIG = """version = 2
root = "{0}/root"
state = "{0}/state"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
  address = "{0}/c.sock"
[ttrpc]
  address = "{0}/c.sock.ttrpc"
"""


class Containerd:
    """One of its own folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "config.toml").write_text(CONFIG.format(folder))
        (folder / "rootfs").mkdir()
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        self._environment = {**os.environ, "PATH": path, "XDG_RUNTIME_DIR": str(folder / "run")}
        (folder / "run").mkdir(mode=0o700)
        self.start()

    def start(self) -> None:
        """Until it answers."""
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                ["containerd", "-c", str(self.folder / "config.toml")],
                stdout=log, stderr=log, env=self._environment,
            )  # fmt: skip
        wait_until(lambda: self.ctr("version", check=False).returncode == 0, "containerd answers", 20)

    def ctr(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """containerd's own client."""
        return subprocess.run(
            ["ctr", "-a", str(self.folder / "c.sock"), *words], check=check, capture_output=True, text=True
        )

    def run(self, name: str) -> None:
        """A container that serves, soon, at `folder/NAME.sock`."""
        command = ("runm", "serve", "--engine", "echo", "--listen", f"unix:{self.folder}/{name}.sock")
        runtime = ("--runtime", "io.containerd.runm.v2")
        self.ctr("run", "-d", "--rootfs", *runtime, str(self.folder / "rootfs"), name, *command)
        wait_until(lambda: self.is_up(name), f"{name} answers", 20)

    def is_up(self, name: str) -> bool:
        """Whether its server answers."""
        socket = f"{self.folder}/{name}.sock"
        asked = subprocess.run(
            ["curl", "-sf", "-m", "2", "--unix-socket", socket, "http://x/health"],
            capture_output=True, check=False,
        )  # fmt: skip
        return asked.returncode == 0

    def tasks(self) -> dict[str, tuple[int, str]]:
        """Process id and status by name."""
        rows = [line.split() for line in self.ctr("task", "ls").stdout.splitlines()[1:]]
        return {name: (int(pid), status) for name, pid, status in rows}

    def shims(self) -> list[psutil.Process]:
        """Those of this containerd."""
        found = []
        for process in psutil.process_iter():
            try:
                words = process.cmdline()
            except psutil.Error:
                continue
            if "runtime.shim" in words and f"{self.folder}/c.sock" in words:
                found.append(process)
        return found


@pytest.fixture
def containerd() -> Iterator[Containerd]:
    require("containerd", "curl")
    with TemporaryDirectory(prefix="bw") as name:
        one = Containerd(Path(name))
        try:
            yield one
        finally:
            for process in [*one.shims(), *(psutil.Process(pid) for pid, _ in one.tasks().values() if pid)]:
                process.kill()
            one.process.kill()
            one.process.wait(10)


def test_a_model_lives_and_ends(containerd: Containerd) -> None:
    containerd.run("one")
    pid, status = containerd.tasks()["one"]
    assert status == "RUNNING" and psutil.Process(pid).is_running()
    assert str(pid) in containerd.ctr("task", "ps", "one").stdout
    assert containerd.ctr("task", "delete", "one", check=False).returncode, "it runs"
    containerd.ctr("task", "kill", "-s", "SIGTERM", "one")
    wait_until(lambda: containerd.tasks()["one"][1] == "STOPPED", "one has ended", 10)
    containerd.ctr("task", "delete", "one")
    containerd.ctr("container", "rm", "one")
    wait_until(lambda: not containerd.shims(), "the shim has gone", 10)
    assert not list((containerd.folder / "run/bronzewillow/s").iterdir())
    assert not list((containerd.folder / "run/bronzewillow/runm").iterdir())


def test_containerd_starts_again_and_finds_it(containerd: Containerd) -> None:
    containerd.run("one")
    before = containerd.tasks()["one"]
    containerd.process.kill()
    containerd.process.wait(10)
    assert containerd.is_up("one")
    containerd.start()
    assert containerd.tasks()["one"] == before
    os.kill(before[0], signal.SIGKILL)
    wait_until(lambda: containerd.tasks()["one"][1] == "STOPPED", "its end is seen", 10)
    deleted = containerd.ctr("task", "delete", "one")
    assert "137" in deleted.stderr


def test_a_shim_that_dies_takes_its_model_with_it(containerd: Containerd) -> None:
    containerd.run("one")
    pid, _ = containerd.tasks()["one"]
    (shim,) = containerd.shims()
    shim.kill()
    wait_until(lambda: not containerd.is_up("one"), "the model has gone", 10)
    wait_until(lambda: "one" not in containerd.tasks(), "the task is forgotten", 10)
    assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    containerd.ctr("container", "rm", "one")
