from __future__ import annotations

import json
from pathlib import Path

import pytest

from runtime.api import cri_pb2 as api
from runtime.cri.errors import NotFound
from runtime.cri.records import Container, Records, Sandbox
from runtime.shim.exit_record import ExitRecord

SANDBOX = Sandbox(
    "ab" * 32,
    api.PodSandboxConfig(metadata=api.PodSandboxMetadata(name="a", attempt=2), labels={"x": "y"}),
    5, "runm", True, ["10.0.0.1"],
)  # fmt: skip
CONTAINER = Container(
    "ac" * 32, SANDBOX.id, api.ContainerConfig(envs=[api.KeyValue(key="a", value=b"\xff\0")]), 6,
    "sha256:1", "tiny:latest", "/log", True, 7, ExitRecord(3, 8, True), "words", True,
)  # fmt: skip


def test_they_come_back(tmp_path: Path) -> None:
    Records(tmp_path / "s", Sandbox).put(SANDBOX)
    Records(tmp_path / "c", Container).put(CONTAINER)
    assert list(Records(tmp_path / "s", Sandbox)) == [SANDBOX]
    assert list(Records(tmp_path / "c", Container)) == [CONTAINER]


def test_states() -> None:
    container = Container("a", "b", api.ContainerConfig(), 1, "", "")
    assert container.state == api.ContainerState.CONTAINER_CREATED
    container.started_ns = 2
    assert container.state == api.ContainerState.CONTAINER_RUNNING
    container.ended = ExitRecord(0, 3)
    assert container.state == api.ContainerState.CONTAINER_EXITED


def test_the_beginning_of_an_id_is_enough_when_no_other_begins_so(tmp_path: Path) -> None:
    records = Records(tmp_path, Sandbox)
    for name in ("abc", "abd", "x"):
        records.put(Sandbox(name, api.PodSandboxConfig(), 1))
    assert records.get("abc").id == records.get("abc"[:3]).id == "abc"
    assert records.get("x") is records.find("x")
    for text in ("ab", "", "y"):
        assert records.find(text) is None
        with pytest.raises(NotFound, match="sandbox"):
            records.get(text)


def test_what_is_no_record_is_left_alone(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    records = Records(tmp_path, Sandbox)
    records.put(SANDBOX)
    for name, text in (("bad", "{"), ("odd", json.dumps({"id": "odd"}))):
        (tmp_path / name).mkdir()
        (tmp_path / name / "record.json").write_text(text)
    (tmp_path / "half").mkdir()
    assert list(Records(tmp_path, Sandbox)) == [SANDBOX]
    assert (tmp_path / "bad").exists() and not (tmp_path / "half").exists()
    assert len(caplog.records) == 2


def test_what_is_removed_is_gone(tmp_path: Path) -> None:
    records = Records(tmp_path, Sandbox)
    records.put(SANDBOX)
    (records.folder(SANDBOX) / "more").touch()
    records.remove(SANDBOX)
    assert not list(tmp_path.iterdir()) and len(records) == 0
