"""A stock containerd drives the shim: it runs, watches, ends and finds again what runm serves."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import psutil
import pytest

from bronzewillow.testing.lab.child import wait_until

from .conftest import require
from .containerd import Containerd, containerd_running

pytestmark = pytest.mark.lab


@pytest.fixture
def containerd() -> Iterator[Containerd]:
    require("containerd", "curl")
    with containerd_running() as one:
        yield one


def test_a_model_lives_and_ends(containerd: Containerd) -> None:
    containerd.run("one")
    pid, status = containerd.tasks()["one"]
    assert status == "RUNNING" and psutil.Process(pid).is_running()
    assert str(pid) in containerd.ctr("task", "ps", "one").stdout
    assert containerd.ctr("task", "delete", "one", check=False).returncode, "it runs"
    containerd.ctr("task", "kill", "-s", "SIGTERM", "one")
    wait_until(lambda: containerd.tasks()["one"][1] == "STOPPED", "one has ended")
    containerd.ctr("task", "delete", "one")
    containerd.ctr("container", "rm", "one")
    wait_until(lambda: not containerd.shims(), "the shim has gone")
    assert not list((containerd.folder / "run/bronzewillow/s").iterdir())
    assert not list((containerd.folder / "run/bronzewillow/runm").iterdir())


def test_containerd_starts_again_and_finds_it(containerd: Containerd) -> None:
    containerd.run("one")
    before = containerd.tasks()["one"]
    containerd.process.kill()
    containerd.process.wait(60)
    assert containerd.is_up("one")
    containerd.start()
    assert containerd.tasks()["one"] == before
    os.kill(before[0], signal.SIGKILL)
    wait_until(lambda: containerd.tasks()["one"][1] == "STOPPED", "its end is seen")
    deleted = containerd.ctr("task", "delete", "one")
    assert "137" in deleted.stderr


def test_a_shim_that_dies_takes_its_model_with_it(containerd: Containerd) -> None:
    containerd.run("one")
    pid, _ = containerd.tasks()["one"]
    (shim,) = containerd.shims()
    shim.kill()
    wait_until(lambda: not containerd.is_up("one"), "the model has gone")
    wait_until(lambda: "one" not in containerd.tasks(), "the task is forgotten")
    wait_until(lambda: _has_ended(pid), "its process has ended")
    containerd.ctr("container", "rm", "one")


def _has_ended(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
