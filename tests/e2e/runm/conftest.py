"""`runm serve` as users start it: a process of its own, with a real model."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from runtime.models.smollm2 import FILE_NAME, default_folder

LIMIT_S = 300.0
"""For what takes seconds where nothing else is at work: whoever needs longer hangs."""


@dataclass(slots=True)
class Server:
    """A running `runm serve`."""

    process: subprocess.Popen[str]
    socket: Path
    url: str = ""
    lines: list[str] = field(default_factory=list)

    def stop(self, number: int = signal.SIGTERM, timeout_s: float = LIMIT_S) -> int:
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(timeout_s)

    def until_bound(self) -> None:
        """Until its socket is there, of which the loading model knows nothing."""
        while not self.socket.exists():
            assert self.process.poll() is None, self.lines
            time.sleep(0.002)

    def busy(self) -> int:
        """How many slots are in use, as its figures say."""
        with urllib.request.urlopen(f"{self.url}/metrics", timeout=LIMIT_S) as answer:
            for line in answer.read().decode().splitlines():
                if line.startswith("llamacpp:requests_processing "):
                    return int(float(line.split()[1]))
        raise AssertionError("no such figure")


@contextmanager
def run_server(*arguments: str, wait: bool = True) -> Iterator[Server]:
    """Start `runm serve` on a socket and on a free port; with `wait`, it is ready."""
    with tempfile.TemporaryDirectory(prefix="runm-e2e-") as folder:
        path = Path(folder) / "r.sock"
        command = [sys.executable, "-m", "runtime.runm", "serve", "--threads", "1"]
        command += ["--listen", f"unix:{path}", "--listen", "127.0.0.1:0", *arguments]
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        server = Server(process, path)
        ready = threading.Event()
        reader = threading.Thread(target=_read, args=(server, ready), daemon=True)
        reader.start()
        try:
            if wait:
                assert ready.wait(LIMIT_S), server.lines
                assert process.poll() is None, server.lines
            yield server
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
            reader.join()
            assert process.stderr is not None
            process.stderr.close()


def _read(server: Server, ready: threading.Event) -> None:
    assert server.process.stderr is not None
    for line in server.process.stderr:
        server.lines.append(line.rstrip())
        if found := re.match(r"listening on (http://\S+)", line):
            server.url = found[1]
        if line.strip() == "ready":
            ready.set()
    ready.set()


@pytest.fixture(scope="session")
def model_path() -> Path:
    """BRONZEWILLOW_TEST_MODEL, or the fetched SmolLM2."""
    named = os.environ.get("BRONZEWILLOW_TEST_MODEL")
    path = Path(named) if named else default_folder() / FILE_NAME
    if not path.is_file():
        pytest.skip("no model: set BRONZEWILLOW_TEST_MODEL or run python -m runtime.models.smollm2")
    return path


@pytest.fixture(scope="session")
def server(model_path: Path) -> Iterator[Server]:
    """One server for all tests that do not stop it."""
    arguments = (
        "--model",
        str(model_path),
        "--name",
        "registry.example/team/smollm2:135m",
        "--context",
        "1024",
    )
    with run_server(*arguments) as running:
        yield running
        assert running.stop() == 0, running.lines
        assert not running.socket.exists()


@pytest.fixture(scope="session")
def start() -> Callable[..., AbstractContextManager[Server]]:
    """`run_server`, for tests that need a server of their own."""
    return run_server
