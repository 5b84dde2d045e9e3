from __future__ import annotations

import random
import socket

import pytest

from bronzewillow.testing.lab.relay import Fate, Impairment, Relay

ROUGH = Impairment(loss=0.1, duplicate=0.1, reorder=0.1)


def fates(impairment: Impairment, seed: int, count: int = 2000) -> list[list[float]]:
    fate = Fate(impairment, seed)
    return [fate.delays_ms() for _ in range(count)]


def test_without_impairment_every_frame_goes_at_once() -> None:
    assert fates(Impairment(), 1) == [[0.0]] * 2000


def test_the_same_seed_decides_the_same() -> None:
    assert fates(ROUGH, 1) == fates(ROUGH, 1)
    assert fates(ROUGH, 1) != fates(ROUGH, 2)


def test_chances_are_kept_and_counted() -> None:
    fate = Fate(ROUGH, 1)
    copies = [len(fate.delays_ms()) for _ in range(2000)]
    assert fate.counts["frames"] == 2000
    assert fate.counts["lost"] == copies.count(0)
    assert fate.counts["duplicated"] == copies.count(2)
    for what in ("lost", "duplicated", "held_back"):
        assert 150 < fate.counts[what] < 250


def test_delay_is_every_frames() -> None:
    assert fates(Impairment(delay_ms=5.0), 1, 3) == [[5.0]] * 3


def test_arguments_are_percent() -> None:
    words = Impairment(loss=0.01, delay_ms=2.0).arguments()
    assert words == ["--loss", "1.0", "--duplicate", "0.0", "--reorder", "0.0", "--delay-ms", "2.0"]


@pytest.mark.loopback
def test_frames_cross_the_relay_both_ways() -> None:
    inside_a, a = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    inside_b, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with inside_a, a, inside_b, b:
        for sock in (inside_a, inside_b):
            sock.setblocking(False)
        relay = Relay(inside_a, inside_b, Fate(Impairment(), 1))
        for near, far in ((a, b), (b, a)):
            frames = [random.Random(size).randbytes(size) for size in (1, 60, 1514)]
            for frame in frames:
                near.send(frame)
            relay.turn()
            assert [far.recv(2000) for _ in frames] == frames


@pytest.mark.loopback
def test_a_frame_held_back_comes_after_the_next() -> None:
    inside_a, a = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    inside_b, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)

    class FirstHeld(Fate):
        def delays_ms(self) -> list[float]:
            self.counts["frames"] += 1
            return [2.0 if self.counts["frames"] == 1 else 0.0]

    with inside_a, a, inside_b, b:
        for sock in (inside_a, inside_b):
            sock.setblocking(False)
        b.setblocking(False)
        relay = Relay(inside_a, inside_b, FirstHeld(Impairment(), 1))
        a.send(b"first")
        a.send(b"second")
        relay.turn()
        assert b.recv(10) == b"second"
        relay.turn()
        assert b.recv(10) == b"first"
