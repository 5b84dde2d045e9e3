from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bronzewillow.stack.tcp.congestion.cubic import Cubic
from bronzewillow.stack.tcp.congestion.reno import UNLIMITED

MSS = 1000
SECOND = 1_000_000


@pytest.mark.rfc("9438:4.6")
def test_a_loss_leaves_seven_tenths() -> None:  # RFC 9438 4.6
    cubic = Cubic(MSS, 100)
    cubic.on_congestion(100_000, 0)
    assert cubic.cwnd == cubic.ssthresh == 70_000


def test_an_application_limited_flight_counts_as_what_it_was() -> None:
    cubic = Cubic(MSS, 100)
    cubic.on_congestion(10_000, 0)
    assert cubic.cwnd == 7_000


@pytest.mark.rfc("9438:4.2")
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


@pytest.mark.rfc("9438:4.7")
def test_fast_convergence() -> None:  # RFC 9438 4.7
    cubic = Cubic(MSS, 100)
    cubic.on_congestion(100_000, 0)
    cubic.on_congestion(70_000, 0)
    assert cubic._w_max == 70 * 1.7 / 2


@pytest.mark.rfc("9438:4.3")
def test_short_round_trips_grow_at_least_like_reno() -> None:  # RFC 9438 4.3
    cubic = Cubic(MSS, 10)
    cubic.on_congestion(10_000, 0)
    rounds, rtt = 100, 1_000
    for now in range(0, rounds * rtt, rtt):
        cubic.on_ack(cubic.cwnd, rtt, now)
    assert cubic.cwnd >= 7_000 + 0.5 * rounds * MSS


@pytest.mark.rfc("9438:4.3")
def test_the_friendly_estimate_grows_by_a_segment_a_round_once_it_has_the_old_window_back() -> None:
    """alpha is 0.53 below cwnd_prior, 1 above it; at 1 ms the cube itself does nothing."""
    cubic, rtt = Cubic(MSS, 20), 1_000
    cubic.on_congestion(20_000, 0)
    at = [cubic.cwnd]
    for now in range(0, 40 * rtt, rtt):
        cubic.on_ack(cubic.cwnd, rtt, now)
        at.append(cubic.cwnd)
    assert at[0] == 14_000
    assert 0.5 * MSS < (at[10] - at[0]) / 10 < 0.56 * MSS
    assert 0.9 * MSS < (at[40] - at[20]) / 20 <= MSS


@pytest.mark.rfc("9438:4.8")
def test_after_a_timeout_there_is_no_plateau_above() -> None:
    cubic, rtt = Cubic(MSS, 100), 100_000
    cubic.on_timeout(100_000, 0)
    cubic.on_ack(70_000, rtt, 0)  # slow start up to ssthresh
    assert cubic.cwnd == cubic.ssthresh == 70_000
    cubic.on_ack(70_000, rtt, rtt)
    assert (cubic._w_max, cubic._k_s) == (70.0, 0.0)


@pytest.mark.rfc("9438:4.2")
@pytest.mark.rfc("9438:5.8")
def test_time_in_which_the_window_was_not_full_does_not_count() -> None:
    steady, paused, rtt = Cubic(MSS, 10), Cubic(MSS, 10), 100_000
    for cubic in (steady, paused):
        cubic.cwnd = 1_000_000
        cubic.on_congestion(1_000_000, 0)
        for now in range(0, 3 * SECOND, rtt):
            cubic.on_ack(cubic.cwnd, rtt, now)
    steady.on_ack(steady.cwnd, rtt, 3 * SECOND)
    paused.on_ack(paused.cwnd, rtt, 60 * SECOND)
    assert paused.cwnd == steady.cwnd


@pytest.mark.rfc("9438:4.10")
def test_slow_start_ends_when_round_trips_grow() -> None:
    cubic, una, now = Cubic(MSS, 10), 0, 0
    for rtt in (20_000, 20_000, 30_000, 30_000, 30_000, 30_000, 30_000, 30_000):
        nxt = una + cubic.cwnd
        for _ in range(10):
            una += cubic.cwnd // 20
            cubic.on_rtt(rtt, una, nxt)
            cubic.on_ack(cubic.cwnd // 20, rtt, now)
            now += rtt // 10
        una = nxt
    assert cubic.ssthresh <= cubic.cwnd < UNLIMITED
    cubic.on_ack(10 * cubic.cwnd, 30_000, now)
    assert cubic._k_s == 0.0  # RFC 9438 4.10: convex from where it stands


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
