"""The life of `bronzewillow up`, from its first line to its last."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bronzewillow.host.files import try_lock
from bronzewillow.host.notify import notify, tell_ready
from bronzewillow.host.paths import (
    DEEPEST_SOCKET,
    MAX_SOCKET_PATH_BYTES,
    control_socket,
    images_folder,
    make_private,
    prepare_socket_folder,
    runtime_folder,
)
from bronzewillow.host.tasks import race, spawn
from bronzewillow.supervise.daemon import Tell
from bronzewillow.supervise.errors import UpError
from bronzewillow.supervise.node import UP, Node, UpOptions
from bronzewillow.supervise.whereabouts import note_socket, up_lock
from bronzewillow.supervise.wishes import Wishes

_FOLDER = "up"
_EMPTIED = ("p", "s", "runm", _FOLDER)
"""Of sockets and locks; nobody needs them when they are empty."""
_FOLDERS = {"XDG_RUNTIME_DIR": "run", "XDG_STATE_HOME": "state"}
"""Of a node with a root, by the variables that name them to its programs."""


def check_root(root: Path) -> None:
    """That the sockets of a node in `root` have paths which this system takes; nothing is made. UpError."""
    deepest = (root / _FOLDERS["XDG_RUNTIME_DIR"] / "bronzewillow" / DEEPEST_SOCKET).absolute()
    too_many = len(os.fsencode(deepest)) - MAX_SOCKET_PATH_BYTES
    if too_many > 0:
        raise UpError(
            f"--root {root}: its path is longer by {too_many} than its sockets allow, whose paths may "
            f"have {MAX_SOCKET_PATH_BYTES} bytes on this system; choose a shorter one"
        )


def live_in(root: Path) -> None:
    """Everything of the node, but its images, has its place in `root`. OSError, UpError."""
    for name in _FOLDERS.values():
        make_private(root / name)
    look_in(root)


def look_in(root: Path) -> None:
    """See the node that has its place in `root`; nothing is made. UpError."""
    os.environ.setdefault("RUNM_STORE", str(images_folder()))
    os.environ.update({variable: str((root / name).absolute()) for variable, name in _FOLDERS.items()})
    run = Path(os.environ["XDG_RUNTIME_DIR"])
    if not runtime_folder().is_relative_to(run):  # it would be the user's own, which another node may have
        raise UpError(
            f"{run}: others can enter it, or write to a folder above it; "
            "chmod 700 it, chmod go-w those, or choose another --root"
        )


async def run_node(options: UpOptions, tell: Tell) -> None:
    """Until SIGTERM or SIGINT, or until this machine has left its cluster. UpError, ValueError, OSError."""
    with _alone() as claims:
        node = Node(options, tell, claims)
        ended = _Ended(node)
        starting = asyncio.ensure_future(node.start())  # noqa: TID251
        ending = spawn(ended.wait(), name="signals")
        try:
            await asyncio.wait({starting, ending}, return_when=asyncio.FIRST_COMPLETED)
            if starting.done():
                starting.result()
                await _tell_of_kept_pods(options, tell)
                tell(UP, f"everything is ready: bronzewillow status --control {control_socket()}")
                tell_ready()
                await race(ended.wait(), node.has_left.wait())
                if node.has_left.is_set():
                    tell(UP, "this machine has left its cluster: there is no node to be")
        finally:
            starting.cancel()
            ending.cancel()
            await asyncio.gather(starting, return_exceptions=True)
            notify("STOPPING=1")
            tell(UP, "ending; once more ends everything at once" if ended.is_asked else "ending")
            await node.end(with_pods=ended.is_asked)
            tell(UP, "everything has ended")


async def _tell_of_kept_pods(options: UpOptions, tell: Tell) -> None:
    """Where nobody has said which pods there are to be; else static-pods or the kubelet sees to them."""
    if options.manifests is not None or options.cluster is not None:
        return
    from bronzewillow.supervise.kept_pods import kept_line, kept_pods  # gRPC takes a quarter of a second

    if pods := await kept_pods(runtime_folder() / "cri.sock"):
        tell(UP, kept_line(pods, keeps_pods=options.keeps_pods))


class _Ended:
    """What signals have asked for."""

    def __init__(self, node: Node) -> None:
        self._node, self._asked = node, asyncio.Event()
        loop = asyncio.get_running_loop()
        self._wishes, self._clock = Wishes(), loop.time
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._on_end, number)
        # of somebody who reads along it means that the terminal has gone
        if sys.stderr.isatty():
            loop.add_signal_handler(signal.SIGHUP, self._on_end, signal.SIGHUP)
        else:
            loop.add_signal_handler(signal.SIGHUP, node.reload)

    @property
    def is_asked(self) -> bool:
        """Whether somebody wished it."""
        return self._asked.is_set()

    async def wait(self) -> None:
        """Until somebody does."""
        await self._asked.wait()

    def _on_end(self, number: int) -> None:
        if self._wishes.is_urged(number, self._clock()):
            self._node.kill()
        self._asked.set()


@contextmanager
def _alone() -> Iterator[Path]:
    """The folder of locks, while no other `up` is at work there. UpError, ValueError."""
    folder, lock = runtime_folder() / _FOLDER, up_lock()
    for one in (runtime_folder(), folder):
        prepare_socket_folder(one / "lock")
    make_private(lock.parent)
    with try_lock(lock) as is_ours:
        if not is_ours:
            raise UpError(f"{lock}: another `bronzewillow up` is at work; end it, or choose a --root")
        note_socket()
        try:
            yield folder
        finally:
            for name in _EMPTIED:
                with contextlib.suppress(OSError):
                    (runtime_folder() / name).rmdir()
