"""A node below one folder that `bronzewillow up` brings up, ends, or is killed while it does."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil

from bronzewillow.host.children import send_signal
from bronzewillow.testing.gguf import emit_gguf, random_tensor
from bronzewillow.testing.node_processes import kill_all

_TENSORS = {"token_embd.weight": random_tensor(random.Random(1), 8, 8)}
_POD = """\
apiVersion: v1
kind: Pod
metadata: {{name: {name}}}
spec:
  terminationGracePeriodSeconds: 5
  containers:
  - {{name: llm, image: {image}, args: [{args}]}}
"""


class Up:
    """One run of `bronzewillow up`."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.log = ""

    async def until(self, text: str, count: int = 1) -> None:
        """Its log has that, so often; AssertionError when it ends before."""
        assert self.process.stderr is not None
        while self.log.count(text) < count:
            data = await self.process.stderr.read(65536)
            assert data, f"no {text!r} in:\n{self.log}"
            self.log += data.decode()

    async def end(self, number: int = signal.SIGTERM) -> int:
        """Its exit code."""
        send_signal(self.process, number)
        assert self.process.stderr is not None
        self.log += (await self.process.stderr.read()).decode()
        return await self.process.wait()


class Place:
    """Where nodes come and go."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.root, self.pods = folder / "n", folder / "pods"
        self.run, self.state = self.root / "run/bronzewillow", self.root / "state/bronzewillow"
        self.pods.mkdir()

    def write(self, name: str, image: str = "tiny", args: str = "--engine, echo") -> None:
        """A manifest."""
        text = _POD.format(name=name, image=image, args=args)
        (self.pods / f"{name}.yaml").write_text(text)

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "RUNM_STORE": str(self.folder / "images"), "XDG_CONFIG_HOME": str(self.folder)}

    async def program(self, module: str, *arguments: str) -> str:
        """What it prints; AssertionError when it fails."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", module, *arguments, env=self.environment,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        out, err = await process.communicate()
        assert process.returncode == 0, err.decode()
        return out.decode()

    async def make_image(self) -> None:
        """`tiny`, which the engine without a model serves."""
        (self.folder / "tiny.gguf").write_bytes(emit_gguf({"general.architecture": "llama"}, _TENSORS))
        await self.program("runtime.runm", "create", "tiny", "--model", str(self.folder / "tiny.gguf"))

    @asynccontextmanager
    async def up(self, *words: str, has_folder: bool = True) -> AsyncIterator[Up]:
        """With the folder of manifests, or without any. Nothing is waited for."""
        folder = ("--manifests", str(self.pods)) if has_folder else ()
        arguments = ("up", "--root", str(self.root), "--node-name", "mac", *folder, *words)
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "bronzewillow",
            *arguments,
            env=self.environment,
            stderr=asyncio.subprocess.PIPE,
        )
        up = Up(process)
        try:
            yield up
        finally:
            send_signal(process, signal.SIGKILL)
            await process.wait()

    def processes(self) -> list[psutil.Process]:
        """All that live and are of this node."""
        return [process for process, _ in self._living()]

    def commands(self) -> dict[int, list[str]]:
        """Their words, by process id."""
        return {process.pid: words for process, words in self._living()}

    def daemon(self, program: str) -> psutil.Process:
        """The one that lives of a program, such as `llm-containerd`."""
        found = {
            process.pid: process
            for process, words in self._living()
            if any(word == program or word.endswith(f"/{program}") for word in words)
        }
        # what a daemon begins has the daemon's own words, until it has become another program
        (one,) = [process for process in found.values() if process.ppid() not in found]
        return one

    def _living(self) -> list[tuple[psutil.Process, list[str]]]:
        """Each with its words, which are asked for once: it may end at any time."""
        found = []
        for process in psutil.process_iter():
            try:
                words = process.cmdline()
                marks = [*words, process.environ().get("RUNM_STORE", "")]
                if process.status() != psutil.STATUS_ZOMBIE and any(
                    str(self.folder) in mark for mark in marks
                ):
                    found.append((process, words))
            except (psutil.Error, OSError):
                continue
        return found


@contextmanager
def node_place() -> Iterator[Place]:
    """One of which nothing lives on afterwards."""
    with TemporaryDirectory(prefix="bw") as name:
        place = Place(Path(name))
        try:
            yield place
        finally:
            kill_all(place.processes)
