"""One llm-kubelet a node: who runs holds a lock and says its process id, and whoever leaves can end it.

Who only looks has the lock for a moment, too. So all come to it through a gate, one at a time: nobody finds
it taken but by who runs.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from bronzewillow.host.files import locked, replace_file, try_lock
from bronzewillow.host.paths import make_private
from kubelet.clock import Clock
from kubelet.membership.errors import MembershipError

_LOOK_S = 0.2


class Presence:
    """In the folder of a node."""

    def __init__(self, folder: Path) -> None:
        self._lock = folder / "lock"
        self._gate = folder / "gate"
        self._pid = folder / "pid"
        self._leaving = folder / "leaving"
        self._folder = folder

    @contextmanager
    def running(self) -> Iterator[None]:
        """Held by the node's llm-kubelet while it runs. MembershipError."""
        make_private(self._folder)
        with ExitStack() as held:
            with locked(self._gate):
                is_ours = held.enter_context(try_lock(self._lock))
            if not is_ours:
                raise MembershipError(f"{self._folder}: another llm-kubelet runs this node already")
            if self._leaving.exists():
                raise MembershipError(
                    f"{self._folder}: this node is leaving its cluster; `bronzewillow leave` ends that"
                )
            replace_file(self._pid, str(os.getpid()).encode())
            try:
                yield
            finally:
                self._pid.unlink(missing_ok=True)

    def is_running(self) -> bool:
        """Whether there is one."""
        if not self._lock.exists():
            return False
        with locked(self._gate), try_lock(self._lock) as is_free:
            return not is_free

    @contextmanager
    def leaving(self) -> Iterator[None]:
        """Nobody starts another one meanwhile, whatever watches over it."""
        self._leaving.touch()
        try:
            yield
        finally:
            self._leaving.unlink(missing_ok=True)

    async def end(self, timeout_s: float, clock: Clock) -> bool:
        """End the one that runs; whether there was one. MembershipError when it does not end."""
        if not self.is_running():
            return False
        try:
            pid = int(self._pid.read_text())
        except (OSError, ValueError):
            raise MembershipError(
                f"{self._pid}: does not say which process runs this node; end it yourself"
            ) from None
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
        deadline = clock.monotonic() + int(timeout_s * 1_000_000)
        while self.is_running():
            if clock.monotonic() >= deadline:
                raise MembershipError(f"llm-kubelet (process {pid}) does not end; end it yourself")
            await clock.sleep(_LOOK_S)
        return True
