"""What a node has left on disk: what of it nobody can use any more, and whether there is room for more."""

from __future__ import annotations

import os
import shutil
import socket
import stat
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from bronzewillow.agent.config import ConfigError, load_config
from bronzewillow.cni.leases import read_lease
from bronzewillow.doctor.findings import Finding, Verdict
from bronzewillow.doctor.machine import can_be_made
from bronzewillow.host.parsing import parse_json
from bronzewillow.supervise.claim import holder

_SCARCE_BYTES, _TOO_FEW_BYTES = 2 << 30, 64 << 20
_SHOWN = 5
_ANSWER_S = 1.0


def check_state(state: Path) -> list[Finding]:
    """All below the user's state folder; good in one line where nothing is wrong."""
    leases, records = state.glob("leases/*.json"), state.glob("cri/*/*/record.json")
    found = [
        *_folder(state),
        *_files("lease", leases, read_lease, "its pod has no network, and is made anew by the next start"),
        *_files("record", records, _read_record, "the next start ends what it told of"),
        *_own_configuration(state / "up" / "node.toml"),
    ]
    return found or [Finding(Verdict.GOOD, "state", f"{state}: nothing is spoilt")]


def check_disk(folder: Path) -> Finding:
    """Whether state, logs and images have room."""
    there = next(one for one in (folder, *folder.parents) if one.exists())
    free = shutil.disk_usage(there).free
    text = f"{there}: {free >> 20:,} MiB are free"
    if free < _TOO_FEW_BYTES:
        return Finding(Verdict.BROKEN, "disk", text, "make room: runm rm and runm prune remove images")
    if free < _SCARCE_BYTES:
        return Finding(Verdict.WARNING, "disk", text, "few for a model; runm rm and runm prune remove images")
    return Finding(Verdict.GOOD, "disk", text)


def check_sockets(folder: Path) -> list[Finding]:
    """Whether the programs that `bronzewillow up` runs can still be spoken to; nothing where none runs."""
    found = []
    for program, name in (("agent", "agent.sock"), ("llm-containerd", "cri.sock")):
        pid = holder(folder / "up" / f"{program}.lock")
        if pid is not None and not _answers(folder / name):
            text = f"{folder / name}: nobody answers, and process {pid} lives: its socket was removed"
            found.append(Finding(Verdict.BROKEN, program, text, f"kill {pid}; it is started again"))
    return found


def _folder(state: Path) -> Iterator[Finding]:
    try:
        mode = stat.S_IMODE(state.stat().st_mode)
    except OSError:
        if not can_be_made(state):
            text = f"{state}: is not there, and cannot be made"
            yield Finding(Verdict.BROKEN, "state", text, "set XDG_STATE_HOME to a folder of your own")
        return
    if mode & 0o022:
        text = f"{state}: mode {mode:o} lets others write"
        yield Finding(Verdict.BROKEN, "state", text, f"chmod 700 '{state}', and look at what is in it")
    if not os.access(state, os.R_OK | os.W_OK | os.X_OK):
        yield Finding(Verdict.BROKEN, "state", f"{state}: cannot be written", "look at its owner and mode")


def _files(
    subject: str, paths: Iterable[Path], read: Callable[[Path], object], cure: str
) -> Iterator[Finding]:
    spoilt = []
    for path in sorted(paths):
        try:
            read(path)
        except FileNotFoundError:
            continue  # it was just removed
        except (OSError, ValueError, TypeError) as error:
            spoilt.append((path, error))
    for path, reason in spoilt[:_SHOWN]:
        yield Finding(Verdict.BROKEN, subject, f"{path}: cannot be read ({reason})", cure)
    if len(spoilt) > _SHOWN:
        yield Finding(Verdict.BROKEN, subject, f"{len(spoilt) - _SHOWN} more cannot be read")


def _read_record(path: Path) -> None:
    """OSError, ValueError, TypeError."""
    found: Any = parse_json(path.read_bytes())
    if found.get("id") != path.parent.name if isinstance(found, dict) else True:
        raise ValueError("it is no record of that id")


def _own_configuration(path: Path) -> Iterator[Finding]:
    if not path.exists():
        return
    try:
        load_config(path, "")
    except ConfigError as error:
        cure = "bronzewillow up writes it anew when the agent starts"
        yield Finding(Verdict.WARNING, "network", error.problems[0], cure)


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(_ANSWER_S)
        try:
            probe.connect(str(path))
        except OSError:
            return False
    return True
