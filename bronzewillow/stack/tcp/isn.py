"""Initial sequence numbers: RFC 6528 3, ISN = M + F(connection, secret)."""

from __future__ import annotations

import hashlib

_TICK_US = 4  # RFC 6528 3: M is a timer that ticks every 4 microseconds


def initial_sequence_number(
    secret: bytes, local: tuple[bytes, int], remote: tuple[bytes, int], now: int
) -> int:
    """An ISN that no third party can guess, and that grows between incarnations of one connection."""
    identity = b"".join((*_endpoint(local), *_endpoint(remote)))
    digest = hashlib.blake2s(identity, key=secret, digest_size=4).digest()
    return (now // _TICK_US + int.from_bytes(digest, "big")) & 0xFFFFFFFF


def _endpoint(endpoint: tuple[bytes, int]) -> tuple[bytes, bytes]:
    address, port = endpoint
    return address, port.to_bytes(2, "big")
