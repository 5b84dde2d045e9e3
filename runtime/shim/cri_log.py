"""Lines of a container's log as a kubelet and crictl read them.

`<RFC 3339 time with nanoseconds> <stdout|stderr> <P|F> <content>`: F ends a line, P is a part of a long one.
Source: kubernetes, cri-api constants.go, and the kubelet's log reader.
"""

from __future__ import annotations

import time

LONGEST_CONTENT = 16 << 10
_FULL, _PARTIAL = b"F", b"P"


class LogLines:
    """Makes one stream's bytes lines of the log."""

    def __init__(self, stream: str) -> None:
        """`stream`: stdout or stderr."""
        self._stream = stream.encode()
        self._rest = b""

    def feed(self, data: bytes, now_ns: int) -> bytes:
        """The entries that are complete; `now_ns` since 1970."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        head = b"%s %s " % (emit_time(now_ns), self._stream)
        entries = [entry for line in lines for entry in _entries(head, line, _FULL)]
        while len(self._rest) > LONGEST_CONTENT:
            entries += _entries(head, self._rest[:LONGEST_CONTENT], _PARTIAL)
            self._rest = self._rest[LONGEST_CONTENT:]
        return b"".join(entries)

    def end(self, now_ns: int) -> bytes:
        """What a last line without an end leaves."""
        rest, self._rest = self._rest, b""
        head = b"%s %s " % (emit_time(now_ns), self._stream)
        return b"".join(_entries(head, rest, _FULL)) if rest else b""


def emit_time(now_ns: int) -> bytes:
    """RFC 3339 in UTC, with all nine digits."""
    seconds, nanoseconds = divmod(now_ns, 1_000_000_000)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)).encode() + b".%09dZ" % nanoseconds


def _entries(head: bytes, line: bytes, last: bytes) -> list[bytes]:
    """One, or several for a long line."""
    pieces = [line[at : at + LONGEST_CONTENT] for at in range(0, len(line), LONGEST_CONTENT)] or [b""]
    return [
        b"%s%s %s\n" % (head, _PARTIAL if number < len(pieces) else last, piece)
        for number, piece in enumerate(pieces, 1)
    ]
