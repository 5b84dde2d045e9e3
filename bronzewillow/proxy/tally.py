"""Counting the tokens of a stream while its bytes pass: no delay, no whole events, bounded memory."""

from __future__ import annotations

import re
from typing import Final

# The unescaped quote behind the name keeps text that a model wrote about itself from matching.
_USAGE = re.compile(rb'"(?:completion_tokens|output_tokens|eval_count)"\s*:\s*(\d{1,12})')
_EVENT: Final = b"\ndata:"
_DONE: Final = (b"\ndata: [DONE]", b"\ndata:[DONE]")
_REACH: Final = 64
"""Bytes kept of the piece before, so that a mark or a number cut in two is still found."""


class StreamTally:
    """Events and tokens of a `text/event-stream` or NDJSON body, fed in whatever pieces arrive."""

    __slots__ = ("_last", "_mark", "_reach", "_usage", "events")

    def __init__(self, content_type: bytes) -> None:
        self._mark = _EVENT if is_event_stream(content_type) else b"\n"
        self._reach = b"\n" if self._mark is _EVENT else b""
        self._usage = -1
        self._last = b"\n\n"
        self.events = 0
        """Data events so far, [DONE] excepted."""

    @property
    def is_event_stream(self) -> bool:
        """Whether the events are server-sent ones, so that an event of our own may be put behind them."""
        return self._mark is _EVENT

    @property
    def tokens(self) -> int:
        """Tokens as the upstream's usage says, else the number of data events."""
        return self._usage if self._usage >= 0 else self.events

    @property
    def at_boundary(self) -> bool:
        """Whether the last byte fed ended an event, so that another may follow."""
        return self._last.replace(b"\r", b"").endswith(b"\n\n")

    def feed(self, data: bytes) -> int:
        """Take the next bytes of the body; the number of data events that began in them."""
        before = self._reach
        window = before + data
        began = window.count(self._mark) - before.count(self._mark)
        if self._mark is _EVENT and b"[DONE]" in window:
            # The end mark's own `data:` may have been counted with an earlier piece: hence the minus there.
            began -= sum(window.count(mark) - before.count(mark) for mark in _DONE)
        self.events = max(self.events + began, 0)
        if b"_tokens" in window or b"eval_count" in window:
            for match in _USAGE.finditer(window):
                self._usage = int(match[1])
        self._reach = window[-_REACH:]
        self._last = (self._last + data[-4:])[-4:]
        return max(began, 0)


def is_event_stream(content_type: bytes) -> bool:
    """Whether a Content-Type is that of server-sent events."""
    return content_type.lower().lstrip().startswith(b"text/event-stream")


def is_countable(content_type: bytes) -> bool:
    """Whether a Content-Type is a stream whose events are counted."""
    return is_event_stream(content_type) or content_type.lower().lstrip().startswith(b"application/x-ndjson")
