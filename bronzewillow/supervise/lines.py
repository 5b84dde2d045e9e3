"""The one log: whole lines of several programs, each with the name of who says it."""

from __future__ import annotations

import contextlib
from typing import Protocol

LONGEST_LINE_BYTES = 16 << 10
_COLOURS = (36, 35, 33, 32, 34)
_RESET = "\033[0m"


class Lines:
    """Bytes as they come in, whole lines out; a line without an end is cut."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[str]:
        """The lines that `data` ends."""
        *whole, self._rest = (self._rest + data).split(b"\n")
        while len(self._rest) > LONGEST_LINE_BYTES:
            whole.append(self._rest[:LONGEST_LINE_BYTES])
            self._rest = self._rest[LONGEST_LINE_BYTES:]
        return [_text(line) for line in whole]

    def end(self) -> list[str]:
        """What came last, without the end of its line."""
        rest, self._rest = self._rest, b""
        return [_text(rest)] if rest else []


class Sink(Protocol):
    """Where the log goes: a stream, or a file that is rotated."""

    def write(self, text: str, /) -> object:
        """Take `text`, which is whole lines."""

    def flush(self) -> object:
        """They may be read from now on."""


class NodeLog:
    """Where all of them write."""

    def __init__(self, stream: Sink, names: tuple[str, ...], *, is_coloured: bool) -> None:
        self._stream, self._is_coloured = stream, is_coloured
        self._width = max(map(len, names))
        self._names = names

    def write(self, name: str, line: str) -> None:
        """One line. A reader that has gone is no reason to end."""
        head = f"{name:<{self._width}} |"
        if self._is_coloured:
            colour = _COLOURS[self._names.index(name) % len(_COLOURS)]
            head = f"\033[{colour}m{head}{_RESET}"
        with contextlib.suppress(OSError, ValueError):
            self._stream.write(f"{head} {line}\n")
            self._stream.flush()


def _text(line: bytes) -> str:
    """Without what would steer a terminal."""
    text = line.rstrip(b"\r").decode(errors="replace")
    return "".join(c if c.isprintable() or c == "\t" else "\ufffd" for c in text)
