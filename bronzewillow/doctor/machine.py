"""What can be said of a machine before anything runs on it."""

from __future__ import annotations

import errno
import os
import resource
import shutil
import socket
import stat
import sys
from collections.abc import Iterable
from pathlib import Path

from bronzewillow.doctor.findings import Finding, Verdict
from bronzewillow.host.open_files import raise_open_files
from bronzewillow.host.paths import MAX_SOCKET_PATH_BYTES, runtime_folder
from bronzewillow.wire.kernel import NATIVE

PROGRAMS = ("bronzewillow-cni", "llm-containerd", "containerd-shim-runm-v2", "llm-kubelet", "runm")
_FEW_FILES = 1024
_CONNECT_S = 5.0
_FOLDER_OF_YOUR_OWN = "set XDG_RUNTIME_DIR to a folder of your own"
_LOCAL_NETWORK = (
    "macOS keeps what launchd starts off the local network until that is allowed: System Settings,"
    " Privacy & Security, Local Network"
)


def check_kernel() -> Finding:
    """Whether packets are cut by compiled code."""
    if NATIVE:
        return Finding(Verdict.GOOD, "packet kernel", "compiled")
    cure = "install a C compiler and reinstall, for ten times the speed"
    return Finding(Verdict.WARNING, "packet kernel", "interpreted", cure)


def check_programs(programs: Iterable[str] = PROGRAMS, path: str | None = None) -> list[Finding]:
    """Whether the programs of a node are there: beside this one, or in PATH."""
    beside = str(Path(sys.executable).parent)
    where = os.pathsep.join([beside, path if path is not None else os.environ.get("PATH", "")])
    return [
        Finding(Verdict.GOOD, name, found)
        if (found := shutil.which(name, path=where))
        else Finding(Verdict.BROKEN, name, "is not there", "reinstall the package that bronzewillow is in")
        for name in programs
    ]


def check_socket(path: Path, deepest: str = "") -> Finding:
    """Whether that folder is, or can be made, ours alone, and its sockets have paths that this system takes.

    `deepest` is one below it.
    """
    length = len(os.fsencode(path / deepest))
    if length > MAX_SOCKET_PATH_BYTES:
        text = f"{path}: paths of {length} bytes, and this system takes {MAX_SOCKET_PATH_BYTES}"
        return Finding(Verdict.BROKEN, "sockets", text, "set XDG_RUNTIME_DIR to a shorter folder")
    if path.is_dir() and path.stat().st_uid != os.geteuid():
        text = f"{path}: belongs to another user"
        return Finding(Verdict.BROKEN, "sockets", text, _FOLDER_OF_YOUR_OWN)
    if not can_be_made(path):
        text = f"{path}: is not there, and cannot be made"
        return Finding(Verdict.BROKEN, "sockets", text, _FOLDER_OF_YOUR_OWN)
    if path.is_dir() and (mode := stat.S_IMODE(path.stat().st_mode)) & 0o077:
        text = f"{path}: mode {mode:o} lets others in"
        return Finding(Verdict.BROKEN, "sockets", text, f"chmod 700 '{path}'")
    return Finding(Verdict.GOOD, "sockets", f"{path}: short enough, and nobody else's")


def check_runtime_variable() -> list[Finding]:
    """Told where sockets are not where XDG_RUNTIME_DIR says: it counts only where others cannot enter."""
    named = os.environ.get("XDG_RUNTIME_DIR")
    if not named or runtime_folder().is_relative_to(named):
        return []
    text = f"XDG_RUNTIME_DIR is passed over: others can enter {named}, or write to a folder above it"
    cure = f"chmod 700 '{named}', chmod go-w those above it, or unset the variable"
    return [Finding(Verdict.WARNING, "sockets", text, cure)]


def can_be_made(folder: Path) -> bool:
    """Whether it is there, or what there is above it takes a folder from us."""
    there = next(one for one in (folder, *folder.parents) if one.exists())
    return there.is_dir() and os.access(there, os.W_OK | os.X_OK)


def check_open_files() -> Finding:
    """How many files and sockets a process may have open, when it has asked for more."""
    limit = raise_open_files()
    if limit == resource.RLIM_INFINITY:  # negative on Linux, a large number on macOS
        return Finding(Verdict.GOOD, "open files", "any number")
    if limit >= _FEW_FILES:
        return Finding(Verdict.GOOD, "open files", str(limit))
    text = f"{limit} are few: each connection of a pod takes one or two"
    return Finding(
        Verdict.WARNING, "open files", text, "raise the hard limit (ulimit -Hn); bronzewillow install sets it"
    )


def check_server(host: str, port: int) -> Finding:
    """Whether a connection to the API server can be made."""
    try:
        with socket.create_connection((host, port), _CONNECT_S):
            return Finding(Verdict.GOOD, "API server", f"{host}:{port} can be reached")
    except OSError as error:
        blocked = sys.platform == "darwin" and error.errno == errno.EHOSTUNREACH
        cure = _LOCAL_NETWORK if blocked else "look at its address, and at the firewalls on the way"
        return Finding(Verdict.BROKEN, "API server", f"{host}:{port}: {error.strerror or error}", cure)


def check_reach(address: str, port: int) -> Finding:
    """Whether a datagram may leave for a peer. Nobody answers: only our own system can say no."""
    subject = f"way to {address}"
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.sendto(b"", (address, port))
        except OSError as error:
            blocked = sys.platform == "darwin" and error.errno == errno.EHOSTUNREACH
            cure = _LOCAL_NETWORK if blocked else "look at this machine's routes and firewall"
            return Finding(Verdict.BROKEN, subject, str(error.strerror or error), cure)
    return Finding(Verdict.GOOD, subject, "datagrams may leave")
