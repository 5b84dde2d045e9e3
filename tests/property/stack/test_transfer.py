"""Bytes sent are bytes received, in order, once, over any link; and equal inputs give equal bytes."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from bronzewillow.stack import StackConfig, TcpConfig
from bronzewillow.testing.exchange import Exchange, bytes_on_the_wire, recorded
from bronzewillow.testing.simnet import Link, SimNet

LINKS = st.builds(
    Link,
    delay=st.sampled_from([1, 100, 5_000, 150_000]),
    loss=st.sampled_from([0.0, 0.01, 0.1, 0.3]),
    duplication=st.sampled_from([0.0, 0.1, 0.5]),
    reordering=st.sampled_from([0.0, 0.1, 0.5]),
    reorder_delay=st.sampled_from([1, 300, 50_000]),
    rate_bytes_per_s=st.sampled_from([0, 0, 100_000]),
    queue_bytes=st.sampled_from([3_000, 1 << 20]),
)
CONFIGS = st.builds(
    TcpConfig,
    send_buffer_bytes=st.sampled_from([1_000, 20_000, 1 << 20]),
    receive_buffer_bytes=st.sampled_from([999, 7_001, 100_003, 1 << 20]),
    congestion_control=st.sampled_from(["cubic", "reno"]),
    window_scale=st.booleans(),
    timestamps=st.booleans(),
    sack=st.booleans(),
    nagle=st.booleans(),
    max_reassembly_ranges=st.sampled_from([1, 256]),
    initial_window_segments=st.sampled_from([1, 10]),
    user_timeout=st.just(1 << 50),
    max_rto=st.just(5_000_000),  # so that TIME-WAIT outlives any series of lost FINs
)


NETWORKS = st.sampled_from([bytes((10, 0, 0)), bytes.fromhex("fd00000a") + bytes(11)])


def run(
    seed: int,
    network: bytes,
    links: tuple[Link, Link],
    configs: tuple[TcpConfig, TcpConfig],
    **sizes: object,
) -> SimNet:
    ends = [StackConfig(network + bytes((n,)), mtu=1_450 - n, tcp=c) for n, c in enumerate(configs, 1)]
    net = SimNet(seed, *links, *ends)
    with recorded(net, seed, Path(tempfile.gettempdir())):
        Exchange(net, seed=seed, **sizes).run(limit=1 << 50)  # type: ignore[arg-type]
    return net


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 1 << 30),
    network=NETWORKS,
    links=st.tuples(LINKS, LINKS),
    configs=st.tuples(CONFIGS, CONFIGS),
    up=st.integers(0, 20_000),
    down=st.integers(0, 20_000),
    half_close=st.booleans(),
    batch_reader=st.booleans(),
)
def test_bytes_sent_are_bytes_received(
    seed: int,
    network: bytes,
    links: tuple[Link, Link],
    configs: tuple[TcpConfig, TcpConfig],
    up: int,
    down: int,
    half_close: bool,
    batch_reader: bool,
) -> None:
    run(seed, network, links, configs, up=up, down=down, half_close=half_close, batch_reader=batch_reader)


@settings(max_examples=10, deadline=None)
@given(
    seed=st.integers(0, 1 << 30),
    network=NETWORKS,
    links=st.tuples(LINKS, LINKS),
    configs=st.tuples(CONFIGS, CONFIGS),
)
def test_equal_inputs_give_equal_bytes(
    seed: int, network: bytes, links: tuple[Link, Link], configs: tuple[TcpConfig, TcpConfig]
) -> None:
    first, second = (run(seed, network, links, configs, up=5_000, down=5_000) for _ in range(2))
    assert bytes_on_the_wire(first) == bytes_on_the_wire(second)
