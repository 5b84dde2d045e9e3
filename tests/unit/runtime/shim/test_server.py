"""The shim as the process that it is."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil
import pytest
from google.protobuf.empty_pb2 import Empty

from bronzewillow.testing.aio import run
from bronzewillow.testing.ends import has_ended
from bronzewillow.testing.loopback import until
from runtime.api import task_pb2 as api
from runtime.shim.bootstrap import is_alive
from runtime.ttrpc.client import connect

pytestmark = pytest.mark.loopback
TASK = "containerd.task.v2.Task"
MOST_BYTES = (25 if sys.version_info < (3, 14) else 30) << 20  # whose asyncio alone takes 4 more


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    with TemporaryDirectory(prefix="bw") as name:
        monkeypatch.setenv("XDG_RUNTIME_DIR", name)
        monkeypatch.setenv("RUNM_ROOT", f"{name}/runm")
        bundle = Path(name) / "bundle"
        (bundle / "rootfs").mkdir(parents=True)
        config = {
            "ociVersion": "1.0.2",
            "root": {"path": "rootfs"},
            "process": {"args": ["--engine", "echo"]},
        }
        (bundle / "config.json").write_text(json.dumps(config))
        yield Path(name)


def shim(bundle: Path, *words: str) -> bytes:
    command = [sys.executable, "-m", "runtime.shim", "-namespace", "default", "-address", "/none", *words]
    return subprocess.run(command, cwd=bundle, check=True, capture_output=True, timeout=120).stdout


def test_as_containerd_starts_and_ends_it(folder: Path) -> None:
    bundle = folder / "bundle"
    address = shim(bundle, "-id", "one", "start").decode()
    assert shim(bundle, "-id", "one", "start").decode() == address  # it is there already
    assert (bundle / "address").read_text() == address
    path = Path(address.removeprefix("unix://"))
    assert path.parent.stat().st_mode & 0o777 == 0o700

    async def main() -> None:
        client = await connect(path)
        pid = (await client.call(TASK, "Connect", api.ConnectRequest(), api.ConnectResponse)).shim_pid
        create = api.CreateTaskRequest(id="one", bundle=str(bundle), stdout=f"cri://{folder}/0.log")
        await client.call(TASK, "Create", create, api.CreateTaskResponse)
        assert psutil.Process(pid).memory_info().rss < MOST_BYTES
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            os.kill(pid, number)
        await client.call(TASK, "Delete", api.DeleteRequest(id="one"), api.DeleteResponse)
        await client.call(TASK, "Shutdown", api.ShutdownRequest(id="one"), Empty)
        await client.closed

    run(main())
    assert not path.exists()
    assert "Traceback" not in (bundle / "shim.log").read_text()


def test_a_shim_that_died_is_cleaned_up_after(folder: Path) -> None:
    bundle = folder / "bundle"
    path = Path(shim(bundle, "-id", "one", "start").decode().removeprefix("unix://"))

    async def main() -> int:
        client = await connect(path)
        shim_pid = (await client.call(TASK, "Connect", api.ConnectRequest(), api.ConnectResponse)).shim_pid
        create = api.CreateTaskRequest(id="one", bundle=str(bundle))
        task_pid = (await client.call(TASK, "Create", create, api.CreateTaskResponse)).pid
        os.kill(shim_pid, signal.SIGKILL)
        await until(lambda: not is_alive(path))
        return task_pid

    task_pid = run(main())
    deleted = api.DeleteResponse.FromString(shim(bundle, "-id", "one", "-bundle", str(bundle), "delete"))
    assert deleted.exit_status == 255
    run(until(lambda: has_ended(task_pid)))
    assert not list((folder / "runm").iterdir())
