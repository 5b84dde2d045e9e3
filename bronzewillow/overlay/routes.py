"""Which peer an inner address belongs to: longest prefix match."""

from __future__ import annotations

from collections.abc import Iterable

from bronzewillow.overlay.spec import Peer


class Routes:
    """An immutable table of both families: a dictionary per prefix length in use, the longest first."""

    def __init__(self, peers: Iterable[Peer]) -> None:
        families: dict[int, dict[int, dict[int, Peer]]] = {4: {}, 16: {}}
        for peer in peers:
            for network, length in peer.prefixes:
                shift = 8 * len(network) - length
                table = families[len(network)].setdefault(shift, {})
                table[int.from_bytes(network, "big") >> shift] = peer
        self._tables = {size: sorted(tables.items()) for size, tables in families.items()}

    def lookup(self, address: bytes) -> Peer | None:
        """The peer whose most specific prefix holds `address`."""
        number = int.from_bytes(address, "big")
        for shift, table in self._tables[len(address)]:
            if peer := table.get(number >> shift):
                return peer
        return None
