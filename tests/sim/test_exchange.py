"""Two hosts over bad links: every byte arrives, in order, once; nothing is left over; nothing is random."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from bronzewillow.stack import StackConfig, TcpConfig
from bronzewillow.stack.tcp.ecn import EcnMode
from bronzewillow.testing.exchange import Exchange, bytes_on_the_wire, recorded
from bronzewillow.testing.simnet import MILLISECOND, SECOND, Link, SimNet

A, B = bytes((10, 0, 0, 1)), bytes((10, 0, 0, 2))
DEFAULT = TcpConfig()
SMALL = replace(DEFAULT, send_buffer_bytes=9_000, receive_buffer_bytes=7_001)

LINKS = {
    f"loss {loss:.1%}, delay {delay / 1000:g} ms": Link(delay=delay, loss=loss)
    for loss in (0.0, 0.001, 0.01, 0.05)
    for delay in (100, 10 * MILLISECOND, 100 * MILLISECOND)
} | {
    "reordering": Link(delay=500, reordering=0.05),
    "deep reordering": Link(delay=500, reordering=0.02, reorder_delay=20 * MILLISECOND),
    "duplication": Link(delay=500, duplication=0.2),
    "everything": Link(delay=MILLISECOND, loss=0.02, reordering=0.05, duplication=0.05),
    "slow queue": Link(delay=5 * MILLISECOND, rate_bytes_per_s=1_250_000, queue_bytes=30_000),
    "burst loss": Link(delay=MILLISECOND, loss=0.3),
    "marks": Link(5 * MILLISECOND, rate_bytes_per_s=1_250_000, queue_bytes=40_000, marking_bytes=10_000),
}
STACKS = {
    "default": DEFAULT,
    "no options": replace(DEFAULT, window_scale=False, timestamps=False, sack=False),
    "no sack": replace(DEFAULT, sack=False),
    "no timestamps": replace(DEFAULT, timestamps=False),
    "reno": replace(DEFAULT, congestion_control="reno"),
    "small buffers": SMALL,
    "small buffers, no options": replace(SMALL, window_scale=False, timestamps=False, sack=False),
    "nagle": replace(DEFAULT, nagle=True),
    "RFC 6675": replace(DEFAULT, rack=False),
    "ECN": replace(DEFAULT, ecn=EcnMode.ON),
}


def exchange(
    path: Path, seed: int, link: Link, tcp: TcpConfig = DEFAULT, *, up: int = 150_000, down: int = 150_000,
    connections: int = 1, half_close: bool = False, batch_reader: bool = False,
) -> SimNet:  # fmt: skip
    if link.loss > 0.1:  # ten lost in a row do happen: neither side may give up, nor leave TIME-WAIT early
        tcp = replace(tcp, user_timeout=1 << 50, max_rto=5 * SECOND)
    net = SimNet(seed, link, a=StackConfig(A, tcp=tcp), b=StackConfig(B, tcp=tcp))
    with recorded(net, seed, path):
        Exchange(
            net,
            up=up,
            down=down,
            connections=connections,
            seed=seed,
            half_close=half_close,
            batch_reader=batch_reader,
        ).run()
    return net


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("link", LINKS)
@pytest.mark.case("case-17")
@pytest.mark.case("case-18")
@pytest.mark.case("report-2")
def test_both_ways_at_once(tmp_path: Path, link: str, seed: int) -> None:
    size = 30_000 if link == "burst loss" else 150_000
    exchange(tmp_path, seed, LINKS[link], up=size, down=size)


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("stack", STACKS)
@pytest.mark.rfc("9293:MAY-18")
def test_every_configuration(tmp_path: Path, stack: str, seed: int) -> None:
    exchange(tmp_path, seed, LINKS["everything"], STACKS[stack], up=60_000, down=60_000)


@pytest.mark.parametrize("stack", ["default", "no options", "small buffers"])
def test_half_close(tmp_path: Path, stack: str) -> None:
    exchange(tmp_path, 5, LINKS["everything"], STACKS[stack], up=50_000, down=50_000, half_close=True)


@pytest.mark.parametrize("seed", range(3))
def test_a_reader_that_takes_its_time(tmp_path: Path, seed: int) -> None:
    """Windows close and open on both sides at once."""
    exchange(tmp_path, seed, LINKS["everything"], SMALL, up=60_000, down=60_000, batch_reader=True)


def test_many_connections(tmp_path: Path) -> None:
    exchange(tmp_path, 3, LINKS["everything"], up=3_000, down=3_000, connections=60)


def test_no_bytes_at_all(tmp_path: Path) -> None:
    for seed in range(20):
        exchange(tmp_path, seed, LINKS["burst loss"], up=0, down=0)


@pytest.mark.parametrize("link", ["everything", "slow queue"])
def test_the_same_seed_gives_the_same_bytes(tmp_path: Path, link: str) -> None:
    first, second = (bytes_on_the_wire(exchange(tmp_path, 11, LINKS[link])) for _ in range(2))
    assert first == second
    assert first != bytes_on_the_wire(exchange(tmp_path, 12, LINKS[link]))


@pytest.mark.case("case-18")
def test_small_reordering_costs_no_timeout(tmp_path: Path) -> None:
    net = exchange(tmp_path, 1, Link(delay=500, reordering=0.01), up=500_000, down=0)
    assert net.a.stack.counters.retransmission_timeouts == 0


@pytest.mark.case("report-4")
def test_a_clean_link_needs_no_retransmission(tmp_path: Path) -> None:
    for delay in (1, 100, 100_000):
        net = exchange(tmp_path, 1, Link(delay=delay), up=300_000, down=300_000)
        assert net.a.stack.counters.retransmitted_segments == 0
        assert net.b.stack.counters.retransmitted_segments == 0


def test_marks_in_place_of_losses(tmp_path: Path) -> None:  # RFC 3168
    """A queue that marks before it overflows: the same goodput, and nothing is sent twice."""
    tcp = replace(DEFAULT, ecn=EcnMode.ON)
    dropping = Link(5 * MILLISECOND, rate_bytes_per_s=1_250_000, queue_bytes=30_000)
    marking = replace(dropping, queue_bytes=1 << 20, marking_bytes=20_000)
    by_loss = exchange(tmp_path, 1, dropping, tcp, up=2_000_000, down=0)
    by_marks = exchange(tmp_path, 1, marking, tcp, up=2_000_000, down=0)
    assert by_loss.a.stack.counters.retransmitted_segments > 0
    assert by_marks.a.stack.counters.retransmitted_segments == 0
    assert by_marks.now < 1.05 * by_loss.now


def test_a_failure_names_its_seed_and_leaves_a_capture(tmp_path: Path) -> None:
    net = SimNet(42, Link())
    expected = pytest.raises(AssertionError, match=r"seed 42: .* at 0\.0.* s, see .*wire\.pcap")
    with expected, recorded(net, 42, tmp_path):
        Exchange(net, up=10_000, down=0).run(limit=100)
    assert len((tmp_path / "wire.pcap").read_bytes()) > 24


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10, 40))
@pytest.mark.parametrize("link", LINKS)
def test_both_ways_at_once_many_seeds(tmp_path: Path, link: str, seed: int) -> None:
    size = 30_000 if link == "burst loss" else 400_000
    exchange(tmp_path, seed, LINKS[link], up=size, down=size)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10, 40))
@pytest.mark.parametrize("stack", STACKS)
def test_every_configuration_many_seeds(tmp_path: Path, stack: str, seed: int) -> None:
    exchange(tmp_path, seed, LINKS["everything"], STACKS[stack], batch_reader=seed % 2 == 0)
