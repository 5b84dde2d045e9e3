"""Lines of a container's log file, and what is shown of them. Pure.

`<RFC 3339 time> <stdout|stderr> <tags> <content>`; the tag P says that the content goes on in the next line.
"""

from __future__ import annotations

from dataclasses import dataclass

from kubelet.server.log_options import InvalidOption, LogOptions, parse_time_ns


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line of the file."""

    time: bytes
    stream: bytes
    is_partial: bool
    content: bytes
    """With its newline, unless more of it follows."""


def parse_line(line: bytes) -> LogLine | None:
    """None for what no runtime has written, such as the end of a file that was cut off."""
    time, _, rest = line.rstrip(b"\n").partition(b" ")
    stream, _, rest = rest.partition(b" ")
    tags, space, content = rest.partition(b" ")
    if not space or stream not in (b"stdout", b"stderr"):
        return None
    is_partial = tags.split(b":")[0] == b"P"
    return LogLine(time, stream, is_partial, content if is_partial else content + b"\n")


class LineFilter:
    """What of a file's lines a request wants to see."""

    def __init__(self, options: LogOptions) -> None:
        self._options = options
        self._left = options.limit_bytes
        self._has_begun = options.since_ns == 0
        self._at_start = True

    @property
    def is_satisfied(self) -> bool:
        """Whether nothing more will be shown."""
        return self._left == 0

    def show(self, line: bytes) -> bytes:
        """The bytes to send for a line of the file; none for what is not wanted."""
        parsed = parse_line(line)
        if parsed is None or not self._is_late_enough(parsed):
            return b""
        if self._options.stream is not None and parsed.stream.decode() != self._options.stream:
            return b""
        shown = parsed.content
        if self._options.timestamps and self._at_start:
            shown = parsed.time + b" " + shown
        self._at_start = not parsed.is_partial
        if self._left is not None:
            shown = shown[: self._left]
            self._left -= len(shown)
        return shown

    def _is_late_enough(self, line: LogLine) -> bool:
        if not self._has_begun:
            try:
                self._has_begun = parse_time_ns(line.time.decode("latin-1")) >= self._options.since_ns
            except InvalidOption:
                return False
        return self._has_begun
