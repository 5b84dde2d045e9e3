"""Containers of real processes, with the engine that needs no model."""

from __future__ import annotations

import json
import signal
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import Popen
from tempfile import TemporaryDirectory

import pytest

from runtime.oci import lifecycle
from runtime.oci.errors import BundleError, ContainerExists, NoSuchContainer, WrongStatus
from runtime.oci.state import Status

pytestmark = pytest.mark.loopback


@dataclass
class Rig:
    folder: Path
    processes: list[Popen[bytes]] = field(default_factory=list)

    @property
    def root(self) -> Path:
        return self.folder / "root"

    def create(self, name: str = "one", *args: str) -> Popen[bytes]:
        bundle = self.folder / f"bundle-{name}"
        (bundle / "rootfs").mkdir(parents=True, exist_ok=True)
        words = args or ("--engine", "echo", "--listen", f"unix:{self.folder / name}")
        config = {"ociVersion": "1.0.2", "root": {"path": "rootfs"}, "process": {"args": words}}
        (bundle / "config.json").write_text(json.dumps(config))
        process = lifecycle.create(self.root, name, bundle)
        self.processes.append(process)
        return process

    def status(self, name: str = "one") -> Status:
        return lifecycle.state(self.root, name).status

    def wait_for_socket(self, name: str = "one") -> None:
        while True:
            with socket.socket(socket.AF_UNIX) as client:
                try:
                    client.connect(str(self.folder / name))
                except OSError:
                    assert self.status(name) is Status.RUNNING
                    continue
                return


@pytest.fixture
def rig() -> Iterator[Rig]:
    with TemporaryDirectory(prefix="bw") as folder:
        rig = Rig(Path(folder))
        yield rig
        for process in rig.processes:
            process.kill()
            process.wait()


def test_a_life(rig: Rig) -> None:
    process = rig.create()
    created = lifecycle.state(rig.root, "one")
    assert (created.status, created.pid) == (Status.CREATED, process.pid)
    lifecycle.start(rig.root, "one")
    rig.wait_for_socket()
    assert lifecycle.state(rig.root, "one").pid == process.pid  # runm itself, nothing above it
    lifecycle.kill(rig.root, "one", signal.SIGTERM)
    assert process.wait(60) == 0
    assert rig.status() is Status.STOPPED
    lifecycle.delete(rig.root, "one")
    with pytest.raises(NoSuchContainer):
        lifecycle.state(rig.root, "one")


def test_what_a_status_does_not_allow(rig: Rig) -> None:
    process = rig.create()
    with pytest.raises(ContainerExists):
        rig.create()
    with pytest.raises(WrongStatus, match="is created; stop it first"):
        lifecycle.delete(rig.root, "one")
    lifecycle.start(rig.root, "one")
    with pytest.raises(WrongStatus, match="is running; only a created one can be started"):
        lifecycle.start(rig.root, "one")
    lifecycle.kill(rig.root, "one", signal.SIGKILL)
    assert process.wait(60) == -signal.SIGKILL
    with pytest.raises(WrongStatus, match="is stopped"):
        lifecycle.start(rig.root, "one")
    with pytest.raises(WrongStatus, match="is stopped"):
        lifecycle.kill(rig.root, "one", signal.SIGTERM)


def test_delete_by_force_ends_what_lives(rig: Rig) -> None:
    created, running = rig.create("one"), rig.create("two")
    lifecycle.start(rig.root, "two")
    assert [state.id for state in lifecycle.states(rig.root)] == ["one", "two"]
    for name, process in (("one", created), ("two", running)):
        lifecycle.delete(rig.root, name, force=True)
        assert process.wait(60) == -signal.SIGKILL
    assert lifecycle.states(rig.root) == []


def test_delete_by_force_of_one_that_ends_by_itself_meanwhile(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    process, kill = rig.create(), lifecycle.kill

    def kill_too_late(*words: object) -> None:
        process.kill()
        process.wait(60)
        kill(*words)  # type: ignore[arg-type]

    monkeypatch.setattr(lifecycle, "kill", kill_too_late)
    lifecycle.delete(rig.root, "one", force=True)
    assert lifecycle.states(rig.root) == []


def test_a_created_container_can_be_killed(rig: Rig) -> None:
    process = rig.create()
    lifecycle.kill(rig.root, "one", signal.SIGTERM)
    assert process.wait(60) == -signal.SIGTERM
    assert rig.status() is Status.STOPPED


def test_a_wrong_option_ends_it_with_two(rig: Rig) -> None:
    process = rig.create("one", "--colour", "bronze")
    lifecycle.start(rig.root, "one")
    assert process.wait(60) == 2
    assert rig.status() is Status.STOPPED


def test_a_bundle_that_cannot_be_leaves_nothing(rig: Rig) -> None:
    rig.create()
    with pytest.raises(BundleError, match=r"config\.json: cannot be read"):
        lifecycle.create(rig.root, "two", rig.folder / "nothing")
    (rig.folder / "bundle-one" / "rootfs").rmdir()
    with pytest.raises(BundleError, match="rootfs: the bundle's root is no folder"):
        lifecycle.create(rig.root, "two", rig.folder / "bundle-one")
    assert [state.id for state in lifecycle.states(rig.root)] == ["one"]
