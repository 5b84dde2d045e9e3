"""A layer-2 relay between two devices that loses, duplicates and holds back frames.

    python -m bronzewillow.testing.lab.relay A B [--loss P] [--duplicate P] [--reorder P] [--delay-ms D]
        [--seed N]

Chances are in percent, the same in both directions. SIGUSR1 prints the counters as one line of JSON on
standard output, and the relay goes on.
"""

from __future__ import annotations

import argparse
import heapq
import itertools
import json
import random
import select
import signal
import socket
import struct
import sys
import time
from collections import Counter
from dataclasses import dataclass
from typing import TextIO

_SOL_PACKET, _PACKET_ADD_MEMBERSHIP, _PACKET_IGNORE_OUTGOING, _PACKET_MR_PROMISC = 263, 1, 23, 1
_SO_SNDBUFFORCE, _SO_RCVBUFFORCE = 32, 33
_ETH_P_ALL = 3
_BUFFER_BYTES = 16 << 20
_FRAME_BYTES = 65_536
_READS = 64
_HELD_MS = (1.0, 3.0)


@dataclass(frozen=True, slots=True)
class Impairment:
    """What happens to frames. Chances are fractions of 1."""

    loss: float = 0.0
    """Chance that a frame vanishes."""
    duplicate: float = 0.0
    """Chance that it comes twice."""
    reorder: float = 0.0
    """Chance that it is held back for one to three milliseconds, so that others overtake it."""
    delay_ms: float = 0.0
    """Every frame's delay."""

    def arguments(self) -> list[str]:
        """As the relay's command line has it."""
        percent = [("--loss", self.loss), ("--duplicate", self.duplicate), ("--reorder", self.reorder)]
        words = [word for name, chance in percent for word in (name, str(chance * 100))]
        return [*words, "--delay-ms", str(self.delay_ms)]


class Fate:
    """Decides what happens to each frame, and counts it. The same seed decides the same."""

    def __init__(self, impairment: Impairment, seed: int) -> None:
        self.impairment = impairment
        self.counts: Counter[str] = Counter()
        self._random = random.Random(seed)

    def delays_ms(self) -> list[float]:
        """One delay for each copy of the next frame: none when it is lost."""
        what, chance = self.impairment, self._random.random
        self.counts["frames"] += 1
        if chance() < what.loss:
            self.counts["lost"] += 1
            return []
        copies = 1
        if chance() < what.duplicate:
            self.counts["duplicated"] += 1
            copies = 2
        delays = []
        for _ in range(copies):
            delay = what.delay_ms
            if chance() < what.reorder:
                self.counts["held_back"] += 1
                delay += self._random.uniform(*_HELD_MS)
            delays.append(delay)
        return delays


def _open(device: str) -> socket.socket:
    """Every frame that comes in at `device`, whole, and none that we send."""
    if sys.platform != "linux":
        raise OSError("the relay needs AF_PACKET")
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETH_P_ALL))
    sock.bind((device, 0))
    sock.setsockopt(_SOL_PACKET, _PACKET_IGNORE_OUTGOING, 1)
    promiscuous = struct.pack("iHH8x", socket.if_nametoindex(device), _PACKET_MR_PROMISC, 0)
    sock.setsockopt(_SOL_PACKET, _PACKET_ADD_MEMBERSHIP, promiscuous)
    for option in (_SO_RCVBUFFORCE, _SO_SNDBUFFORCE):
        sock.setsockopt(socket.SOL_SOCKET, option, _BUFFER_BYTES)
    sock.setblocking(False)
    return sock


class Relay:
    """The two devices, and the frames in between."""

    def __init__(self, a: socket.socket, b: socket.socket, fate: Fate) -> None:
        self._other = {a: b, b: a}
        self._fate = fate
        self._held: list[tuple[float, int, socket.socket, bytes]] = []
        self._numbers = itertools.count()

    def turn(self) -> None:
        """Wait for frames or for the next one held back, and send what is due."""
        wait = max(0.0, self._held[0][0] - time.monotonic()) if self._held else 1.0
        ready, _, _ = select.select(list(self._other), [], [], wait)
        for sock in ready:
            self._drain(sock)
        now = time.monotonic()
        while self._held and self._held[0][0] <= now:
            _, _, to, frame = heapq.heappop(self._held)
            self._send(to, frame)

    def _drain(self, sock: socket.socket) -> None:
        to = self._other[sock]
        now = time.monotonic()
        for _ in range(_READS):
            try:
                frame = sock.recv(_FRAME_BYTES)
            except BlockingIOError:
                return
            for delay_ms in self._fate.delays_ms():
                if delay_ms:
                    due = now + delay_ms / 1000
                    heapq.heappush(self._held, (due, next(self._numbers), to, frame))
                else:
                    self._send(to, frame)

    def _send(self, to: socket.socket, frame: bytes) -> None:
        try:
            to.send(frame)
        except OSError:  # a full queue, or a device that has gone
            self._fate.counts["refused"] += 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="relay")
    parser.add_argument("devices", nargs=2)
    for name in ("--loss", "--duplicate", "--reorder", "--delay-ms"):
        parser.add_argument(name, type=float, default=0.0)
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


def _say(stream: TextIO, line: str) -> None:
    stream.write(f"{line}\n")
    stream.flush()


def main() -> None:
    """Relay until killed."""
    options = _arguments()
    impairment = Impairment(
        options.loss / 100, options.duplicate / 100, options.reorder / 100, options.delay_ms
    )
    fate = Fate(impairment, options.seed)
    signal.signal(signal.SIGUSR1, lambda *_: _say(sys.stdout, json.dumps(fate.counts)))
    relay = Relay(_open(options.devices[0]), _open(options.devices[1]), fate)
    _say(sys.stderr, "ready")
    while True:
        relay.turn()


if __name__ == "__main__":
    main()
