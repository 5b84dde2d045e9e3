"""Path MTUs of one stack: where less fits than the link's, for how long that is believed, and who shrinks.

Read RFC 1191, RFC 8201 and RFC 5927 7 before editing. What the network says comes by ICMP (`icmp`, `icmpv6`);
what the node's own tunnel says comes by `Stack.on_path_mtu`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from bronzewillow.stack.tcp.options import set_send_mss
from bronzewillow.stack.tcp.tcb import UNLIMITED_SMSS
from bronzewillow.stack.tcp.timers import NEVER

if TYPE_CHECKING:
    from bronzewillow.stack.tcp.connection import Connection

EXPIRES = 600 * 1_000_000
"""RFC 1191 6.3, RFC 8201 4: after ten minutes a larger packet is tried."""
MOST = 1024
"""Destinations; the oldest is forgotten for a new one, which costs it a lost packet."""


class PathMtus:
    """By destination. Destinations that take whole packets are not in here."""

    def __init__(self, link_mtu: int) -> None:
        self.link_mtu = link_mtu
        self._known: dict[bytes, tuple[int, int]] = {}  # the one that expires first comes first
        self.next_expiry: int = NEVER

    def towards(self, destination: bytes) -> int:
        """Bytes of the largest packet."""
        known = self._known.get(destination)
        return self.link_mtu if known is None else known[0]

    def lower(self, destination: bytes, mtu: int, now: int) -> bool:
        """Whether `mtu` is news: RFC 8201 4: a message never makes a path MTU larger."""
        if mtu >= self.towards(destination):
            return False
        self._known.pop(destination, None)
        if len(self._known) >= MOST:
            del self._known[next(iter(self._known))]
        self._known[destination] = mtu, now + EXPIRES
        self.next_expiry = next(iter(self._known.values()))[1]
        return True

    def take_expired(self, now: int) -> set[bytes]:
        """Forget what has been believed long enough; the destinations that may take more now."""
        expired = set()
        for destination, (_, until) in list(self._known.items()):
            if until > now:
                break
            expired.add(destination)
            del self._known[destination]
        self.next_expiry = next((until for _, until in self._known.values()), NEVER)
        return expired


def shrink(connections: Iterable[Connection], destination: bytes, mtu: int) -> None:
    """RFC 1191 6.4, RFC 8201 5.4: smaller segments, and all in flight again in those; cwnd stays."""
    for c in connections:
        smss = mtu - c.tcp.config.header_bytes
        if c.remote[0] != destination:
            continue
        c.tcb.path_smss = smss
        if smss >= c.tcb.smss:
            continue
        set_send_mss(c.tcb, smss)
        c.congestion.on_mss(c.tcb.eff_snd_mss)
        if c.flight:
            c.flight.mark_all_lost()
            c.recovery.must_retransmit = True
            c.tcp.mark_dirty(c)


def relink(connections: Iterable[Connection], mtu: int) -> None:
    """Nothing above `mtu` bytes leaves any more. A larger link is for connections to come."""
    for c in connections:
        c.tcb.agreed_smss = min(c.tcb.agreed_smss, mtu - c.tcp.config.header_bytes)
        shrink((c,), c.remote[0], min(mtu, c.tcp.path_mtus.towards(c.remote[0])))


def grow(connections: Iterable[Connection], destinations: set[bytes]) -> None:
    """RFC 1191 6.3: what both ends have agreed on, again. A path that is small still will say so."""
    for c in connections:
        if c.remote[0] not in destinations:
            continue
        c.tcb.path_smss = UNLIMITED_SMSS
        if c.tcb.smss < c.tcb.agreed_smss:
            set_send_mss(c.tcb, c.tcb.agreed_smss)
            c.congestion.on_mss(c.tcb.eff_snd_mss)
