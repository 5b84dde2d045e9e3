"""What a URL stands for, and what the runtime behind it does."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol

from runtime.streaming.terminal_size import TerminalSize


@dataclass(frozen=True, slots=True)
class Streams:
    """Those of a command that the caller wants."""

    stdin: bool = False
    stdout: bool = False
    stderr: bool = False
    tty: bool = False
    """A terminal, which has one output."""


@dataclass(frozen=True, slots=True)
class Exec:
    """Run a program beside a container."""

    container_id: str
    command: tuple[str, ...]
    streams: Streams


@dataclass(frozen=True, slots=True)
class Attach:
    """Hear what a container says from now on."""

    container_id: str
    streams: Streams


@dataclass(frozen=True, slots=True)
class PortForward:
    """Reach ports of a pod; `ports` are those that a WebSocket's channels are for."""

    sandbox_id: str
    ports: tuple[int, ...] = ()


Call = Exec | Attach | PortForward


class Input(Protocol):
    """What comes from the caller."""

    async def read(self) -> bytes:
        """At least one byte, or nothing at the end. ConnectionError."""


class Output(Protocol):
    """What goes to the caller."""

    async def write(self, data: bytes) -> None:
        """Return when more is welcome. ConnectionError."""

    async def end(self) -> None:
        """Say that nothing more comes. ConnectionError."""


class Duplex(Input, Output, Protocol):
    """Both directions of one channel."""


@dataclass(frozen=True, slots=True)
class CommandStreams:
    """Of a command that runs; those that are not asked for are None."""

    stdin: Input | None = None
    stdout: Output | None = None
    stderr: Output | None = None
    sizes: AsyncIterator[TerminalSize] | None = None


class Runtime(Protocol):
    """What is called. A call is cancelled when its caller goes away."""

    async def exec(self, call: Exec, streams: CommandStreams) -> int:
        """Until the program has ended; its exit code. CallFailed, ConnectionError."""

    async def attach(self, call: Attach, streams: CommandStreams) -> None:
        """Until the container has ended. CallFailed, ConnectionError."""

    async def port_forward(self, call: PortForward, port: int, data: Duplex) -> None:
        """Until the port's own end of the connection says no more. CallFailed, ConnectionError."""
