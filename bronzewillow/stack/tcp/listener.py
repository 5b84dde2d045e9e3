"""Passive opens. A listener stays in LISTEN; each SYN makes a connection of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bronzewillow.stack.tcp.connection import Connection


class Listener:
    """A port on which a stack accepts. `close` stops that; connections already accepted live on."""

    __slots__ = ("_on_close", "admits", "backlog", "half_open", "port")

    def __init__(
        self,
        port: int,
        backlog: int,
        on_close: Callable[[Listener], None],
        admits: Callable[[bytes], bool] | None = None,
    ) -> None:
        self.port = port
        self.admits = admits
        """Whether an address may open a connection here; None lets everybody. Who may not gets no answer."""
        self.backlog = backlog
        """Connections of this port that may be half-open at a time; the oldest gives way to a new one."""
        self.half_open: dict[Connection, None] = {}
        """Connections in SYN-RECEIVED, oldest first."""
        self._on_close = on_close

    def close(self) -> None:
        """RFC 9293 3.10.4, LISTEN. Half-open connections are forgotten. Idempotent."""
        self._on_close(self)
