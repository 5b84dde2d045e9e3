"""What llm-containerd knows of pods and containers, kept on disk so that another one can go on.

<root>/sandboxes/<id>/record.json
<root>/containers/<id>/record.json
<root>/containers/<id>/bundle/       what runm is given
"""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

from google.protobuf.json_format import MessageToDict, ParseDict, ParseError

from bronzewillow.host.files import replace_file
from bronzewillow.host.parsing import parse_json
from bronzewillow.host.paths import make_private
from runtime.api import cri_pb2 as api
from runtime.cri.errors import NotFound
from runtime.shim.exit_record import ExitRecord

_FILE = "record.json"
_SHORTEST_PREFIX = 1
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Sandbox:
    """What is kept of a pod sandbox."""

    id: str
    config: api.PodSandboxConfig
    created_ns: int
    handler: str = ""
    is_ready: bool = False
    """It has its address, and has not been stopped."""
    addresses: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """As the record on the disk has it."""
        return {
            "id": self.id,
            "config": MessageToDict(self.config),
            "created_ns": self.created_ns,
            "handler": self.handler,
            "is_ready": self.is_ready,
            "addresses": self.addresses,
        }

    @classmethod
    def of_json(cls, found: dict[str, Any]) -> Sandbox:
        """ValueError, LookupError, TypeError, ParseError."""
        config = ParseDict(found["config"], api.PodSandboxConfig(), ignore_unknown_fields=True)
        return cls(
            str(found["id"]),
            config,
            int(found["created_ns"]),
            str(found["handler"]),
            bool(found["is_ready"]),
            [str(one) for one in found["addresses"]],
        )


@dataclass(slots=True)
class Container:
    """What is kept of a container."""

    id: str
    sandbox_id: str
    config: api.ContainerConfig
    created_ns: int
    image_digest: str
    """Of the manifest."""
    image_name: str
    log_path: str = ""
    is_created: bool = False
    """Its process has been made."""
    started_ns: int = 0
    ended: ExitRecord | None = None
    message: str = ""
    """Why it ended, in the model server's own words."""
    is_lost: bool = False
    """Nobody saw how it ended."""

    @property
    def state(self) -> api.ContainerState:
        """The state in CRI's words."""
        if self.ended is not None:
            return api.ContainerState.CONTAINER_EXITED
        return (
            api.ContainerState.CONTAINER_RUNNING if self.started_ns else api.ContainerState.CONTAINER_CREATED
        )

    def to_json(self) -> dict[str, Any]:
        """As the record on the disk has it."""
        ended = self.ended
        return {
            "id": self.id,
            "sandbox_id": self.sandbox_id,
            "config": MessageToDict(self.config),
            "created_ns": self.created_ns,
            "image_digest": self.image_digest,
            "image_name": self.image_name,
            "log_path": self.log_path,
            "is_created": self.is_created,
            "started_ns": self.started_ns,
            "ended": None if ended is None else [ended.status, ended.at_ns, ended.is_oom],
            "message": self.message,
            "is_lost": self.is_lost,
        }

    @classmethod
    def of_json(cls, found: dict[str, Any]) -> Container:
        """ValueError, LookupError, TypeError, ParseError."""
        ended = found["ended"]
        return cls(
            str(found["id"]),
            str(found["sandbox_id"]),
            ParseDict(found["config"], api.ContainerConfig(), ignore_unknown_fields=True),
            int(found["created_ns"]),
            str(found["image_digest"]),
            str(found["image_name"]),
            str(found["log_path"]),
            bool(found["is_created"]),
            int(found["started_ns"]),
            None if ended is None else ExitRecord(int(ended[0]), int(ended[1]), bool(ended[2])),
            str(found["message"]),
            bool(found["is_lost"]),
        )


_R = TypeVar("_R", Sandbox, Container)


class Records(Generic[_R]):
    """All of one kind; the memory and the disk say the same."""

    def __init__(self, folder: Path, kind: type[_R]) -> None:
        """What is there is read; a record that is none is told of. OSError."""
        self._folder = folder
        self._kind: type[_R] = kind
        self._found: dict[str, _R] = {}
        self.spoilt: list[str] = []
        """Ids of which nobody knows any more what they were; `discard` takes what is left of them."""
        make_private(folder)
        for path in sorted(folder.iterdir()):
            try:
                record = kind.of_json(parse_json((path / _FILE).read_bytes()))
                if record.id != path.name:
                    raise ValueError(f"it is of {record.id!r}")
            except FileNotFoundError:
                shutil.rmtree(path, ignore_errors=True)  # it was never made, or is half removed
            except OSError as error:
                _log.error("%s: cannot be read: %s", path / _FILE, error.strerror)
            except (ValueError, LookupError, TypeError, ParseError) as error:
                _log.error("%s: is no record (%s): what it told of is ended", path / _FILE, error)
                self.spoilt.append(path.name)
            else:
                self._found[record.id] = record

    def __iter__(self) -> Iterator[_R]:
        return iter(list(self._found.values()))

    def __len__(self) -> int:
        return len(self._found)

    def folder(self, record: _R) -> Path:
        """The folder of one record."""
        return self._folder / record.id

    def find(self, text: str) -> _R | None:
        """By id, or by the beginning of one when no other begins so."""
        if text in self._found:
            return self._found[text]
        if len(text) < _SHORTEST_PREFIX:
            return None
        matching = [one for name, one in self._found.items() if name.startswith(text)]
        return matching[0] if len(matching) == 1 else None

    def get(self, text: str) -> _R:
        """The same; NotFound."""
        found = self.find(text)
        if found is None:
            raise NotFound(f"{self._kind.__name__.lower()} {text[:80]!r} is not here")
        return found

    def put(self, record: _R) -> None:
        """Add it, or write down how it is now. OSError."""
        folder = self.folder(record)
        folder.mkdir(mode=0o700, exist_ok=True)
        replace_file(folder / _FILE, json.dumps(record.to_json()).encode())
        self._found[record.id] = record

    def discard(self, name: str) -> None:
        """What is left of one that is spoilt."""
        shutil.rmtree(self._folder / name, ignore_errors=True)
        self.spoilt.remove(name)

    def remove(self, record: _R) -> None:
        """With all that is in its folder. OSError."""
        folder = self.folder(record)
        (folder / _FILE).unlink(missing_ok=True)
        shutil.rmtree(folder, ignore_errors=True)
        self._found.pop(record.id, None)
