"""The folder of manifests, read whole each time; files that cannot be used keep what they said before."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bronzewillow.host.files import open_regular
from kubelet.static.documents import DocumentError, parse_documents
from kubelet.static.manifest import Pod, parse_manifest

SUFFIXES = (".yaml", ".yml", ".json")
_LONGEST_BYTES = 1 << 20
_MOST_FILES = 1000


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a folder asks for."""

    pods: tuple[Pod, ...] = ()
    unreadable: frozenset[str] = frozenset()
    """Files that cannot be used: pods that came from them go on."""
    problems: tuple[str, ...] = ()
    """A line for each mistake."""
    notes: tuple[str, ...] = ()
    """A line for each thing that is left out."""


class Folder:
    """One folder, looked at again and again."""

    def __init__(self, path: Path, node_name: str) -> None:
        self.path, self._node_name = path, node_name
        self._good: dict[str, list[Pod]] = {}

    def fingerprint(self) -> tuple[tuple[str, int, int, int], ...]:
        """Another one when something has changed. OSError."""
        found = []
        for file in self._files():
            try:
                stat = file.stat()
            except OSError:
                continue
            found.append((file.name, stat.st_ino, stat.st_size, stat.st_mtime_ns))
        return tuple(found)

    def read(self) -> Wanted:
        """Everything. OSError when the folder itself cannot be read."""
        files = self._files()
        problems, notes, unreadable = [], [], set()
        if len(files) > _MOST_FILES:
            problems.append(f"{self.path}: has {len(files)} manifests; only the first {_MOST_FILES} are read")
        good: dict[str, list[Pod]] = {}
        for file in files[:_MOST_FILES]:
            pods, wrong, noted = _read(file, self._node_name)
            notes += noted
            if wrong:
                problems += wrong
                unreadable.add(file.name)
                pods = self._good.get(file.name, [])
            good[file.name] = pods
        self._good = good
        chosen: dict[str, Pod] = {}
        for pod in (pod for pods in good.values() for pod in pods):
            first = chosen.setdefault(pod.full_name, pod)
            if first is not pod:
                problems.append(
                    f"{self.path / pod.file}: pod {pod.full_name} is in {first.file}, too; that one is run"
                )
        return Wanted(tuple(chosen.values()), frozenset(unreadable), tuple(problems), tuple(notes))

    def _files(self) -> list[Path]:
        return sorted(
            one for one in self.path.iterdir() if one.suffix in SUFFIXES and not one.name.startswith(".")
        )


def _read(file: Path, node_name: str) -> tuple[list[Pod], list[str], list[str]]:
    """Pods, problems and notes."""
    try:
        with open_regular(file) as opened:
            data = opened.read(_LONGEST_BYTES + 1)
        if len(data) > _LONGEST_BYTES:
            return [], [f"{file}: is longer than {_LONGEST_BYTES} bytes"], []
        documents = parse_documents(data.decode())
    except OSError as error:
        return [], [f"{file}: cannot be read: {error.strerror}"], []
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        return [], [f"{file}:{line}: is not UTF-8 text"], []
    except DocumentError as error:
        return [], [f"{file}:{error.line}: {error.message}"], []
    pods: list[Pod] = []
    problems: list[str] = []
    notes: list[str] = []
    for document in documents:
        found, told = parse_manifest(document, file, node_name)
        pods += found
        problems += told.found
        notes += told.notes
    return pods, problems, notes
