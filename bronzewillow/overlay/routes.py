"""Which peer an inner address belongs to: longest prefix match."""

from __future__ import annotations

from collections.abc import Iterable

from bronzewillow.overlay.spec import Peer


class Routes:
    """An immutable table. One dictionary per prefix length in use, the longest asked first."""

    def __init__(self, peers: Iterable[Peer]) -> None:
        tables: dict[int, dict[int, Peer]] = {}
        for peer in peers:
            for network, length in peer.prefixes:
                shift = 32 - length
                tables.setdefault(shift, {})[int.from_bytes(network, "big") >> shift] = peer
        self._tables = sorted(tables.items())

    def lookup(self, address: bytes) -> Peer | None:
        """The peer whose most specific prefix holds `address`."""
        number = int.from_bytes(address, "big")
        for shift, table in self._tables:
            if peer := table.get(number >> shift):
                return peer
        return None
