"""A bundle's root: what a snapshotter's mounts say, without a mount."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from runtime.api.task_pb2 import Mount
from runtime.ttrpc.errors import Code, RpcError

_ROOTFS = "rootfs"
_BIND = ("bind", "rbind")


def show_rootfs(bundle: Path, mounts: Sequence[Mount]) -> None:
    """Let `rootfs` in the bundle be the folder to mount there, if there is one. RpcError."""
    if not mounts:
        return
    if len(mounts) != 1 or mounts[0].type not in _BIND:
        kinds = ", ".join(sorted({one.type or "?" for one in mounts}))
        raise RpcError(
            Code.INVALID_ARGUMENT, f"the root is made of mounts of type {kinds}; use the LLM snapshotter"
        )
    target = bundle / _ROOTFS
    try:
        if target.is_symlink():
            target.unlink()
        elif target.is_dir():
            target.rmdir()
        target.symlink_to(mounts[0].source)
    except OSError as error:
        raise RpcError(Code.INVALID_ARGUMENT, f"{target}: {error.strerror}") from None
