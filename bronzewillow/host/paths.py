"""Where the programs keep things. Sockets stand in folders that only their owner may enter."""

from __future__ import annotations

import errno
import os
import stat
import sys
import warnings
from pathlib import Path
from typing import BinaryIO

import platformdirs

# sockaddr_un.sun_path, less the closing zero
MAX_SOCKET_PATH_BYTES = 107 if sys.platform == "linux" else 103
DEEPEST_SOCKET = "p/" + "0" * 13 + "/65535.sock"
"""The longest path in `runtime_folder()`: of a pod's container."""


def runtime_folder() -> Path:
    """The folder for sockets of this user; not created here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that XDG_RUNTIME_DIR is not set, as outside a login session
        return Path(platformdirs.user_runtime_dir("bronzewillow"))


def state_folder() -> Path:
    """The folder for what outlives a restart; not created here."""
    return Path(platformdirs.user_state_dir("bronzewillow"))


def config_folder() -> Path:
    """The folder for what the user writes; not created here."""
    return Path(platformdirs.user_config_dir("bronzewillow"))


def images_folder() -> Path:
    """Where images are kept, unless a program is told otherwise."""
    return state_folder() / "images"


def identity_folder() -> Path:
    """Where a node of a cluster keeps who it is."""
    return state_folder() / "kubelet"


def leases_folder() -> Path:
    """Where it is kept which pod has which address."""
    return state_folder() / "leases"


def sandbox_sockets_folder() -> Path:
    """The folder with a folder for each sandbox, in which its containers open `<port>.sock`."""
    return runtime_folder() / "p"


def control_socket() -> Path:
    """Where the agent's control socket stands, unless it is told otherwise."""
    return runtime_folder() / "agent.sock"


def door_socket(control: Path | None = None) -> Path:
    """Where the agent with that control socket lets other programs into the pod network."""
    control = control or control_socket()
    return control.with_name(f"{control.stem}-door.sock")


def open_private(path: Path) -> BinaryIO:
    """Open a file for writing, with mode 0600; OSError when that cannot be."""
    return open(path, "wb", opener=_open_for_owner)


def _open_for_owner(name: str, flags: int) -> int:
    descriptor = os.open(name, flags, 0o600)
    found = os.fstat(descriptor)
    if stat.S_ISREG(found.st_mode) and found.st_uid == os.geteuid():  # it may be older than we are
        os.fchmod(descriptor, 0o600)
    return descriptor


def make_private(folder: Path) -> None:
    """Make `folder`, and what is missing above it, for its owner alone; OSError.

    One that is there stays as it is, but the user's state folder: nobody else has any business there.
    """
    for one in reversed((folder, *folder.parents)):
        if one.is_dir():
            continue
        try:
            one.mkdir(mode=0o700, exist_ok=True)
        except FileExistsError:
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(one)) from None
    state = state_folder()
    if folder.is_relative_to(state) and state.stat().st_mode & 0o077:
        state.chmod(0o700)


def prepare_socket_folder(socket_path: Path) -> None:
    """Make the folder of a socket, mode 0700; ValueError in one line when that cannot be."""
    length = len(os.fsencode(socket_path))
    if length > MAX_SOCKET_PATH_BYTES:
        raise ValueError(
            f"{socket_path}: {length} bytes long, this system allows {MAX_SOCKET_PATH_BYTES}; "
            "choose a shorter path"
        )
    folder = socket_path.parent
    try:
        make_private(folder)
        found = folder.stat()
    except OSError as error:
        raise ValueError(f"{folder}: cannot be made: {error.strerror}") from None
    if found.st_uid != os.geteuid():
        raise ValueError(f"{folder}: belongs to another user; choose another folder")
    if found.st_mode & 0o077:
        raise ValueError(
            f"{folder}: mode {found.st_mode & 0o777:o} lets others in; choose a folder of mode 700"
        )
