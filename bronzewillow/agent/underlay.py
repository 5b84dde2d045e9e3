"""One underlay of a node: a VTEP on a socket of its outer family.

A dual-stack cluster of Flannel, Calico or Antrea has two of them, each for the pods of its own family; where
one tunnel carries both families, as in Cilium, there is one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bronzewillow.agent.addresses import address_text
from bronzewillow.agent.datagram import DatagramSocket, Rung
from bronzewillow.overlay.spec import OverlaySpec, Peer
from bronzewillow.overlay.vtep import Datagrams, Vtep

Tap = Callable[[bytes | bytearray, int, tuple[bytes, int], tuple[bytes, int]], None]
"""Sees every train: payload, piece size (0: one datagram), outer source and outer destination."""


class Underlay:
    """Moves datagrams; what is in them is its VTEP's to judge."""

    def __init__(
        self,
        spec: OverlaySpec,
        on_drained: Callable[[Underlay], None],
        taps: Sequence[Tap],
        rung: Rung | None = None,
    ) -> None:
        """Binds the socket: OSError when that fails. `on_drained` follows the last train of a wake-up."""
        self.vtep = Vtep(spec)
        self._taps = taps
        self._outer_addresses: dict[Peer, tuple[str, int]] = {}
        self.socket = DatagramSocket(
            (address_text(spec.address), spec.port), self.on_train, lambda: on_drained(self), rung
        )

    def update(self, spec: OverlaySpec) -> None:
        """New peers; the endpoint's identity stays."""
        self.vtep.update(spec)
        self._outer_addresses.clear()

    def on_train(self, train: bytes, piece_bytes: int, source: tuple[bytes, int]) -> None:
        """What the socket has read."""
        self.vtep.receive(train, piece_bytes, source[0])
        for tap in self._taps:
            tap(train, piece_bytes, source, self._end)

    def send(self, datagrams: Datagrams) -> None:
        """To the peer that they are for."""
        peer = datagrams.peer
        to = self._outer_addresses.get(peer)
        if to is None:
            to = self._outer_addresses[peer] = (address_text(peer.address), peer.port)
        self.socket.send(datagrams.buffer, datagrams.piece_bytes, to)
        for tap in self._taps:
            tap(datagrams.buffer, datagrams.piece_bytes, self._end, (peer.address, peer.port))

    def close(self) -> None:
        """Give the port back. Idempotent."""
        self.socket.close()

    @property
    def _end(self) -> tuple[bytes, int]:
        return self.vtep.spec.address, self.vtep.spec.port


def open_underlays(
    specs: Sequence[OverlaySpec],
    on_drained: Callable[[Underlay], None],
    taps: Sequence[Tap],
    rung: Rung | None = None,
) -> tuple[Underlay, ...]:
    """All of them, or OSError and none."""
    opened: list[Underlay] = []
    try:
        for spec in specs:
            opened.append(Underlay(spec, on_drained, taps, rung))
    except BaseException:
        for underlay in opened:
            underlay.close()
        raise
    return tuple(opened)
