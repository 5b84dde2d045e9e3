"""Any verbs in any order: the snapshotter is what a dictionary would be, and a new process sees the same."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from runtime.snapshots import Kind, Snapshotter
from runtime.snapshots.errors import AlreadyExists, FailedPrecondition, NotFound, SnapshotError

NAMES = st.sampled_from(["a", "b", "c", "d/../e", "sha256:f"])
PARENTS = st.one_of(st.just(""), NAMES)
LABELS = st.dictionaries(st.sampled_from(["x", "y.z/w"]), st.text(max_size=3), max_size=2)
FILES = st.sampled_from(["model.gguf", "system"])


@dataclass
class Known:
    """What a snapshot should be."""

    kind: Kind
    parent: str
    labels: dict[str, str]
    files: dict[str, str] = field(default_factory=dict)


class SnapshotterMachine(RuleBasedStateMachine):
    """A snapshotter beside a dictionary."""

    def __init__(self) -> None:
        super().__init__()
        self.root = Path(tempfile.mkdtemp())
        self.snapshotter = Snapshotter(self.root)
        self.known: dict[str, Known] = {}

    def teardown(self) -> None:
        shutil.rmtree(self.root)

    def refusal(self, *reasons: tuple[bool, type[SnapshotError]]) -> type[SnapshotError] | None:
        return next((kind for applies, kind in reasons if applies), None)

    def attempt(self, call: Callable[[], object], refusal: type[SnapshotError] | None) -> bool:
        if refusal is None:
            call()
            return True
        with pytest.raises(refusal):
            call()
        return False

    def is_a(self, name: str, *kinds: Kind) -> bool:
        return name in self.known and self.known[name].kind in kinds

    @rule(key=NAMES, parent=PARENTS, labels=LABELS, kind=st.sampled_from([Kind.ACTIVE, Kind.VIEW]))
    def make(self, key: str, parent: str, labels: dict[str, str], kind: Kind) -> None:
        refusal = self.refusal(
            (key in self.known, AlreadyExists),
            (bool(parent) and parent not in self.known, NotFound),
            (bool(parent) and not self.is_a(parent, Kind.COMMITTED), FailedPrecondition),
        )
        verb = self.snapshotter.prepare if kind is Kind.ACTIVE else self.snapshotter.view
        if self.attempt(lambda: verb(key, parent, labels), refusal):
            files = dict(self.known[parent].files) if parent else {}
            self.known[key] = Known(kind, parent, labels, files)

    @rule(name=NAMES, key=NAMES, labels=LABELS)
    def commit(self, name: str, key: str, labels: dict[str, str]) -> None:
        refusal = self.refusal(
            (key not in self.known, NotFound),
            (not self.is_a(key, Kind.ACTIVE), FailedPrecondition),
            (name in self.known, AlreadyExists),
        )
        if self.attempt(lambda: self.snapshotter.commit(name, key, labels), refusal):
            self.known[name] = replace(self.known.pop(key), kind=Kind.COMMITTED, labels=labels)

    @rule(key=NAMES)
    def remove(self, key: str) -> None:
        has_children = any(one.parent == key for one in self.known.values())
        refusal = self.refusal(
            (key not in self.known, NotFound),
            (self.is_a(key, Kind.COMMITTED) and has_children, FailedPrecondition),
        )
        if self.attempt(lambda: self.snapshotter.remove(key), refusal):
            del self.known[key]

    @rule(key=NAMES, file=FILES, text=st.text(st.characters(codec="ascii"), max_size=5))
    def write(self, key: str, file: str, text: str) -> None:
        """As a container or an unpacker does: a new file in the place of the old one."""
        if self.is_a(key, Kind.ACTIVE):
            folder = self.snapshotter.tree(key)
            (folder / "new").write_bytes(text.encode())
            (folder / "new").replace(folder / file)
            self.known[key].files[file] = text

    @rule(key=NAMES, labels=LABELS)
    def label(self, key: str, labels: dict[str, str]) -> None:
        if key in self.known:
            self.snapshotter.update(replace(self.snapshotter.stat(key), labels=labels))
            self.known[key].labels = labels

    @rule()
    def begin_anew(self) -> None:
        self.snapshotter = Snapshotter(self.root)

    @invariant()
    def is_what_is_known(self) -> None:
        found = {one.name: (one.kind, one.parent, dict(one.labels)) for one in self.snapshotter.walk()}
        assert found == {name: (one.kind, one.parent, one.labels) for name, one in self.known.items()}
        for name, one in self.known.items():
            tree = self.snapshotter.tree(name)
            assert {path.name: path.read_bytes().decode() for path in tree.iterdir()} == one.files
        assert len(list((self.root / "snapshots").iterdir())) == len(self.known)
        assert not [*(self.root / "new").iterdir(), *(self.root / "gone").iterdir()]


TestSnapshotterMachine = SnapshotterMachine.TestCase
TestSnapshotterMachine.settings = settings(max_examples=30, stateful_step_count=25, deadline=None)
