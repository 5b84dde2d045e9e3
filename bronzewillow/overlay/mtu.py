"""What an encapsulation costs, and how much fits the way to each peer (RFC 1191, RFC 8201)."""

from __future__ import annotations

from bronzewillow.wire import ethernet, ipv4, ipv6, udp
from bronzewillow.wire.encap import HEADER_BYTES

EXPIRES = 600 * 1_000_000
"""RFC 1191 6.3, RFC 8201 4: how long a smaller path MTU is believed before a larger one is tried."""

LEAST = {4: 576, 16: ipv6.MIN_MTU}
"""Inner packets of these sizes go through whatever the path, in outer fragments where they must: what every
host can take (RFC 791 3.2), and what IPv6 asks of every link (RFC 8200 5). By the size of an inner address.
"""


def outer_bytes(outer_address_bytes: int) -> int:
    """What stands before an inner packet: outer IP and UDP, VXLAN or Geneve without options, Ethernet."""
    outer_ip = ipv4.HEADER_BYTES if outer_address_bytes == 4 else ipv6.HEADER_BYTES
    return outer_ip + udp.HEADER_BYTES + HEADER_BYTES + ethernet.HEADER_BYTES


class PathMtus:
    """By underlay address, where less fits than the overlay's MTU."""

    def __init__(self) -> None:
        self._known: dict[bytes, tuple[int, int]] = {}

    def learn(self, address: bytes, outer_mtu: int, now: int) -> int:
        """An outer packet towards `address` may have `outer_mtu` bytes; what an inner one may have."""
        inner = max(outer_mtu - outer_bytes(len(address)), 1)
        self._known[address] = inner, now + EXPIRES
        return inner

    def towards(self, address: bytes, mtu: int, now: int) -> int:
        """The largest inner packet on the way to `address`, at most `mtu`."""
        if not self._known:
            return mtu
        inner, until = self._known.get(address, (mtu, now))
        if until <= now:
            self._known.pop(address, None)
            return mtu
        return min(inner, mtu)

    def keep(self, addresses: set[bytes]) -> None:
        """Forget all others."""
        self._known = {address: found for address, found in self._known.items() if address in addresses}
