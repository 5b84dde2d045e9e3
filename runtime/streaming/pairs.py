"""Streams of a port-forward connection, which come in pairs: one for data, one for the text of an error.

Kubernetes, kubelet/pkg/cri/streaming/portforward/httpstream.go.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from runtime.streaming.errors import ProtocolError


@dataclass(frozen=True, slots=True)
class Pair:
    """Both streams of one forwarded connection."""

    port: int
    data_id: int
    error_id: int


class Pairs:
    """Those of which one half is still to come."""

    def __init__(self) -> None:
        self._waiting: dict[str, dict[str, int]] = {}
        self._ports: dict[str, int] = {}

    def add(self, stream_id: int, headers: Mapping[str, str]) -> Pair | None:
        """The pair that is complete by it. ProtocolError for headers that no client sends."""
        kind = headers.get("streamtype", "")
        if kind not in ("data", "error"):
            raise ProtocolError(f"streamtype {kind[:80]!r} is neither data nor error")
        port = parse_port(headers.get("port", ""))
        # clients before 1.6 name no request: their data stream is the next one
        request = headers.get("requestid") or str(stream_id if kind == "error" else stream_id - 2)
        halves = self._waiting.setdefault(request, {})
        if kind in halves:
            raise ProtocolError(f"request {request[:80]!r} has its {kind} stream already")
        if self._ports.setdefault(request, port) != port:
            raise ProtocolError(f"request {request[:80]!r} is for two ports")
        halves[kind] = stream_id
        if len(halves) < 2:
            return None
        self._forget(request)
        return Pair(port, halves["data"], halves["error"])

    def drop(self, stream_id: int) -> bool:
        """Wait no longer for its other half; False if it has come."""
        for request, halves in self._waiting.items():
            if stream_id in halves.values():
                self._forget(request)
                return True
        return False

    def _forget(self, request: str) -> None:
        self._waiting.pop(request, None)
        self._ports.pop(request, None)


def parse_port(text: str) -> int:
    """A port of 1 to 65535. ProtocolError."""
    if not (text.isascii() and text.isdecimal() and len(text) <= 5 and 0 < int(text) < 65536):
        raise ProtocolError(f"{text[:80]!r} is no port")
    return int(text)
