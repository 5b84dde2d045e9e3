"""How a transfer goes, on standard error: bars on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.progress import Progress as RichProgress

from runtime.images.manifest import Descriptor
from runtime.registry.progress import Progress

_LINE_EVERY_S = 5.0
_DIGITS = 12


def short(digest: str) -> str:
    """The first digits, for people."""
    return digest.partition(":")[2][:_DIGITS]


class Bars:
    """A bar for each blob."""

    def __init__(self, verb: str, bars: RichProgress) -> None:
        self._verb, self._bars = verb, bars
        self._tasks: dict[str, TaskID] = {}

    def begin(self, blob: Descriptor, done: int) -> None:
        """A new bar, or the old one from `done` on."""
        if blob.digest in self._tasks:
            self._bars.update(self._tasks[blob.digest], completed=done)
            return
        label = f"{self._verb} {short(blob.digest)}"
        self._tasks[blob.digest] = self._bars.add_task(label, total=max(blob.size, 1), completed=done)

    def advance(self, blob: Descriptor, count: int) -> None:
        """Move the blob's bar on by `count` bytes."""
        self._bars.advance(self._tasks[blob.digest], count)

    def end(self, blob: Descriptor, how: str) -> None:
        """Full, whatever it was."""
        if blob.digest not in self._tasks:
            self.begin(blob, 0)
        self._bars.update(
            self._tasks[blob.digest], completed=max(blob.size, 1), description=f"{how:7} {short(blob.digest)}"
        )


class Lines:
    """A transfer's progress for logs and pipes, a line now and then."""

    def __init__(self, verb: str, out: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._verb, self._out, self._clock = verb, out, clock
        self._done: dict[str, int] = {}
        self._last: dict[str, float] = {}

    def begin(self, blob: Descriptor, done: int) -> None:
        """Say that a blob begins, and how much of it is here."""
        self._done[blob.digest], self._last[blob.digest] = done, self._clock()
        self._say(blob, f"{self._verb} {blob.size:,} bytes" + (f", {done:,} are here" if done else ""))

    def advance(self, blob: Descriptor, count: int) -> None:
        """A line, if the last one is old."""
        self._done[blob.digest] += count
        now = self._clock()
        if now - self._last[blob.digest] >= _LINE_EVERY_S:
            self._last[blob.digest] = now
            self._say(blob, f"{self._done[blob.digest] / max(blob.size, 1):.0%}")

    def end(self, blob: Descriptor, how: str) -> None:
        """Say how it ended."""
        self._say(blob, how)

    def _say(self, blob: Descriptor, what: str) -> None:
        print(f"{short(blob.digest)}: {what}", file=self._out, flush=True)


@contextmanager
def shown_progress(verb: str, out: TextIO | None = None) -> Iterator[Progress]:
    """Shown while inside."""
    stream = sys.stderr if out is None else out
    if not stream.isatty():
        yield Lines(verb, stream)
        return
    columns = (
        TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn(),
        TimeRemainingColumn(),
    )  # fmt: skip
    with RichProgress(*columns, console=Console(file=stream)) as bars:
        yield Bars(verb, bars)
