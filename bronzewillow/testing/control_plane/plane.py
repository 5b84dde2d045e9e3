"""Starts the programs, waits until they serve, and ends them."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from bronzewillow.host.paths import open_private
from bronzewillow.kube.access import Access, Cluster, Presented
from bronzewillow.kube.client import KubeClient
from bronzewillow.kube.errors import AlreadyExists, KubeError
from bronzewillow.kube.identity import HeldIdentity
from bronzewillow.kube.kubeconfig import emit_kubeconfig
from bronzewillow.kube.resources import CONFIG_MAPS, SERVICE_ACCOUNTS
from bronzewillow.testing.apiserver.authority import Authority, Subject
from bronzewillow.testing.apiserver.bootstrap import cluster_info
from bronzewillow.testing.control_plane import programs
from bronzewillow.testing.control_plane.programs import Layout
from bronzewillow.testing.ports import free_tcp_port

_START_S = 180.0
_STOP_S = 3.0
_TICK_S = 0.1


class ControlPlane:
    """Made by `control_plane`. Its folder has a log for each program."""

    def __init__(self, binaries: Path, folder: Path) -> None:
        self.layout = Layout(folder, *(free_tcp_port() for _ in range(5)))
        self.authority = Authority()
        self._path = f"{binaries}{os.pathsep}{os.environ.get('PATH', '')}"
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._write_files()

    @property
    def cluster(self) -> Cluster:
        """How to reach it."""
        return Cluster(self.layout.server, self.authority.ca_pem)

    def admin(self) -> Access:
        """Somebody who may do everything."""
        return self.certified("kubernetes-admin", "system:masters")

    def certified(self, name: str, *groups: str) -> Access:
        """Somebody with a client certificate."""
        pair = self.authority.issue(Subject(name, groups))
        return Access(self.cluster, HeldIdentity(Presented(pair.certificate_pem, pair.key_pem)))

    async def start(self) -> None:
        """Until nodes can join and pods can be made. RuntimeError with the end of a log."""
        self._spawn(programs.etcd(self.layout))
        self._spawn(programs.kube_apiserver(self.layout))
        async with KubeClient(self.admin(), timeout_s=5) as client:
            await self._until("kube-apiserver", lambda: _serves(client))
            self._spawn(programs.kube_controller_manager(self.layout))
            self._spawn(programs.kube_scheduler(self.layout))
            info = cluster_info(self.layout.server, self.authority.ca_pem)
            with suppress(AlreadyExists):
                await client.create(CONFIG_MAPS, info)
            await self._until(
                "kube-controller-manager",
                lambda: client.get(SERVICE_ACCOUNTS, "default", "default"),
            )

    async def restart(self) -> None:
        """kube-apiserver alone: all that is connected is cut off, and old watches expire."""
        self._end("kube-apiserver")
        self._spawn(programs.kube_apiserver(self.layout))
        async with KubeClient(self.admin(), timeout_s=5) as client:
            await self._until("kube-apiserver", lambda: _serves(client))

    def stop(self) -> None:
        """The last first."""
        for name in reversed([*self._processes]):
            self._end(name)

    def log(self, name: str) -> str:
        """What a program has said."""
        return (self.layout.folder / f"{name}.log").read_text(errors="replace")

    def _spawn(self, command: list[str]) -> None:
        name = command[0]
        program = shutil.which(name, path=self._path)
        if program is None:
            raise RuntimeError(
                f"{name}: there is no such program in {self._path.split(os.pathsep)[0]} or PATH"
            )
        with (self.layout.folder / f"{name}.log").open("ab") as log:
            self._processes[name] = subprocess.Popen(
                [program, *command[1:]],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def _end(self, name: str) -> None:
        process = self._processes.pop(name, None)
        if process is None:
            return
        process.terminate()
        try:
            process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    async def _until(self, name: str, check: Callable[[], Awaitable[object]]) -> None:
        loop = asyncio.get_running_loop()
        end = loop.time() + _START_S
        while True:
            try:
                await check()
                return
            except KubeError as error:
                gone = next((n for n, p in self._processes.items() if p.poll() is not None), None)
                if gone is not None or loop.time() > end:
                    said = self.log(gone or name)[-2000:]
                    raise RuntimeError(f"{gone or name} does not serve: {error}\n{said}") from None
            await asyncio.sleep(_TICK_S)

    def _write_files(self) -> None:
        authority, layout = self.authority, self.layout
        server = Subject("kube-apiserver", names=("localhost",), addresses=("127.0.0.1", "10.96.0.1"))
        pairs = {
            "ca": authority.pair,
            "apiserver": authority.issue(server, server=True),
            "kubelet-client": authority.issue(Subject("kube-apiserver-kubelet-client", ("system:masters",))),
            "admin": authority.issue(Subject("kubernetes-admin", ("system:masters",))),
            "service-account": Authority("service-account").pair,
        }
        for name, pair in pairs.items():
            _write(layout.certificate(name), pair.certificate_pem)
            _write(layout.key(name), pair.key_pem)
        files = {"certificate": layout.certificate("admin"), "key": layout.key("admin")}
        _write(layout.kubeconfig, emit_kubeconfig(self.cluster, **files))


async def _serves(client: KubeClient) -> None:
    async with client.stream("/readyz", silence_s=5) as pieces:
        async for _ in pieces:
            pass


def _write(path: Path, content: bytes) -> None:
    with open_private(path) as file:
        file.write(content)


@contextmanager
def control_plane(binaries: Path) -> Iterator[ControlPlane]:
    """A running one, from the programs in `binaries`, and etcd from there or from PATH."""
    with TemporaryDirectory(prefix="bronzewillow-k8s-") as folder:
        plane = ControlPlane(binaries, Path(folder))
        try:
            asyncio.run(plane.start())
            yield plane
        finally:
            plane.stop()
