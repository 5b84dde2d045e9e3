"""Pods of files."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from kubelet.model.pod_spec import is_static
from kubelet.pods.static_source import StaticSource

TEXT = """apiVersion: v1
kind: Pod
metadata: {name: web, namespace: models}
spec:
  containers: [{name: llm, image: tiny}]
"""


def read(folder: Path) -> list[dict[str, Any]]:
    return StaticSource(folder, "mac-1").read()


def test_a_file_is_a_pod_of_this_node(tmp_path: Path) -> None:
    (tmp_path / "web.yaml").write_text(TEXT)
    (found,) = read(tmp_path)
    assert found["metadata"]["name"] == "web-mac-1"
    assert found["metadata"]["namespace"] == "models"
    assert found["metadata"]["annotations"]["kubernetes.io/config.hash"] == found["metadata"]["uid"]
    assert found["spec"]["nodeName"] == "mac-1"
    assert is_static(found)


def test_another_text_is_another_pod(tmp_path: Path) -> None:
    file = tmp_path / "web.yaml"
    file.write_text(TEXT)
    first = read(tmp_path)[0]["metadata"]["uid"]
    assert read(tmp_path)[0]["metadata"]["uid"] == first
    file.write_text(TEXT.replace("tiny", "other"))
    assert read(tmp_path)[0]["metadata"]["uid"] != first


def test_json_is_read_and_other_files_are_not(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(
        '{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a"},"spec":{"containers":[{"name":"c","image":"i"}]}}'
    )
    (tmp_path / "b.txt").write_text(TEXT)
    (tmp_path / ".c.yaml").write_text(TEXT)
    assert [one["metadata"]["name"] for one in read(tmp_path)] == ["a-mac-1"]
    assert read(tmp_path / "none") == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("kind: Pod", "it is not a Pod"),
        ("a: [", "line "),
        (TEXT + "---\n" + TEXT, "has 2 documents"),
        (TEXT.replace("name: web, ", ""), "metadata.name: "),
        (TEXT.replace("[{name: llm, image: tiny}]", "[]"), "spec.containers: "),
        ("#" * (1 << 20) + TEXT, "is larger than"),
    ],
)
def test_what_is_wrong_is_told_once(
    tmp_path: Path, text: str, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "a.yaml").write_text(text)
    (tmp_path / "b.yaml").write_text(TEXT)
    source = StaticSource(tmp_path, "mac-1")
    assert len(source.read()) == len(source.read()) == 1
    assert len(caplog.messages) == 1
    assert f"{tmp_path}/a.yaml: " in caplog.text
    assert words in caplog.text


def test_a_pod_goes_on_while_its_file_is_wrong(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text(TEXT)
    source = StaticSource(tmp_path, "mac-1")
    before = source.read()
    file.write_text("a: [")
    assert source.read() == before
    file.unlink()
    assert source.read() == []


def test_pods_go_on_while_their_folder_cannot_be_read(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "pods"
    folder.mkdir()
    (folder / "a.yaml").write_text(TEXT)
    source = StaticSource(folder, "mac-1")
    before = source.read()
    folder.rename(tmp_path / "elsewhere")
    folder.touch()
    assert source.read() == source.read() == before
    assert f"{folder}: Not a directory" in [record.getMessage() for record in caplog.records]
    assert len(caplog.records) == 2  # of the file and of the folder, once
    folder.unlink()
    assert source.read() == []


def test_two_files_with_one_pod(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "a.yaml").write_text(TEXT)
    (tmp_path / "b.yaml").write_text(TEXT)
    assert len(read(tmp_path)) == 1
    assert "another file has the pod models/web-mac-1, too" in caplog.text


def test_a_pipe_is_not_waited_for(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    os.mkfifo(tmp_path / "pipe.yaml")
    (tmp_path / "web.yaml").write_text(TEXT)
    assert len(read(tmp_path)) == 1
    assert f"{tmp_path}/pipe.yaml: is no regular file" in caplog.text
