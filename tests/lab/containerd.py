"""Debian's containerd, with our shim in its PATH and our snapshotter as its plugin."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil

from bronzewillow.testing.lab.child import wait_until

CONFIG = """version = 2
root = "{0}/root"
state = "{0}/state"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
  address = "{0}/c.sock"
[ttrpc]
  address = "{0}/c.sock.ttrpc"
[proxy_plugins.llm]
  type = "snapshot"
  address = "{0}/run/snapshotter.sock"
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
        self.snapshotter = self._start_snapshotter()
        self.start()

    def start(self) -> None:
        """Until it answers."""
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                ["containerd", "-c", str(self.folder / "config.toml")],
                stdout=log, stderr=log, env=self._environment,
            )  # fmt: skip
        wait_until(lambda: self.ctr("version", check=False).returncode == 0, "containerd answers")

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
        wait_until(lambda: self.is_up(name), f"{name} answers")

    def run_image(self, image: str, name: str, *words: str) -> None:
        """The same, of an image."""
        command = ("runm", "serve", "--listen", f"unix:{self.folder}/{name}.sock", *words)
        runtime = ("--runtime", "io.containerd.runm.v2", "--snapshotter", "llm")
        self.ctr("run", "-d", *runtime, image, name, *command)
        wait_until(lambda: self.is_up(name), f"{name} answers")

    def snapshots(self) -> list[str]:
        """Names and keys of our snapshotter's, as containerd knows them."""
        rows = self.ctr("snapshots", "--snapshotter", "llm", "ls").stdout.splitlines()[1:]
        return [row.split()[0] for row in rows]

    def adopt(self, image: str) -> str:
        """What `llm-snapshotter adopt` prints."""
        content = str(self.folder / "root/io.containerd.content.v1.content")
        command = [sys.executable, "-m", "runtime.containerd", "adopt", "--address"]
        return subprocess.run(
            [*command, str(self.folder / "c.sock"), "--content", content, image],
            check=True, capture_output=True, text=True,
        ).stdout  # fmt: skip

    def _start_snapshotter(self) -> subprocess.Popen[bytes]:
        socket = self.folder / "run/snapshotter.sock"
        command = [sys.executable, "-m", "runtime.containerd", "serve", "--socket", str(socket)]
        process = subprocess.Popen([*command, "--root", str(self.folder / "snapshotter")])
        wait_until(socket.is_socket, "the snapshotter serves")
        return process

    def is_up(self, name: str) -> bool:
        """Whether its server answers."""
        socket = f"{self.folder}/{name}.sock"
        asked = subprocess.run(
            ["curl", "-sf", "-m", "20", "--unix-socket", socket, "http://x/health"],
            capture_output=True, check=False,
        )  # fmt: skip
        return asked.returncode == 0

    def tasks(self) -> dict[str, tuple[int, str]]:
        """Process id and status by name."""
        rows = [line.split() for line in self.ctr("task", "ls").stdout.splitlines()[1:]]
        return {name: (int(pid), status) for name, pid, status in rows}

    def served(self) -> list[psutil.Process]:
        """What runs of its tasks."""
        found = []
        for pid, _ in self.tasks().values():
            with suppress(psutil.NoSuchProcess):
                found.append(psutil.Process(pid))
        return found

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


@contextmanager
def containerd_running() -> Iterator[Containerd]:
    """One of which nothing is left."""
    with TemporaryDirectory(prefix="bw") as name:
        one = Containerd(Path(name))
        try:
            yield one
        finally:
            left = [*one.shims(), *one.served()]
            for process in left:
                with suppress(psutil.NoSuchProcess):  # a model goes with its shim
                    process.kill()
            psutil.wait_procs(left, 60)
            for daemon in (one.process, one.snapshotter):
                daemon.kill()
                daemon.wait(60)
