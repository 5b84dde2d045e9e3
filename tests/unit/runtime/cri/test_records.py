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


SPOILT = {
    "empty": "",
    "torn": "{",
    "odd": json.dumps({"id": "odd"}),
    "deep": "[" * 100_000,
    "list": "[]",
    "other": json.dumps({**CONTAINER.to_json(), "id": "another"}),
    "ended": json.dumps({**CONTAINER.to_json(), "id": "ended", "ended": [3]}),
    "half-a-pair": json.dumps({**CONTAINER.to_json(), "id": "half-a-pair", "config": {"\ud800": 1}}),
}


def test_what_is_no_record_is_told_and_can_be_discarded(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    Records(tmp_path, Container).put(CONTAINER)
    for name, text in SPOILT.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "record.json").write_text(text)
    (tmp_path / "half").mkdir()
    records = Records(tmp_path, Container)
    assert list(records) == [CONTAINER]
    assert not (tmp_path / "half").exists()
    assert records.spoilt == sorted(SPOILT)
    assert [record.args[0] for record in caplog.records if isinstance(record.args, tuple)] == [
        tmp_path / name / "record.json" for name in sorted(SPOILT)
    ]
    for name in SPOILT:
        records.discard(name)
    assert [path.name for path in tmp_path.iterdir()] == [CONTAINER.id]
    assert records.spoilt == []


def test_what_cannot_be_read_is_not_taken_for_spoilt(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "a" / "record.json").mkdir(parents=True)
    assert Records(tmp_path, Sandbox).spoilt == []
    assert "cannot be read" in caplog.text


def test_what_is_removed_is_gone(tmp_path: Path) -> None:
    records = Records(tmp_path, Sandbox)
    records.put(SANDBOX)
    (records.folder(SANDBOX) / "more").touch()
    records.remove(SANDBOX)
    assert not list(tmp_path.iterdir()) and len(records) == 0
