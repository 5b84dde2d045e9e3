"""Two hosts that agree on little, over links drawn by lot: whatever a seed gives, every byte arrives once.

A failure prints its seed and leaves a capture; the invariants are looked at after every step.
"""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from bronzewillow.stack import StackConfig, TcpConfig
from bronzewillow.stack.tcp.ecn import EcnMode
from bronzewillow.testing.exchange import Exchange, bytes_on_the_wire, recorded
from bronzewillow.testing.simnet import MILLISECOND, SECOND, Link, SimNet

SEEDS_EACH = 50


def drawn_link(rng: random.Random) -> Link:
    return Link(
        delay=rng.choice([1, 50, 500, 5 * MILLISECOND, 50 * MILLISECOND, 200 * MILLISECOND]),
        loss=rng.choice([0, 0, 0.001, 0.01, 0.05, 0.1]),
        duplication=rng.choice([0, 0, 0.05, 0.3]),
        reordering=rng.choice([0, 0, 0.02, 0.2]),
        reorder_delay=rng.choice([10, 300, 5 * MILLISECOND, 60 * MILLISECOND]),
        rate_bytes_per_s=rng.choice([0, 0, 100_000, 1_250_000]),
        queue_bytes=rng.choice([5_000, 30_000, 1 << 20]),
        marking_bytes=rng.choice([0, 4_000, 20_000]),
    )


def drawn_tcp(rng: random.Random) -> TcpConfig:
    return TcpConfig(
        rack=rng.random() < 0.7,
        sack=rng.random() < 0.8,
        timestamps=rng.random() < 0.7,
        window_scale=rng.random() < 0.8,
        ecn=rng.choice(list(EcnMode)),
        congestion_control=rng.choice(["cubic", "reno"]),
        nagle=rng.random() < 0.2,
        send_buffer_bytes=rng.choice([3_000, 20_000, 1 << 20]),
        receive_buffer_bytes=rng.choice([3_001, 70_000, 4 << 20]),
        clock_granularity=rng.choice([1, MILLISECOND, 16 * MILLISECOND]),
        user_timeout=1 << 50,  # ten lost in a row do happen
        max_rto=5 * SECOND,
    )


def exchange(seed: int, directory: Path) -> SimNet:
    rng = random.Random(seed)
    ends = (StackConfig(bytes((10, 0, 0, n)), tcp=drawn_tcp(rng)) for n in (1, 2))
    net = SimNet(seed, drawn_link(rng), drawn_link(rng), *ends)
    up, down = rng.choice([0, 5_000, 60_000]), rng.choice([0, 5_000, 60_000])
    half_close, batch_reader = rng.random() < 0.2, rng.random() < 0.3
    with recorded(net, seed, directory):
        Exchange(net, up=up, down=down, seed=seed, half_close=half_close, batch_reader=batch_reader).run()
    return net


@pytest.mark.parametrize("seed", range(8))
def test_every_byte_arrives_once(tmp_path: Path, seed: int) -> None:
    exchange(seed, tmp_path)


@pytest.mark.parametrize("seed", range(2))
def test_the_same_seed_gives_the_same_bytes(tmp_path: Path, seed: int) -> None:
    assert bytes_on_the_wire(exchange(seed, tmp_path)) == bytes_on_the_wire(exchange(seed, tmp_path))


@pytest.mark.slow
@pytest.mark.parametrize("first", range(1_000, 4_000, SEEDS_EACH))
def test_every_byte_arrives_once_for_thousands_of_seeds(tmp_path: Path, first: int) -> None:
    for seed in range(first, first + SEEDS_EACH):
        exchange(seed, tmp_path)
