"""Packed addresses of both families as text, and back: for people, for sockets, for JSON."""

from __future__ import annotations

import socket

from bronzewillow.overlay.spec import Prefix


def address_text(address: bytes) -> str:
    """As people write it: `10.244.7.10`, `fd00::a`."""
    return socket.inet_ntop(socket.AF_INET if len(address) == 4 else socket.AF_INET6, address)


def pack_address(text: str) -> bytes:
    """4 or 16 bytes. OSError when it is no address."""
    return socket.inet_pton(socket.AF_INET6 if ":" in text else socket.AF_INET, text)


def endpoint_text(address: bytes, port: int) -> str:
    """As people write it: `10.244.7.10:8080`, `[fd00::a]:8080`."""
    text = address_text(address)
    return f"{text}:{port}" if len(address) == 4 else f"[{text}]:{port}"


def prefix_text(prefix: Prefix) -> str:
    """As people write it: `10.244.7.0/24`."""
    return f"{address_text(prefix[0])}/{prefix[1]}"
