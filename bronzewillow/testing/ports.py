"""Ports of loopback for programs that must be told one before they bind it, or that bind it again later.

A port that the system chose and that was closed again may be given to anybody before its program binds it.
These stand outside the range that systems choose from, and each is taken by one test process alone: it holds
the same number for the other protocol, where nothing listens, until the process ends.
"""

from __future__ import annotations

import atexit
import secrets
import socket
from collections import deque

_FIRST, _LAST = 30_000, 32_000
"""Below what Linux (32768) and macOS (49152) give to sockets that do not choose; agents take lower ones."""
_TRIES = 1_000
_held: deque[socket.socket] = deque()
_HELD_AT_MOST = 64
"""Of the descriptors that macOS gives to a process, which are 256."""


def free_udp_port(host: str = "127.0.0.1") -> int:
    """A UDP port that nobody uses, and that no other test is given."""
    return _take(socket.SOCK_DGRAM, socket.SOCK_STREAM, host, 1)


def free_udp_neighbours() -> tuple[int, int]:
    """Two UDP ports of 127.0.0.1 in a row."""
    first = _take(socket.SOCK_DGRAM, socket.SOCK_STREAM, "127.0.0.1", 2)
    return first, first + 1


def free_tcp_port() -> int:
    """A TCP port of 127.0.0.1, likewise."""
    return _take(socket.SOCK_STREAM, socket.SOCK_DGRAM, "127.0.0.1", 1)


def _take(kind: socket.SocketKind, holding: socket.SocketKind, host: str, count: int) -> int:
    for _ in range(_TRIES):
        first = _FIRST + secrets.randbelow(_LAST - _FIRST)  # not `random`, which tests begin with one seed
        holders: list[socket.socket] = []
        try:
            for port in range(first, first + count):
                holders.append(_bound(holding, "127.0.0.1", port))
                _bound(kind, host, port).close()
        except OSError:
            for one in holders:
                one.close()
            continue
        _held.extend(holders)
        while len(_held) > _HELD_AT_MOST:
            _held.popleft().close()
        return first
    raise RuntimeError(f"no port of {host} between {_FIRST} and {_LAST} is free")


def _bound(kind: socket.SocketKind, host: str, port: int) -> socket.socket:
    made = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, kind)
    try:
        made.bind((host, port))
    except OSError:
        made.close()
        raise
    return made


@atexit.register
def _let_go() -> None:
    while _held:
        _held.popleft().close()
