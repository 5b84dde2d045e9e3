"""A whole node as processes on loopback, to be spoken to and to be killed: the agent and llm-containerd."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil

from bronzewillow.testing.ports import free_udp_port

NODE_CIDR, NODE_MAC = "10.244.7.0/24", "02:bb:bb:bb:bb:02"
CLUSTER_CIDR, CLUSTER_MAC = "10.244.1.0/24", "02:aa:aa:aa:aa:01"
VNI = 1
_LIMIT_S = 300.0
"""For what takes a second or two where nothing else is at work: whoever needs longer hangs."""
NODE_CIDR_V6 = "fd00:7::/64"
_CONFIG = """[[overlay]]
encap = "vxlan"
address = "127.0.0.1"
port = {port}
vni = {vni}
pod_cidr = "{cidr}"
mac = "{mac}"
[[overlay.peers]]
name = "cluster"
address = "127.0.0.1"
port = {cluster_port}
mac = "{cluster_mac}"
pod_cidrs = ["{cluster_cidr}"]
"""
_OF_IPV6 = """[[overlay]]
address = "::1"
port = {port}
vni = {vni}
pod_cidr = "{cidr}"
"""


@dataclass(slots=True)
class NodeProcesses:
    """Its folders are its own: nothing of the user's is touched."""

    folder: Path
    port: int
    cluster_port: int
    """Where the agent looks for its one peer."""
    agent: subprocess.Popen[bytes] | None = None
    runtime: subprocess.Popen[bytes] | None = None
    extra: tuple[str, ...] = ()
    """Further words for llm-containerd."""

    @property
    def environment(self) -> dict[str, str]:
        """For every program of the node."""
        folders = {
            f"XDG_{name}_HOME": str(self.folder / name.lower()) for name in ("STATE", "CONFIG", "CACHE")
        }
        return {
            **os.environ,
            **folders,
            "XDG_RUNTIME_DIR": str(self.folder / "run"),
            "RUNM_STORE": str(self.store),
        }

    @property
    def store(self) -> Path:
        """Of images."""
        return self.folder / "images"

    @property
    def runtime_folder(self) -> Path:
        """Of sockets."""
        return self.folder / "run" / "bronzewillow"

    @property
    def state_folder(self) -> Path:
        """Of leases and records."""
        return self.folder / "state" / "bronzewillow"

    @property
    def cri(self) -> Path:
        """llm-containerd's socket."""
        return self.runtime_folder / "cri.sock"

    def start_agent(self, *, dual_stack: bool = False) -> None:
        """Until it is ready. `dual_stack`: with an underlay of IPv6 beside, and pods of both families."""
        config = self.folder / "node.toml"
        text = _CONFIG.format(
            port=self.port, vni=VNI, cidr=NODE_CIDR, mac=NODE_MAC, cluster_port=self.cluster_port,
            cluster_mac=CLUSTER_MAC, cluster_cidr=CLUSTER_CIDR,
        )  # fmt: skip
        if dual_stack:
            text += _OF_IPV6.format(port=self.port, vni=VNI, cidr=NODE_CIDR_V6)
        config.write_text(text)
        self.agent = self._start("agent", "bronzewillow", "agent", "--config", str(config))

    def start_runtime(self) -> None:
        """Until it is ready."""
        self.runtime = self._start("runtime", "runtime.cri", *self.extra)

    def run(self, module: str, *arguments: str) -> str:
        """What one program of the node prints."""
        command = [sys.executable, "-m", module, *arguments]
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=_LIMIT_S)
        if done.returncode:
            raise RuntimeError(f"{module} {arguments}: {done.stderr}")
        return done.stdout

    def log(self, name: str) -> str:
        """Of `agent` or `runtime`."""
        return (self.folder / f"{name}.log").read_text()

    def left_processes(self) -> list[psutil.Process]:
        """Shims, models' servers and whatever else is of this node and lives."""
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if any(str(self.folder) in word for word in process.cmdline()):
                    found.append(process)
        return found

    def until_left(self, but: Collection[int] = ()) -> list[psutil.Process]:
        """Those that do not end by themselves, but for the ids `but`; none, as soon as there is none."""
        pause, end = threading.Event(), time.monotonic() + _LIMIT_S
        while (
            left := [one for one in self.left_processes() if one.pid not in but]
        ) and time.monotonic() < end:
            pause.wait(0.02)
        return left

    def _start(self, name: str, module: str, *arguments: str) -> subprocess.Popen[bytes]:
        path = self.folder / f"{name}.log"
        with path.open("ab") as log:
            begin = log.tell()
            command = [sys.executable, "-m", module, *arguments]
            process = subprocess.Popen(command, stdout=log, stderr=log, env=self.environment)
        pause, end = threading.Event(), time.monotonic() + _LIMIT_S
        while b"\nready\n" not in b"\n" + path.read_bytes()[begin:]:
            if process.poll() is not None or time.monotonic() > end:
                process.kill()
                raise RuntimeError(f"{name} does not start:\n{path.read_text()[-2000:]}")
            pause.wait(0.02)
        return process


def kill_all(living: Callable[[], list[psutil.Process]]) -> None:
    """SIGKILL, and their end: until there are none, so that nobody writes to folders that are to go."""
    pause = threading.Event()
    while found := living():
        for process in found:
            with contextlib.suppress(psutil.Error):  # it has ended by itself
                process.kill()
        pause.wait(0.02)  # not for them: one that nobody reaps is there as long as the machine


def kill(process: subprocess.Popen[bytes] | None) -> None:
    """SIGKILL, and its end."""
    assert process is not None
    process.kill()
    process.wait(_LIMIT_S)


@contextmanager
def node_processes(*extra: str) -> Iterator[NodeProcesses]:
    """One of which nothing lives on afterwards; `extra`: further words for llm-containerd."""
    with TemporaryDirectory(prefix="bw") as name:
        folder = Path(name)
        (folder / "run").mkdir(mode=0o700)
        node = NodeProcesses(folder, free_udp_port(), free_udp_port(), extra=extra)
        try:
            yield node
        finally:
            for process in (node.runtime, node.agent):
                if process is not None and process.poll() is None:
                    process.send_signal(signal.SIGTERM)
                    try:
                        process.wait(_LIMIT_S)
                    except subprocess.TimeoutExpired:
                        kill(process)
            kill_all(node.left_processes)
