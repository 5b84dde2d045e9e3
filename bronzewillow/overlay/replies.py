"""Where answers go that no peer's prefix holds: to the node through which the question came.

A node speaks to pods from addresses that its objects do not always tell: a second interface of its host, a
borrowed address whose allocation we have not seen yet, its host's IPv6 in some versions of Cilium. Each is
learned from what it sends, as long as it can be a host's: private, or on the link of that node, and nobody
else's by then.
"""

from __future__ import annotations

from bronzewillow.overlay.spec import Prefix, contains

EXPIRES = 600 * 1_000_000
"""After so many microseconds of silence nobody waits for an answer any more."""
MOVES_AFTER = 30 * 1_000_000
"""A source that has been heard of so lately comes through no other node: who says so forges it."""
MOST = 4096
MOST_PER_NODE = 256

_OF_HOSTS: tuple[Prefix, ...] = (
    (bytes((10, 0, 0, 0)), 8),  # RFC 1918
    (bytes((172, 16, 0, 0)), 12),
    (bytes((192, 168, 0, 0)), 16),
    (bytes((100, 64, 0, 0)), 10),  # RFC 6598
    (b"\xfc" + bytes(15), 7),  # RFC 4193
)
_LINK_BITS = 64  # RFC 4291 2.5.4


class Replies:
    """Inner source address to the underlay address of its node."""

    def __init__(self) -> None:
        self._known: dict[bytes, tuple[bytes, int]] = {}  # the one that spoke last comes last
        self._counts: dict[bytes, int] = {}

    def __len__(self) -> int:
        return len(self._known)

    def learn(self, source: bytes, outer: bytes, now: int) -> bool:
        """`source` has spoken through the node at `outer`; False when that is not to be believed."""
        known = self._known.get(source)
        if known is None:
            if not _may_be_hosts(source, outer):
                return False
        elif known[0] != outer and now - known[1] < MOVES_AFTER:
            return False
        self._forget(source)
        if self._counts.get(outer, 0) >= MOST_PER_NODE:
            self._forget(next(one for one, (node, _) in self._known.items() if node == outer))
        elif len(self._known) >= MOST:
            self._forget(next(iter(self._known)))
        self._known[source] = outer, now
        self._counts[outer] = self._counts.get(outer, 0) + 1
        return True

    def lookup(self, address: bytes, now: int) -> bytes | None:
        """The underlay address of the node through which `address` has spoken."""
        known = self._known.get(address)
        if known is None:
            return None
        if now - known[1] > EXPIRES:
            self._forget(address)
            return None
        return known[0]

    def _forget(self, source: bytes) -> None:
        known = self._known.pop(source, None)
        if known is not None:
            self._counts[known[0]] -= 1
            if not self._counts[known[0]]:
                del self._counts[known[0]]


def _may_be_hosts(source: bytes, outer: bytes) -> bool:
    if len(source) == len(outer) == 16 and contains((outer, _LINK_BITS), source):
        return True
    return any(contains(prefix, source) for prefix in _OF_HOSTS)
