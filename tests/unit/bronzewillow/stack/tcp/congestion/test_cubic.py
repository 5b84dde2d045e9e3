from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bronzewillow.stack.tcp.congestion.cubic import Cubic
from bronzewillow.stack.tcp.congestion.reno import UNLIMITED

MSS = 1000
SECOND = 1_000_000


def test_a_loss_leaves_seven_tenths() -> None:  # RFC 9438 4.6
    cubic = Cubic(MSS, 100)
    cubic.on_congestion(100_000, 0)
    assert cubic.cwnd == cubic.ssthresh == 70_000


def test_an_application_limited_flight_counts_as_what_it_was() -> None:
    cubic = Cubic(MSS, 100)
    cubic.on_congestion(10_000, 0)
    assert cubic.cwnd == 7_000


def test_it_returns_to_the_plateau_after_k_and_stays_near_it() -> None:
    """RFC 9438 4.2: K is the cube root of (W_max - cwnd) / C, here of 300 / 0.4: 9.1 s."""
    cubic = Cubic(MSS, 10)
    cubic.cwnd, cubic.ssthresh = 1_000_000, UNLIMITED
    cubic.on_congestion(1_000_000, 0)
    rtt, at = 100_000, {}
    for now in range(0, 15 * SECOND, rtt):
        for _ in range(10):
            cubic.on_ack(cubic.cwnd // 10, rtt, now)
        at[now // SECOND] = cubic.cwnd
    assert 850_000 < at[3] < 960_000  # concave: most of it comes back early
    assert 980_000 < at[8] <= 1_020_000
    assert at[14] > 1_040_000  # convex: it probes


def test_fast_convergence() -> None:  # RFC 9438 4.7
    cubic = Cubic(MSS, 100)
    cubic.on_congestion(100_000, 0)
    cubic.on_congestion(70_000, 0)
    assert cubic._w_max == 70 * 1.7 / 2


def test_short_round_trips_grow_at_least_like_reno() -> None:  # RFC 9438 4.3
    cubic = Cubic(MSS, 10)
    cubic.on_congestion(10_000, 0)
    rounds, rtt = 100, 1_000
    for now in range(0, rounds * rtt, rtt):
        cubic.on_ack(cubic.cwnd, rtt, now)
    assert cubic.cwnd >= 7_000 + 0.5 * rounds * MSS


def test_a_timeout_and_a_repeated_one() -> None:
    cubic = Cubic(MSS, 100)
    cubic.on_timeout(100_000, 0)
    assert (cubic.cwnd, cubic.ssthresh) == (MSS, 70_000)
    cubic.on_ack(5_000, 0, 0)
    cubic.on_repeated_timeout()
    assert (cubic.cwnd, cubic.ssthresh) == (MSS, 70_000)


@example([("ack", (1 << 30) - 10_000, 0), ("mss", 8_388_607, 0), ("ack", 0, 0)])
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["ack", "ack", "ack", "congestion", "timeout", "repeated", "idle", "mss"]),
            st.integers(0, 1 << 31),
            st.integers(0, 10**13),
        ),
        max_size=60,
    )
)
@pytest.mark.case("report-3")
def test_no_arithmetic_overflows(steps: list[tuple[str, int, int]]) -> None:
    cubic, now, mss = Cubic(MSS, 10), 0, MSS
    for what, size, pause in steps:
        now += pause
        if what == "ack":
            before = cubic.cwnd
            cubic.on_ack(size, pause, now)
            assert cubic.cwnd >= min(before, UNLIMITED)
        elif what == "congestion":
            cubic.on_congestion(size, now)
        elif what == "timeout":
            cubic.on_timeout(size, now)
        elif what == "repeated":
            cubic.on_repeated_timeout()
        elif what == "idle":
            cubic.on_idle(now)
        else:
            mss = 128 + size % 9000
            cubic.on_mss(mss)
        assert 0 < cubic.cwnd <= 4 * UNLIMITED and cubic.ssthresh >= 2 * 128
