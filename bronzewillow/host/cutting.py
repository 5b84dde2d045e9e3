"""The end of a connection, at once, whatever has been done to it before."""

from __future__ import annotations

import asyncio
import contextlib


def cut(transport: asyncio.WriteTransport) -> None:
    """abort() of a transport that may be closing."""
    # TLS of Python 3.11.2 forgets its own protocol at the second close(), and is then to end by itself.
    with contextlib.suppress(AttributeError):
        transport.abort()
