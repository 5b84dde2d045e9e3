from __future__ import annotations

import asyncio

from bronzewillow.host.cutting import cut


class Transport(asyncio.Transport):
    def __init__(self) -> None:
        super().__init__()
        self.aborts = 0

    def abort(self) -> None:
        self.aborts += 1


class ClosedTwice(Transport):
    """As sslproto of Python 3.11.2 has it."""

    _ssl_protocol: Transport | None = None

    def abort(self) -> None:
        super().abort()
        self._ssl_protocol.abort()  # type: ignore[union-attr]


def test_cut() -> None:
    for transport in (Transport(), ClosedTwice()):
        cut(transport)
        assert transport.aborts == 1
