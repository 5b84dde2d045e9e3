"""Pods of a folder of files, YAML or JSON, looked at now and then.

Source: kubernetes/kubernetes, pkg/kubelet/config/file.go.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from bronzewillow.host.files import open_regular
from kubelet.model.static_pods import static_pod
from kubelet.static.documents import DocumentError, parse_documents

READ_EVERY_S = 20.0
_MOST_FILES = 500
_LONGEST_FILE = 1 << 20
_ENDINGS = {".yaml", ".yml", ".json"}
_log = logging.getLogger(__name__)


class StaticSource:
    """One folder; it may be missing."""

    def __init__(self, folder: Path, node: str) -> None:
        """`node`: the Node's name."""
        self._folder, self._node = folder, node
        self._wrong: dict[Path, str] = {}
        self._good: dict[Path, dict[str, Any]] = {}

    def read(self) -> list[dict[str, Any]]:
        """The pods of all files. What is wrong with one, or with the folder, is told once, and pods go on."""
        pods: dict[str, dict[str, Any]] = {}
        good: dict[Path, dict[str, Any]] = {}
        wrong: dict[Path, str] = {}
        try:
            paths = self._files()
        except OSError as error:
            wrong[self._folder] = error.strerror or str(error)
            paths = list(self._good)
        for path in paths:
            try:
                pod = static_pod(_load(path), self._node, str(path))
            except FileNotFoundError:
                continue
            except (OSError, ValueError) as error:
                wrong[path] = getattr(error, "strerror", None) or " ".join(str(error).split())
                if path not in self._good:
                    continue
                pod = self._good[path]
            good[path] = pod
            key = f"{pod['metadata']['namespace']}/{pod['metadata']['name']}"
            if pods.setdefault(key, pod) is not pod:
                wrong[path] = f"another file has the pod {key}, too"
        for path, words in wrong.items():
            if self._wrong.get(path) != words:
                _log.error("%s: %s", path, words)
        self._good, self._wrong = good, wrong
        return list(pods.values())

    def _files(self) -> list[Path]:
        try:
            found = sorted(self._folder.iterdir())
        except FileNotFoundError:
            return []
        return [path for path in found if path.suffix in _ENDINGS and not path.name.startswith(".")][
            :_MOST_FILES
        ]


def _load(path: Path) -> object:
    with open_regular(path) as file:
        data = file.read(_LONGEST_FILE + 1)
    if len(data) > _LONGEST_FILE:
        raise ValueError(f"is larger than {_LONGEST_FILE} bytes")
    try:
        documents = parse_documents(data.decode())
    except DocumentError as error:
        raise ValueError(f"line {error.line}: {error.message}") from None
    if len(documents) != 1:
        raise ValueError(f"has {len(documents)} documents; a file has one Pod")
    return documents[0].value
