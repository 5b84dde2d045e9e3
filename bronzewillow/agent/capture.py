"""Captures of the overlay: every datagram as the Ethernet frame that a wire would show, with good checksums.

A capture has a bound on what waits for its reader; past it frames are lost and counted, and the network does
not wait.
"""

from __future__ import annotations

import io
import struct
import time
from collections.abc import Callable
from typing import BinaryIO

from bronzewillow.agent.node import Node
from bronzewillow.wire.ethernet import EthernetFrame, emit_ethernet
from bronzewillow.wire.ip import emit_ip, ethertype_of
from bronzewillow.wire.ipv4 import Ipv4Packet
from bronzewillow.wire.ipv6 import Ipv6Packet
from bronzewillow.wire.pcap import PcapWriter
from bronzewillow.wire.udp import PROTOCOL, UdpDatagram, emit_udp

_MAX_WAITING_BYTES = 16 << 20
_LARGEST_PAYLOAD_BYTES = 65_535 - 20 - 8
_MAC = b"\x02\0"


def outer_frame(payload: bytes, source: tuple[bytes, int], destination: tuple[bytes, int]) -> bytes:
    """The Ethernet frame of one outer datagram. Our socket sees no MACs, so they tell the addresses' ends."""
    ends = source[0], destination[0]
    udp = emit_udp(UdpDatagram(source[1], destination[1], payload), *ends)
    packet: Ipv4Packet | Ipv6Packet
    if len(source[0]) == 4:
        packet = Ipv4Packet(*ends, PROTOCOL, udp, dont_fragment=False)
    else:
        packet = Ipv6Packet(*ends, PROTOCOL, udp)
    macs = _MAC + destination[0][-4:], _MAC + source[0][-4:]
    return emit_ethernet(EthernetFrame(*macs, ethertype_of(source[0]), emit_ip(packet)))


class Capture:
    """A tap on a node that makes pcap records, taken in pieces by `take`, or written straight to a file."""

    def __init__(
        self, node: Node, on_data: Callable[[], None] | None = None, file: BinaryIO | None = None
    ) -> None:
        """`on_data` is called when there is something to take; with `file` all goes there."""
        self._node = node
        self._on_data = on_data
        self._waiting: BinaryIO = file or io.BytesIO()
        self._is_file = file is not None
        self._pcap = PcapWriter(self._waiting)
        self.frames = 0
        self.lost = 0
        node.taps.append(self._tap)

    def take(self) -> bytes:
        """The pcap bytes since the last call."""
        assert isinstance(self._waiting, io.BytesIO)
        data = self._waiting.getvalue()
        self._waiting.seek(0)
        self._waiting.truncate()
        return data

    def close(self) -> None:
        """Take the tap off. Idempotent."""
        if self._tap in self._node.taps:
            self._node.taps.remove(self._tap)

    def _tap(
        self,
        train: bytes | bytearray,
        piece_bytes: int,
        source: tuple[bytes, int],
        destination: tuple[bytes, int],
    ) -> None:
        now = time.time_ns() // 1_000
        step = piece_bytes or max(len(train), 1)
        for at in range(0, len(train), step):
            if not self._is_file and self._waiting.tell() > _MAX_WAITING_BYTES:
                self.lost += 1
                continue
            self.frames += 1
            payload = bytes(train[at : min(at + step, at + _LARGEST_PAYLOAD_BYTES)])
            try:
                self._pcap.write(outer_frame(payload, source, destination), now)
            except (OSError, struct.error):
                self.lost += 1
        if self._on_data is not None:
            self._on_data()
