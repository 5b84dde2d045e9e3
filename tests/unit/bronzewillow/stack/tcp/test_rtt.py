from __future__ import annotations

import pytest

from bronzewillow.stack.tcp.rtt import RttEstimator

SECOND = 1_000_000


@pytest.fixture
def rtt() -> RttEstimator:
    return RttEstimator(1 * SECOND, 200_000, 60 * SECOND)


def test_before_a_sample_the_timeout_is_a_second(rtt: RttEstimator) -> None:  # RFC 6298 2.1
    assert rtt.rto == SECOND


def test_the_first_sample(rtt: RttEstimator) -> None:  # RFC 6298 2.2
    rtt.on_sample(300_000, 0)
    assert (rtt.srtt, rtt.rttvar, rtt.rto) == (300_000, 150_000, 900_000)


def test_the_second_sample(rtt: RttEstimator) -> None:  # RFC 6298 2.3
    rtt.on_sample(300_000, 0)
    rtt.on_sample(380_000, 0)
    assert (rtt.srtt, rtt.rttvar) == (310_000, 150_000 + (80_000 - 150_000) // 4)


def test_bounds(rtt: RttEstimator) -> None:
    for _ in range(100):
        rtt.on_sample(10, 0)
    assert rtt.rto == 200_000
    rtt.on_sample(10**12, 0)
    assert rtt.rto == 60 * SECOND
    assert rtt.min_rtt == 10


def test_a_steady_path_leaves_room_for_a_delayed_ack(rtt: RttEstimator) -> None:
    for _ in range(1000):
        rtt.on_sample(200_000, 0)
    assert rtt.rto == 300_000


def test_microseconds_and_even_zero_are_samples(rtt: RttEstimator) -> None:
    rtt.on_sample(0, 0)
    assert rtt.srtt == 1


def test_the_timeout_doubles_up_to_its_bound(rtt: RttEstimator) -> None:  # RFC 6298 5.5
    rtt.on_sample(100, 0)
    seen = []
    for _ in range(12):
        seen.append(rtt.rto)
        rtt.back_off()
    assert seen[:5] == [200_000, 400_000, 800_000, 1_600_000, 3_200_000]
    assert seen[-1] == rtt.rto == 60 * SECOND
    for _ in range(10_000):
        rtt.back_off()
    rtt.on_progress()
    assert rtt.rto == 200_000


def test_a_sample_ends_the_doubling(rtt: RttEstimator) -> None:
    rtt.back_off()
    rtt.back_off()
    rtt.on_sample(100_000, 0)
    assert rtt.rto == 300_000


def test_a_syn_timeout_without_a_sample_means_three_seconds(rtt: RttEstimator) -> None:  # RFC 6298 5.7
    rtt.back_off()
    rtt.on_syn_timeout(3 * SECOND)
    assert rtt.rto == 3 * SECOND
    rtt.on_sample(100_000, 0)
    rtt.on_syn_timeout(3 * SECOND)
    assert rtt.rto == 300_000


def test_the_least_round_trip_is_forgotten_after_minutes(rtt: RttEstimator) -> None:  # RFC 8985 6.2 step 1
    rtt.on_sample(50_000, 0)
    rtt.on_sample(90_000, 299 * SECOND)
    assert rtt.min_rtt == 50_000
    rtt.on_sample(90_000, 301 * SECOND)
    rtt.on_sample(80_000, 400 * SECOND)
    rtt.on_sample(90_000, 602 * SECOND)
    assert rtt.min_rtt == 80_000
