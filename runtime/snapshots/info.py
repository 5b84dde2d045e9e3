"""What a snapshotter knows of a snapshot, in containerd's words (core/snapshots)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any


class Kind(StrEnum):
    """What may be done with a snapshot."""

    VIEW = "view"
    """Read only, never a parent."""
    ACTIVE = "active"
    """Writable, until it is committed or removed."""
    COMMITTED = "committed"
    """For ever the same; it may be a parent."""


@dataclass(frozen=True, slots=True)
class Info:
    """What is kept of one snapshot."""

    name: str
    """The key of a view or an active snapshot, the name of a committed one."""
    parent: str
    """The name of a committed snapshot; empty for none."""
    kind: Kind
    created: datetime
    updated: datetime
    labels: Mapping[str, str] = field(default_factory=dict)

    def field(self, path: tuple[str, ...]) -> tuple[str, bool]:
        """A field by containerd's filter path, and whether it is there."""
        if path == ("kind",):
            return self.kind.value, True
        if path == ("name",):
            return self.name, True
        if path == ("parent",):
            return self.parent, True
        if len(path) >= 2 and path[0] == "labels":
            label = ".".join(path[1:])
            return self.labels.get(label, ""), label in self.labels
        return "", False

    def to_json(self) -> dict[str, Any]:
        """As it is kept on disk."""
        return {
            "name": self.name,
            "parent": self.parent,
            "kind": self.kind.value,
            "created": self.created.isoformat(),
            "updated": self.updated.isoformat(),
            "labels": dict(self.labels),
        }


def parse_info(value: Any) -> Info:
    """The inverse of `Info.to_json`; ValueError, KeyError or TypeError for anything else."""
    labels = value["labels"]
    if not isinstance(labels, dict):
        raise TypeError("labels")
    return Info(
        str(value["name"]),
        str(value["parent"]),
        Kind(value["kind"]),
        datetime.fromisoformat(value["created"]),
        datetime.fromisoformat(value["updated"]),
        {str(key): str(text) for key, text in labels.items()},
    )


@dataclass(frozen=True, slots=True)
class Mount:
    """How a snapshot is reached. There is no overlay on a Mac: it is always one folder, bound as it is."""

    source: Path
    read_only: bool
    type: str = "bind"

    @property
    def options(self) -> tuple[str, ...]:
        """As mount(8) takes them."""
        return ("rbind", "ro" if self.read_only else "rw")


@dataclass(frozen=True, slots=True)
class Usage:
    """What removing a snapshot would give back."""

    inodes: int = 0
    size_bytes: int = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(self.inodes + other.inodes, self.size_bytes + other.size_bytes)
