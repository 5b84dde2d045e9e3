"""The LLM snapshotter: containerd's verbs over folders of hard links.

Of a layer chain every committed snapshot shows all files of its ancestors, so preparing one on top is a
handful of links whatever the model's size, and a mount is a bind of one folder. Names, kinds and refusals are
containerd's (core/snapshots/snapshotter.go): `prepare` and `view` take a key and a committed parent, `commit`
gives an active snapshot a name for ever, `remove` refuses one that has children.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from runtime.snapshots.errors import (
    AlreadyExists,
    FailedPrecondition,
    InvalidArgument,
    NotFound,
    Unavailable,
)
from runtime.snapshots.filters import parse_filters
from runtime.snapshots.info import Info, Kind, Mount, Usage
from runtime.snapshots.metadata import Entry, Metadata
from runtime.snapshots.tree import link_tree, usage_of

_LONGEST_NAME = 1024
_LONGEST_LABEL = 4096  # containerd pkg/labels: key and value together


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Snapshotter:
    """All snapshots below one root folder; any number of processes may hold the same root."""

    def __init__(self, root: Path, now: Callable[[], datetime] = _utc_now) -> None:
        """Unavailable when the root cannot be used."""
        self._metadata = Metadata(root)
        self._now = now

    # ---- making

    def prepare(self, key: str, parent: str = "", labels: Mapping[str, str] | None = None) -> list[Mount]:
        """An active snapshot on top of a committed one. AlreadyExists, NotFound, FailedPrecondition."""
        return self._make(Kind.ACTIVE, key, parent, labels or {})

    def view(self, key: str, parent: str = "", labels: Mapping[str, str] | None = None) -> list[Mount]:
        """The same to read only."""
        return self._make(Kind.VIEW, key, parent, labels or {})

    def commit(self, name: str, key: str, labels: Mapping[str, str] | None = None) -> None:
        """Turn the active snapshot `key` into the committed `name`. Its labels are those given here."""
        _check_name(name)
        _check_labels(labels or {})
        with self._metadata.changing():
            entry = self._metadata.get(key)
            if entry.info.kind is not Kind.ACTIVE:
                raise FailedPrecondition(f"snapshot {key!r} is {entry.info.kind.value}, not active")
            if self._metadata.find(name) is not None:
                raise AlreadyExists(f"snapshot {name!r} is there already")
            now = self._now()
            info = Info(name, entry.info.parent, Kind.COMMITTED, now, now, dict(labels or {}))
            self._metadata.replace(entry, info)

    def remove(self, key: str) -> None:
        """Take a snapshot away. NotFound; FailedPrecondition while others stand on it, or hold it."""
        with self._metadata.changing():
            entry = self._metadata.get(key)
            children = [one.info.name for one in self._metadata.entries() if one.info.parent == key]
            if entry.info.kind is Kind.COMMITTED and children:
                raise FailedPrecondition(f"snapshot {key!r} has children: {', '.join(children[:3])}")
            if self._metadata.is_held(entry):
                raise FailedPrecondition(f"snapshot {key!r} is held by a process that reads it")
            self._metadata.remove(entry)

    # ---- asking

    def stat(self, key: str) -> Info:
        """NotFound when it is not there."""
        return self._metadata.get(key).info

    def mounts(self, key: str) -> list[Mount]:
        """How to reach an active snapshot or a view; FailedPrecondition for a committed one."""
        entry = self._metadata.get(key)
        if entry.info.kind is Kind.COMMITTED:
            raise FailedPrecondition(f"snapshot {key!r} is committed; prepare or view one on it")
        return _mounts(entry)

    def usage(self, key: str) -> Usage:
        """What removing it would give back: files shared with a blob or another snapshot cost nothing."""
        return usage_of(self._metadata.get(key).tree)

    def walk(self, filters: Sequence[str] = ()) -> Iterator[Info]:
        """All snapshots that one of the filters holds for. InvalidArgument."""
        holds = parse_filters(filters)
        return (entry.info for entry in self._metadata.entries() if holds(entry.info))

    # ---- changing

    def update(self, info: Info, field_paths: Sequence[str] = ()) -> Info:
        """Set the labels: all of them, or those that `field_paths` name (`labels`, `labels.KEY`)."""
        _check_labels(info.labels)
        with self._metadata.changing():
            entry = self._metadata.get(info.name)
            labels = dict(entry.info.labels) if field_paths else dict(info.labels)
            for path in field_paths:
                head, _, label = path.partition(".")
                if head != "labels":
                    raise InvalidArgument(f"field {path!r} cannot be changed; labels can")
                if not label:
                    labels = dict(info.labels)
                elif label in info.labels:
                    labels[label] = info.labels[label]
                else:
                    labels.pop(label, None)
            return self._metadata.replace(entry, replace(entry.info, labels=labels, updated=self._now())).info

    def tree(self, key: str) -> Path:
        """The folder of a snapshot of any kind, for those who fill or read it on this machine."""
        return self._metadata.get(key).tree

    @contextmanager
    def held(self, key: str) -> Iterator[Path]:
        """The same folder, which meanwhile `remove` leaves alone, of other processes too; it is let go with
        the process, however that ends. NotFound.
        """
        descriptor = self._hold(key)
        try:
            yield self.tree(key)
        finally:
            if descriptor is not None:
                os.close(descriptor)

    def is_held(self, key: str) -> bool:
        """Whether a process holds it; not when it is not there."""
        with self._metadata.changing():
            entry = self._metadata.find(key)
            return entry is not None and self._metadata.is_held(entry)

    # ---- inside

    def _hold(self, key: str) -> int | None:
        try:
            with self._metadata.changing():
                return self._metadata.hold(self._metadata.get(key))
        except Unavailable:  # a disk to read only, from which nobody removes anything, or one without locks
            return None

    def _make(self, kind: Kind, key: str, parent: str, labels: Mapping[str, str]) -> list[Mount]:
        _check_name(key)
        _check_labels(labels)
        with self._metadata.changing():
            if self._metadata.find(key) is not None:
                raise AlreadyExists(f"snapshot {key!r} is there already")
            below = self._parent(parent)
            folder = self._metadata.begin()
            if below is None:
                (folder / "fs").mkdir(mode=0o700)
            else:
                link_tree(below.tree, folder / "fs")
            now = self._now()
            info = Info(key, parent, kind, now, now, dict(labels))
            return _mounts(self._metadata.publish(folder, info))

    def _parent(self, name: str) -> Entry | None:
        if not name:
            return None
        entry = self._metadata.find(name)
        if entry is None:
            raise NotFound(f"parent snapshot {name!r} is not there")
        if entry.info.kind is not Kind.COMMITTED:
            raise FailedPrecondition(
                f"parent snapshot {name!r} is {entry.info.kind.value}; only committed ones have children"
            )
        return entry


def _mounts(entry: Entry) -> list[Mount]:
    return [Mount(entry.tree, read_only=entry.info.kind is Kind.VIEW)]


def _check_name(name: str) -> None:
    if not name or len(name) > _LONGEST_NAME or "\0" in name:
        raise InvalidArgument(f"a name or key has 1 to {_LONGEST_NAME} characters, got {len(name)}")


def _check_labels(labels: Mapping[str, str]) -> None:
    for key, value in labels.items():
        if len(key) + len(value) > _LONGEST_LABEL:
            raise InvalidArgument(f"label {key[:64]!r}: more than {_LONGEST_LABEL} characters with its value")
