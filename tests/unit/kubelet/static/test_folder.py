from __future__ import annotations

import os
from pathlib import Path

import pytest

from kubelet.static.folder import Folder

POD = "{apiVersion: v1, kind: Pod, metadata: {name: %s}, spec: {containers: [{name: llm, image: tiny}]}}\n"


def test_only_manifests_are_read(tmp_path: Path) -> None:
    for name in ("b.yaml", "a.json", "c.yml", ".hidden.yaml", "notes.txt", "b.yaml~"):
        (tmp_path / name).write_text(POD % name.strip(".~").partition(".")[0])
    wanted = Folder(tmp_path, "mac").read()
    assert [pod.name for pod in wanted.pods] == ["a-mac", "b-mac", "c-mac"]
    assert wanted.problems == wanted.notes == ()


def test_a_file_with_a_mistake_says_what_it_said_before(tmp_path: Path) -> None:
    folder = Folder(tmp_path, "mac")
    for name in ("a", "b"):
        (tmp_path / f"{name}.yaml").write_text(POD % name)
    before = folder.read()
    (tmp_path / "a.yaml").write_text("kind: Pod\nspec: [\n")
    broken = folder.read()
    assert broken.pods == before.pods
    assert broken.unreadable == {"a.yaml"}
    (problem,) = broken.problems
    assert problem.startswith(f"{tmp_path}/a.yaml:3: YAML: ")
    (tmp_path / "a.yaml").unlink()
    assert [pod.name for pod in folder.read().pods] == ["b-mac"]


def test_one_mistake_in_a_file_leaves_all_of_it_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(f"{POD % 'one'}---\nkind: Pod\n")
    wanted = Folder(tmp_path, "mac").read()
    assert not wanted.pods
    assert wanted.unreadable == {"a.yaml"}


def test_one_name_in_two_files(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(POD % "x")
    (tmp_path / "b.yaml").write_text(POD % "x")
    wanted = Folder(tmp_path, "mac").read()
    assert [pod.file for pod in wanted.pods] == ["a.yaml"]
    assert wanted.problems == (f"{tmp_path}/b.yaml: pod default/x-mac is in a.yaml, too; that one is run",)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").mkdir()
    (tmp_path / "b.yaml").write_bytes(b"a: 1\nb: \xff\n")
    (tmp_path / "c.yaml").write_bytes(b"#" * (1 << 20) + b"#")
    os.mkfifo(tmp_path / "d.yaml")
    assert [problem.partition(str(tmp_path))[2] for problem in Folder(tmp_path, "mac").read().problems] == [
        "/a.yaml: cannot be read: Is a directory",
        "/b.yaml:2: is not UTF-8 text",
        "/c.yaml: is longer than 1048576 bytes",
        "/d.yaml: cannot be read: is no regular file",
    ]


def test_a_change_changes_the_fingerprint(tmp_path: Path) -> None:
    folder = Folder(tmp_path, "mac")
    seen = [folder.fingerprint()]
    (tmp_path / "a.yaml").write_text("x")
    seen.append(folder.fingerprint())
    (tmp_path / "a.yaml").write_text("xy")
    seen.append(folder.fingerprint())
    (tmp_path / "dangling.yaml").symlink_to(tmp_path / "nowhere")
    assert len(set(seen)) == 3
    assert folder.fingerprint() == seen[-1]
    with pytest.raises(FileNotFoundError):
        Folder(tmp_path / "none", "mac").fingerprint()
