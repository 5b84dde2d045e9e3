"""Echo requests through VXLAN to two agents, and how long each answer took.

python -m benchmarks.churn_pinger PORT_OF_127.0.0.1 PORT_OF_127.0.0.3 SECONDS
"""

from __future__ import annotations

import gc
import json
import selectors
import socket
import sys
import time

from bronzewillow.wire.encap import Encap, decap, encap_frame
from bronzewillow.wire.ethernet import EthernetFrame, emit_ethernet, parse_ethernet
from bronzewillow.wire.icmp import EchoReply, EchoRequest, emit_icmp, parse_icmp
from bronzewillow.wire.ipv4 import Ipv4Packet, emit_ipv4, parse_ipv4

_EVERY_S = 0.004
_LAST_S = 1.0
_US, _THEM = bytes((10, 244, 0, 1)), bytes((10, 244, 7, 1))
_OUR_MAC = bytes((2, 0xAA, 0xAA, 0, 0, 0))
_THEIR_MAC = bytes((2, 0, 0, 0, 0, 7))
_IPV4, _ICMP = 0x0800, 1


def request(number: int) -> bytes:
    """A datagram with an echo request."""
    message = emit_icmp(EchoRequest(1, number & 0xFFFF, number.to_bytes(8, "big")))
    packet = emit_ipv4(Ipv4Packet(_US, _THEM, _ICMP, message, identification=number & 0xFFFF))
    return encap_frame(Encap.VXLAN, 1, emit_ethernet(EthernetFrame(_THEIR_MAC, _OUR_MAC, _IPV4, packet)))


def answered(datagram: bytes) -> int | None:
    """Which request a datagram answers."""
    packet = parse_ipv4(parse_ethernet(decap(Encap.VXLAN, datagram)[1]).payload)
    message = parse_icmp(packet.payload) if packet.protocol == _ICMP else None
    return int.from_bytes(message.data, "big") if isinstance(message, EchoReply) else None


class Ping:
    """One agent's answers."""

    def __init__(self, address: str, port: int) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.2", port))
        self.socket.setblocking(False)
        self._to = (address, port)
        self._sent: dict[int, float] = {}
        self._delays: list[float] = []

    def send(self, number: int) -> None:
        """One more request."""
        self._sent[number] = time.perf_counter()
        self.socket.sendto(request(number), self._to)

    def receive(self) -> None:
        """All answers that are there."""
        now = time.perf_counter()
        while True:
            try:
                number = answered(self.socket.recv(2048))
            except BlockingIOError:
                return
            if number is not None and number in self._sent:
                self._delays.append((now - self._sent.pop(number)) * 1e3)

    def result(self) -> dict[str, float]:
        """In ms. What was lost is not among the delays."""
        ordered = sorted(self._delays) or [float("nan")]

        def at(part: float) -> float:
            return ordered[min(int(len(ordered) * part), len(ordered) - 1)]

        sent = len(self._delays) + len(self._sent)
        return {
            "p50": at(0.5), "p99": at(0.99), "p999": at(0.999), "most": ordered[-1],
            "lost": len(self._sent), "sent": sent,
        }  # fmt: skip


def main() -> None:
    """Print JSON: the following agent's, then the static one's."""
    seconds = float(sys.argv[3])
    pings = [Ping("127.0.0.1", int(sys.argv[1])), Ping("127.0.0.3", int(sys.argv[2]))]
    selector = selectors.DefaultSelector()
    for ping in pings:
        selector.register(ping.socket, selectors.EVENT_READ, ping)
    gc.disable()
    begin = time.perf_counter()
    number = 0
    while (now := time.perf_counter()) < begin + seconds + _LAST_S:
        due = begin + number * _EVERY_S / len(pings)
        if now >= due and now < begin + seconds:
            pings[number % len(pings)].send(number)
            number += 1
            continue
        wait_s = due - now if now < begin + seconds else 0.05
        for key, _ in selector.select(max(wait_s, 0)):
            key.data.receive()
    print(json.dumps([ping.result() for ping in pings]))


if __name__ == "__main__":
    main()
