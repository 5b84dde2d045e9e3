"""Snapshots on disk: a folder each, with `info.json` beside the tree, so that every change is one rename.

    <root>/snapshots/<id>/info.json     what the snapshot is
    <root>/snapshots/<id>/fs/           what is in it
    <root>/new/<id>/                    one that is being made; thrown away when its maker has died
    <root>/gone/<id>/                   one that is being removed; the next to come finishes that
    <root>/lock                         held (flock) by whoever changes anything

A snapshot exists when its folder is in `snapshots/`. There is no index that could disagree with the folders.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bronzewillow.host.files import locked, replace_file, sync_folder
from bronzewillow.host.parsing import parse_json
from bronzewillow.host.paths import make_private
from runtime.snapshots.errors import NotFound, Unavailable
from runtime.snapshots.info import Info, parse_info
from runtime.snapshots.tree import remove_tree


@dataclass(frozen=True, slots=True)
class Entry:
    """A snapshot and its folder."""

    info: Info
    folder: Path

    @property
    def tree(self) -> Path:
        """What is in the snapshot."""
        return self.folder / "fs"


class Metadata:
    """The snapshots below one root. Read from disk each time: other processes change it too."""

    def __init__(self, root: Path) -> None:
        """Makes the root, and clears what dead processes have left half done. Unavailable."""
        self._root = root
        self._snapshots = root / "snapshots"
        self._new, self._gone = root / "new", root / "gone"
        self._threads = threading.Lock()
        with _as_unavailable(root):
            for folder in (root, self._snapshots, self._new, self._gone):
                make_private(folder)
        if os.access(root, os.W_OK):  # on a disk to read only what is there can still be shown
            with self.changing():
                for leftover in (*self._new.iterdir(), *self._gone.iterdir()):
                    remove_tree(leftover)

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Alone in this root, among threads and processes. OSErrors inside become Unavailable."""
        with self._threads, _as_unavailable(self._root), locked(self._root / "lock"):
            yield

    def entries(self) -> list[Entry]:
        """All snapshots, by name. What cannot be read is no snapshot: it never was finished."""
        found = []
        with _as_unavailable(self._root):
            for folder in self._snapshots.iterdir():
                with contextlib.suppress(FileNotFoundError, ValueError, KeyError, TypeError):
                    found.append(Entry(parse_info(parse_json((folder / "info.json").read_bytes())), folder))
        return sorted(found, key=lambda entry: entry.info.name)

    def find(self, name: str) -> Entry | None:
        """The snapshot of that name or key."""
        return next((entry for entry in self.entries() if entry.info.name == name), None)

    def get(self, name: str) -> Entry:
        """As `find`; NotFound when there is none."""
        entry = self.find(name)
        if entry is None:
            raise NotFound(f"snapshot {name!r} is not there")
        return entry

    def begin(self) -> Path:
        """A folder for a snapshot to be; `publish` makes it one. Call with `changing` held."""
        folder = self._new / uuid.uuid4().hex
        folder.mkdir(mode=0o700)
        return folder

    def publish(self, folder: Path, info: Info) -> Entry:
        """From now on the snapshot exists."""
        self._write_info(folder, info)
        final = self._snapshots / folder.name
        folder.rename(final)
        sync_folder(self._snapshots)
        return Entry(info, final)

    def replace(self, entry: Entry, info: Info) -> Entry:
        """The same folder, with another name, kind or labels."""
        self._write_info(entry.folder, info)
        return Entry(info, entry.folder)

    def remove(self, entry: Entry) -> None:
        """From now on the snapshot does not exist; then its files go."""
        gone = self._gone / entry.folder.name
        entry.folder.rename(gone)
        sync_folder(self._snapshots)
        remove_tree(gone)

    def hold(self, entry: Entry) -> int:
        """A descriptor: until it is closed, or its process has ended in whatever way, `is_held` says so.
        Call with `changing` held.
        """
        descriptor = os.open(entry.folder, os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH)
        except OSError:
            os.close(descriptor)
            raise
        return descriptor

    def is_held(self, entry: Entry) -> bool:
        """Whether somebody holds it. Call with `changing` held."""
        descriptor = os.open(entry.folder, os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except OSError:  # a disk without such locks
            return False
        finally:
            os.close(descriptor)
        return False

    def _write_info(self, folder: Path, info: Info) -> None:
        replace_file(folder / "info.json", json.dumps(info.to_json()).encode())


@contextmanager
def _as_unavailable(root: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise Unavailable(f"{error.filename or root}: {error.strerror or error}") from error
