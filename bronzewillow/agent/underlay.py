"""One underlay of a node: a VTEP on a socket of its outer family.

A dual-stack cluster of Flannel, Calico or Antrea has two of them, each for the pods of its own family; where
one tunnel carries both families, as in Cilium, there is one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bronzewillow.agent.addresses import address_text, pack_address
from bronzewillow.agent.datagram import DatagramSocket, Rung
from bronzewillow.agent.outer_path import Address, path_mtu
from bronzewillow.overlay.mtu import outer_bytes
from bronzewillow.overlay.spec import OverlaySpec, Peer
from bronzewillow.overlay.vtep import Datagrams, Vtep
from bronzewillow.wire.encap import HEADER_BYTES
from bronzewillow.wire.ethernet import HEADER_BYTES as ETHERNET_BYTES

Tap = Callable[[bytes | bytearray, int, tuple[bytes, int], tuple[bytes, int]], None]
"""Sees every train: payload, piece size (0: one datagram), outer source and outer destination."""


class Underlay:
    """Moves datagrams; what is in them is its VTEP's to judge."""

    def __init__(
        self,
        spec: OverlaySpec,
        on_drained: Callable[[Underlay], None],
        taps: Sequence[Tap],
        now: Callable[[], int],
        rung: Rung | None = None,
    ) -> None:
        """Binds the socket: OSError when that fails. `on_drained` follows the last train of a wake-up."""
        self.vtep = Vtep(spec)
        self._on_drained = on_drained
        self._taps = taps
        self._now = now
        self._rung = rung
        self._fits = True
        self._outer_addresses: dict[Peer, tuple[str, int]] = {}
        self.socket = self.open(spec)

    def open(self, spec: OverlaySpec) -> DatagramSocket:
        """A socket at the address and port of `spec`, for `take`. OSError."""
        return DatagramSocket(
            (address_text(spec.address), spec.port),
            self.on_train,
            lambda: self._on_drained(self),
            self._rung,
            self._on_too_big,
            self.on_marked_train,
        )

    def is_at(self, spec: OverlaySpec) -> bool:
        """Whether our end in the underlay is that of `spec` already."""
        return self._end == (spec.address, spec.port)

    def take(self, spec: OverlaySpec, opened: DatagramSocket | None = None) -> None:
        """New peers; `opened`: a new end, too. What is encapsulated, and how, stays."""
        if opened is not None:
            opened.count_on_from(self.socket)
            self.socket.close()
            self.socket = opened
        self.vtep.update(spec)
        self._outer_addresses.clear()

    def on_train(self, train: bytes, piece_bytes: int, source: tuple[bytes, int]) -> None:
        """What the socket has read."""
        self.vtep.receive(train, piece_bytes, source[0])
        for tap in self._taps:
            tap(train, piece_bytes, source, self._end)

    def on_marked_train(self, train: bytes, piece_bytes: int, source: tuple[bytes, int]) -> None:
        """What the socket has read, and a congested router has marked."""
        self.vtep.receive_marked(train, piece_bytes, source[0])
        for tap in self._taps:
            tap(train, piece_bytes, source, self._end)

    def send(self, datagrams: Datagrams) -> bool:
        """To the peer that they are for. False where they do not fit its path, as the VTEP knows by then."""
        self._fits = True
        peer = datagrams.peer
        to = self._outer_addresses.get(peer)
        if to is None:
            to = self._outer_addresses[peer] = (address_text(peer.address), peer.port)
        if datagrams.fragmented:
            self.socket.send_in_fragments(datagrams.buffer, datagrams.piece_bytes, to)
        else:
            self.socket.send(datagrams.buffer, datagrams.piece_bytes, to)
        for tap in self._taps:
            tap(datagrams.buffer, datagrams.piece_bytes, self._end, (peer.address, peer.port))
        return self._fits

    def close(self) -> None:
        """Give the port back. Idempotent."""
        self.socket.close()

    def _on_too_big(self, to: Address, payload_bytes: int) -> None:
        self._fits = False
        peer = pack_address(to[0])
        whole = payload_bytes - HEADER_BYTES - ETHERNET_BYTES + outer_bytes(len(peer))
        self.vtep.on_refused(peer, path_mtu(to, whole), self._now())

    @property
    def _end(self) -> tuple[bytes, int]:
        return self.vtep.spec.address, self.vtep.spec.port


def open_underlays(
    specs: Sequence[OverlaySpec],
    on_drained: Callable[[Underlay], None],
    taps: Sequence[Tap],
    now: Callable[[], int],
    rung: Rung | None = None,
) -> tuple[Underlay, ...]:
    """All of them, or OSError and none."""
    opened: list[Underlay] = []
    try:
        for spec in specs:
            opened.append(Underlay(spec, on_drained, taps, now, rung))
    except BaseException:
        for underlay in opened:
            underlay.close()
        raise
    return tuple(opened)
