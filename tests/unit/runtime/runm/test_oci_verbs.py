"""The OCI verbs on the command line."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from runtime.oci.bundle import parse_bundle
from runtime.oci.state import ContainerFolder

pytestmark = pytest.mark.loopback


@pytest.fixture
def folder() -> Iterator[Path]:
    with TemporaryDirectory(prefix="bw") as name:
        path = Path(name)
        (path / "rootfs").mkdir()
        args = ["--engine", "echo", "--listen", f"unix:{path / 's'}"]
        config = {"ociVersion": "1.0.2", "root": {"path": "rootfs"}, "process": {"args": args}}
        (path / "config.json").write_text(json.dumps(config))
        yield path
        runm(path, "delete", "--force", "one")


def runm(folder: Path, verb: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "runtime.runm", verb, "--root", str(folder / "root"), *arguments]
    if verb == "create":  # the container keeps its maker's output
        with (folder / "log").open("w") as log:
            return subprocess.run(argv, stdout=log, stderr=log, text=True, check=False)
    return subprocess.run(argv, capture_output=True, text=True, check=False)


def test_a_life_by_hand(folder: Path) -> None:
    pid_file = folder / "pid"
    made = runm(folder, "create", "--bundle", str(folder), "--pid-file", str(pid_file), "one")
    assert made.returncode == 0, (folder / "log").read_text()
    state = json.loads(runm(folder, "state", "one").stdout)
    assert (state["status"], state["pid"]) == ("created", int(pid_file.read_text()))
    assert "is created, not running" in runm(folder, "events", "--stats", "one").stderr
    assert runm(folder, "start", "one").returncode == 0
    stats = json.loads(runm(folder, "events", "--stats", "one").stdout)
    assert stats["data"]["memory"]["usage"]["usage"] > 1 << 20
    head, row = runm(folder, "ps").stdout.splitlines()
    assert head.split() == ["ID", "POD", "CONTAINER", "MODEL", "STATUS", "PID", "CREATED"]
    assert row.split()[:6] == ["one", "-", "-", "-", "running", pid_file.read_text()]
    assert json.loads(runm(folder, "ps", "--format", "json").stdout)[0]["id"] == "one"
    assert runm(folder, "kill", "one", "sigkill").returncode == 0
    assert runm(folder, "events", "one").returncode == 0  # ends with the container
    assert runm(folder, "delete", "one").returncode == 0


def test_a_containers_names_and_the_beginning_of_its_id(folder: Path) -> None:
    root, long = folder / "root", "ab12" * 16
    config = json.loads((folder / "config.json").read_text())
    names = {"sandbox-namespace": "n", "sandbox-name": "llm", "container-name": "main", "image-name": "tiny"}
    config["annotations"] = {f"io.kubernetes.cri.{name}": text for name, text in names.items()}
    ContainerFolder.make(root, long, parse_bundle(json.dumps(config).encode(), folder))
    _, row = runm(folder, "ps").stdout.splitlines()
    assert row.split()[:6] == [long[:12], "n/llm", "main", "tiny", "stopped", "-"]
    assert json.loads(runm(folder, "state", long[:12]).stdout)["id"] == long
    assert "container 'ab13' is not there" in runm(folder, "delete", "ab13").stderr
    assert runm(folder, "delete", long[:4]).returncode == 0
    assert len(runm(folder, "ps").stdout.splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "code", "why"),
    [
        (("state", "two"), 1, "container 'two' is not there"),
        (("kill", "two", "BRONZE"), 2, "'BRONZE' is no signal"),
        (("create", "--bundle", "/nonexistent", "two"), 1, "config.json: cannot be read"),
        (("create", "--pid-file", "x", "two"), 2, "--bundle"),
        (("delete", "../x"), 1, "use letters, digits"),
    ],
)
def test_mistakes_are_one_line(folder: Path, arguments: tuple[str, ...], code: int, why: str) -> None:
    ended = runm(folder, *arguments)
    said = (ended.stderr or (folder / "log").read_text()).strip()
    assert ended.returncode == code
    assert why in said
    assert said.startswith("runm: ")
    assert "\n" not in said
