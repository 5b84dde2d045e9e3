"""Where a connection's sequence numbers (RFC 6528 3: M + F(connection, secret)) and timestamps begin."""

from __future__ import annotations

import hashlib

_TICK_US = 4  # RFC 6528 3: M is a timer that ticks every 4 microseconds


def initial_sequence_number(
    secret: bytes, local: tuple[bytes, int], remote: tuple[bytes, int], now: int
) -> int:
    """An ISN that no third party can guess, and that grows between incarnations of one connection."""
    return (now // _TICK_US + _keyed(secret, b"isn", local, remote)) & 0xFFFFFFFF


def timestamp_offset(secret: bytes, local: tuple[bytes, int], remote: tuple[bytes, int]) -> int:
    """RFC 7323 7.1: a clock of its own for each connection, and one for all its incarnations: the SYN of the
    next must not look old to a peer that still remembers the last in TIME-WAIT (RFC 6191 2).
    """
    return _keyed(secret, b"ts", local, remote)


def _keyed(secret: bytes, what: bytes, local: tuple[bytes, int], remote: tuple[bytes, int]) -> int:
    identity = b"".join((*_endpoint(local), *_endpoint(remote)))
    digest = hashlib.blake2s(identity, key=secret, person=what, digest_size=4).digest()
    return int.from_bytes(digest, "big")


def _endpoint(endpoint: tuple[bytes, int]) -> tuple[bytes, bytes]:
    address, port = endpoint
    return address, port.to_bytes(2, "big")
