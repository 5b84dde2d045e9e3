"""What containerd asks of a snapshotter, and what ours adds: nothing is copied."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest

from runtime.snapshots import Kind, Snapshotter, Usage
from runtime.snapshots.errors import (
    AlreadyExists,
    FailedPrecondition,
    InvalidArgument,
    NotFound,
    SnapshotError,
)

Open = Callable[[], Snapshotter]


@pytest.fixture
def reopen(tmp_path: Path) -> Open:
    seconds = count()
    begin = datetime(2024, 1, 1, tzinfo=UTC)
    return lambda: Snapshotter(tmp_path / "root", lambda: begin + timedelta(seconds=next(seconds)))


@pytest.fixture
def snapshotter(reopen: Open) -> Snapshotter:
    return reopen()


def layer(snapshotter: Snapshotter, name: str, parent: str = "", **files: str) -> None:
    """A committed snapshot with some files."""
    (mount,) = snapshotter.prepare(f"{name}-key", parent)
    for file, text in files.items():
        (mount.source / file).write_text(text)
    snapshotter.commit(name, f"{name}-key")


def content(snapshotter: Snapshotter, key: str) -> dict[str, str]:
    (mount,) = snapshotter.mounts(key)
    return {path.name: path.read_text() for path in mount.source.iterdir()}


def names(snapshotter: Snapshotter, *filters: str) -> list[str]:
    return [info.name for info in snapshotter.walk(filters)]


def test_layers_stand_on_one_another(snapshotter: Snapshotter) -> None:
    layer(snapshotter, "model", model="weights")
    layer(snapshotter, "system", "model", system="be brief")
    mounts = snapshotter.prepare("container", "system")
    assert content(snapshotter, "container") == {"model": "weights", "system": "be brief"}
    assert mounts == snapshotter.mounts("container")
    (mount,) = mounts
    assert (mount.type, mount.options) == ("bind", ("rbind", "rw"))
    (mount.source / "scratch").write_text("x")
    snapshotter.view("look", "system")
    assert content(snapshotter, "look") == {"model": "weights", "system": "be brief"}
    assert snapshotter.mounts("look")[0].options == ("rbind", "ro")


def test_a_later_layer_replaces_an_earlier_ones_file(snapshotter: Snapshotter) -> None:
    layer(snapshotter, "one", system="old")
    (mount,) = snapshotter.prepare("k", "one")
    new = mount.source / "new"
    new.write_text("new")
    new.replace(mount.source / "system")
    snapshotter.commit("two", "k")
    snapshotter.view("below", "one")
    snapshotter.view("above", "two")
    assert content(snapshotter, "below") == {"system": "old"}
    assert content(snapshotter, "above") == {"system": "new"}


def test_stat_tells_kinds_and_parents(snapshotter: Snapshotter) -> None:
    layer(snapshotter, "base", a="1")
    snapshotter.prepare("active", "base", {"a": "b"})
    snapshotter.view("view", "base")
    stats = {name: snapshotter.stat(name) for name in ("base", "active", "view")}
    assert [(info.kind, info.parent) for info in stats.values()] == [
        (Kind.COMMITTED, ""),
        (Kind.ACTIVE, "base"),
        (Kind.VIEW, "base"),
    ]
    assert stats["active"].labels == {"a": "b"}
    assert stats["base"].created < stats["active"].created


def test_commit_replaces_key_and_labels(snapshotter: Snapshotter) -> None:
    snapshotter.prepare("key", "", {"old": "1"})
    snapshotter.commit("name", "key", {"new": "2"})
    assert snapshotter.stat("name").labels == {"new": "2"}
    with pytest.raises(NotFound):
        snapshotter.stat("key")
    with pytest.raises(NotFound):
        snapshotter.mounts("key")


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda s: s.prepare("active"), AlreadyExists),
        (lambda s: s.view("base"), AlreadyExists),
        (lambda s: s.prepare("new", "nothing"), NotFound),
        (lambda s: s.prepare("new", "active"), FailedPrecondition),
        (lambda s: s.view("new", "view"), FailedPrecondition),
        (lambda s: s.commit("new", "nothing"), NotFound),
        (lambda s: s.commit("base", "active"), AlreadyExists),
        (lambda s: s.commit("new", "view"), FailedPrecondition),
        (lambda s: s.commit("new", "base"), FailedPrecondition),
        (lambda s: s.mounts("nothing"), NotFound),
        (lambda s: s.mounts("base"), FailedPrecondition),
        (lambda s: s.remove("nothing"), NotFound),
        (lambda s: s.remove("base"), FailedPrecondition),
        (lambda s: s.stat("nothing"), NotFound),
        (lambda s: s.usage("nothing"), NotFound),
        (lambda s: s.prepare(""), InvalidArgument),
        (lambda s: s.commit("", "active"), InvalidArgument),
        (lambda s: s.prepare("a\0b"), InvalidArgument),
        (lambda s: s.prepare("x" * 2000), InvalidArgument),
        (lambda s: s.prepare("new", "", {"k": "v" * 5000}), InvalidArgument),
        (lambda s: list(s.walk(["kind="])), InvalidArgument),
        (lambda s: s.update(s.stat("base"), ["parent"]), InvalidArgument),
        (lambda s: s.update(replace(s.stat("base"), name="nothing")), NotFound),
    ],
)
def test_refusals_change_nothing(
    snapshotter: Snapshotter, call: Callable[[Snapshotter], object], error: type[SnapshotError]
) -> None:
    layer(snapshotter, "base", a="1")
    snapshotter.prepare("active", "base")
    snapshotter.view("view", "base")
    before = list(snapshotter.walk())
    with pytest.raises(error) as raised:
        call(snapshotter)
    assert "\n" not in str(raised.value)
    assert list(snapshotter.walk()) == before


def test_names_are_any_text(snapshotter: Snapshotter) -> None:
    key = "default/12/extract-47/../\u00e4 \n sha256:" + "f" * 64
    snapshotter.prepare(key)
    assert names(snapshotter) == [key]
    snapshotter.remove(key)
    assert names(snapshotter) == []


def test_update_sets_labels_all_or_some(snapshotter: Snapshotter) -> None:
    snapshotter.prepare("k", "", {"a": "1", "b": "2"})
    info = snapshotter.stat("k")
    changed = snapshotter.update(replace(info, labels={"a": "9", "c.d/e": "3"}), ["labels.a", "labels.c.d/e"])
    assert changed.labels == {"a": "9", "b": "2", "c.d/e": "3"}
    assert changed.updated > info.updated
    assert changed.created == info.created
    assert snapshotter.update(replace(info, labels={}), ["labels.a"]).labels == {"b": "2", "c.d/e": "3"}
    assert snapshotter.update(replace(info, labels={"z": "0"})).labels == {"z": "0"}
    assert snapshotter.update(replace(info, labels={"y": "0"}), ["labels"]).labels == {"y": "0"}
    assert snapshotter.stat("k").kind is Kind.ACTIVE


def test_walk_filters(snapshotter: Snapshotter) -> None:
    layer(snapshotter, "base", a="1")
    snapshotter.prepare("one", "base", {"containerd.io/snapshot.ref": "sha256:1"})
    snapshotter.prepare("two", "base")
    assert names(snapshotter) == ["base", "one", "two"]
    assert names(snapshotter, 'labels."containerd.io/snapshot.ref"==sha256:1,parent==base') == ["one"]
    assert names(snapshotter, "kind==committed", 'name~="^tw"') == ["base", "two"]
    assert names(snapshotter, "parent==nothing") == []


def test_everything_is_still_there_for_the_next_process(snapshotter: Snapshotter, reopen: Open) -> None:
    layer(snapshotter, "base", a="1")
    snapshotter.prepare("active", "base", {"l": "m"})
    again = reopen()
    assert list(again.walk()) == list(snapshotter.walk())
    assert content(again, "active") == {"a": "1"}
    again.remove("active")
    assert names(snapshotter) == ["base"]


def test_nothing_is_copied(snapshotter: Snapshotter, tmp_path: Path) -> None:
    blob = tmp_path / "blob"
    with blob.open("wb") as file:
        file.truncate(40 << 30)  # a sparse 40 GB model
    (mount,) = snapshotter.prepare("k")
    os.link(blob, mount.source / "model.gguf")
    snapshotter.commit("model", "k")
    for number in range(20):
        (mount,) = snapshotter.prepare(f"c{number}", "model")
        assert (mount.source / "model.gguf").stat().st_ino == blob.stat().st_ino
        assert snapshotter.usage(f"c{number}") == Usage(1, 0)
    held = {found.stat().st_ino: found.stat().st_blocks * 512 for found in tmp_path.rglob("*")}
    assert sum(held.values()) < 10 << 20


def test_usage_counts_what_only_it_holds(snapshotter: Snapshotter) -> None:
    (mount,) = snapshotter.prepare("k")
    (mount.source / "folder").mkdir()
    (mount.source / "folder" / "scratch").write_bytes(b"x" * 100_000)
    usage = snapshotter.usage("k")
    assert usage.inodes == 3
    assert 100_000 <= usage.size_bytes < 200_000


def test_what_a_container_made_unwritable_can_be_removed(snapshotter: Snapshotter) -> None:
    (mount,) = snapshotter.prepare("k")
    (mount.source / "folder").mkdir()
    (mount.source / "folder" / "file").write_text("x")
    (mount.source / "link").symlink_to("/etc")
    (mount.source / "folder").chmod(0o500)
    snapshotter.remove("k")
    assert names(snapshotter) == []
    assert Path("/etc").is_dir()
