"""One line and one set of measurements per request. Never a header's value, never a body, never a query."""

from __future__ import annotations

import asyncio
import json
import logging

from bronzewillow.proxy.metrics import HttpPortMetrics
from bronzewillow.proxy.tally import StreamTally

ACCESS_LOG = "bronzewillow.access"
CLIENT_LEFT = 499
"""Status noted for a client that left before its answer began; never sent."""

_access = logging.getLogger(ACCESS_LOG)


class RequestRecord:
    """What is known of one request while it runs; times are the loop's seconds."""

    __slots__ = (
        "_metrics",
        "_now",
        "_previous_s",
        "bytes_in",
        "bytes_out",
        "client",
        "first_s",
        "is_probe",
        "method",
        "outcome",
        "path",
        "queued_s",
        "started_s",
        "status",
        "tally",
        "upstream_sent_s",
    )

    def __init__(
        self, method: str, target: str, client: tuple[str, int], metrics: HttpPortMetrics | None
    ) -> None:
        self._metrics = metrics
        self._now = asyncio.get_running_loop().time
        self.client = client
        self.is_probe = False
        """Whether a kubelet asks, as it does every few seconds: told only when it goes wrong."""
        self.method = method
        self.path = target.partition("?")[0]
        self.started_s = self._now()
        self.queued_s = 0.0
        self.upstream_sent_s: float | None = None
        self.first_s: float | None = None
        self._previous_s = 0.0
        self.status = 0
        self.bytes_in = 0
        self.bytes_out = 0
        self.tally: StreamTally | None = None
        self.outcome = "ok"
        """`ok`, or in one word what went wrong."""

    def passed(self, data: bytes) -> None:
        """Body bytes went to the client; called after they were written."""
        self.bytes_out += len(data)
        if self.tally is None:
            if self.first_s is None:
                self.first_s = self._now()
            return
        events = self.tally.feed(data)
        if not events:
            return
        now_s = self._now()
        if self.first_s is None:
            self.first_s = now_s
        elif self._metrics is not None:
            self._metrics.between.observe((now_s - self._previous_s) / events)
        self._previous_s = now_s

    def write(self, pod: str, port: int) -> None:
        """Note the ended request in the metrics and in the access log."""
        now_s = self._now()
        duration_s = now_s - self.started_s
        tokens = self.tally.tokens if self.tally is not None else None
        metrics = self._metrics
        if metrics is not None:
            metrics.answered(self.status)
            metrics.duration.observe(duration_s)
            if self.first_s is not None:
                metrics.first.observe(self.first_s - self.started_s)
            if tokens:
                metrics.tokens.inc(tokens)
                if tokens > 1 and self.first_s is not None and self._previous_s > self.first_s:
                    metrics.per_second.observe((tokens - 1) / (self._previous_s - self.first_s))
        level = logging.DEBUG if self.is_probe and self.status < 400 else logging.INFO
        if not _access.isEnabledFor(level):
            return
        line: dict[str, object] = {
            "client": _endpoint(*self.client),
            "pod": pod,
            "port": port,
            "method": self.method,
            "path": self.path,
            "status": self.status,
            "outcome": self.outcome,
            "bytes_in": self.bytes_in,
            "bytes_out": self.bytes_out,
            "duration_ms": _ms(duration_s),
        }
        if self.queued_s:
            line["queued_ms"] = _ms(self.queued_s)
        if self.upstream_sent_s is not None:
            line["upstream_ms"] = _ms(now_s - self.upstream_sent_s)
        if self.first_s is not None:
            line["first_ms"] = _ms(self.first_s - self.started_s)
        if self.tally is not None:
            line["events"] = self.tally.events
            line["tokens"] = tokens
        _access.log(level, "%s", json.dumps(line, separators=(",", ":")))


def _endpoint(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 3)
