"""The command line that containerd gives a shim, in Go's way of flags."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

ACTIONS = ("start", "delete", "serve")


@dataclass(frozen=True, slots=True)
class Arguments:
    """What a shim is told (containerd, core/runtime/v2/README.md)."""

    action: str
    """`start` makes the shim and prints its address, `delete` cleans up for one that died; `serve` is it."""
    namespace: str = ""
    id: str = ""
    """Of the container, or of the pod."""
    bundle: Path = Path()
    address: str = ""
    """containerd's own socket."""
    socket: Path = Path()
    """Where a shim that serves is found."""
    listener: int = -1
    """The socket's descriptor, on which it listens already."""
    debug: bool = False
    version: bool = False


def parse_arguments(words: list[str]) -> Arguments:
    """SystemExit with a line for what is wrong."""
    parser = argparse.ArgumentParser(prog="containerd-shim-runm-v2", allow_abbrev=False)
    parser.add_argument("-namespace", "--namespace", default="")
    parser.add_argument("-id", "--id", default="")
    parser.add_argument("-bundle", "--bundle", type=Path, default=Path())
    parser.add_argument("-address", "--address", default="")
    parser.add_argument("-publish-binary", "--publish-binary", default="", help="not used")
    parser.add_argument("-socket", "--socket", type=Path, default=Path(), help="of a shim that serves")
    parser.add_argument("-listener", "--listener", type=int, default=-1, help="its descriptor")
    parser.add_argument("-debug", "--debug", action="store_true")
    parser.add_argument("-v", "--version", action="store_true", dest="version")
    parser.add_argument("action", nargs="?", default="serve", choices=ACTIONS)
    found = parser.parse_args(words)
    if not found.version and not found.id:
        parser.error("-id is missing; a container runtime starts this program, nobody by hand")
    return Arguments(
        found.action, found.namespace, found.id, found.bundle, found.address, found.socket, found.listener,
        found.debug, found.version,
    )  # fmt: skip
