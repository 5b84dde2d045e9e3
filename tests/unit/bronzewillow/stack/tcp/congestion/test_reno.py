from __future__ import annotations

import pytest

from bronzewillow.stack.tcp.congestion.reno import UNLIMITED, Reno, initial_window


@pytest.mark.parametrize(("smss", "window"), [(536, 5360), (1000, 10_000), (1460, 14_600), (9000, 18_000)])
def test_the_initial_window(smss: int, window: int) -> None:  # RFC 6928 2
    assert initial_window(smss, 10) == window


def test_slow_start_then_one_segment_a_window() -> None:  # RFC 5681 3.1
    reno = Reno(1000, 10)
    reno.on_ack(10_000, 0, 0)
    assert reno.cwnd == 20_000
    reno.on_congestion(20_000, 0)
    assert reno.cwnd == reno.ssthresh == 10_000
    reno.on_ack(9_999, 0, 0)
    assert reno.cwnd == 10_000
    reno.on_ack(1, 0, 0)
    assert reno.cwnd == 11_000


def test_slow_start_stops_at_ssthresh() -> None:
    reno = Reno(1000, 10)
    reno.on_timeout(30_000, 0)
    assert (reno.cwnd, reno.ssthresh) == (1000, 15_000)
    reno.on_ack(60_000, 0, 0)
    assert reno.cwnd == 15_000


def test_the_floor_of_ssthresh_and_a_repeated_timeout() -> None:
    reno = Reno(1000, 10)
    reno.on_timeout(500, 0)
    assert reno.ssthresh == 2000
    reno.on_ack(1000, 0, 0)
    reno.on_repeated_timeout()
    assert (reno.cwnd, reno.ssthresh) == (1000, 2000)


def test_a_pause_restarts_from_the_initial_window() -> None:  # RFC 5681 4.1
    reno = Reno(1000, 10)
    reno.on_ack(50_000, 0, 0)
    reno.on_idle(0)
    assert reno.cwnd == 10_000


def test_the_segment_size_of_the_handshake_sets_the_window() -> None:
    reno = Reno(536, 10)
    reno.on_mss(1400)
    assert reno.cwnd == 14_000
    reno.on_congestion(14_000, 0)
    reno.on_mss(500)
    assert reno.cwnd == 7_000


def test_cwnd_is_bounded() -> None:
    reno = Reno(1000, 10)
    for _ in range(200):
        reno.on_ack(1 << 30, 0, 0)
    assert reno.cwnd <= 2 * UNLIMITED
