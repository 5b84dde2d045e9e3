from __future__ import annotations

from bronzewillow.stack.tcp.receive_window import ReceiveWindow

KIB, MIB, MS = 1 << 10, 1 << 20, 1_000
RMSS = 1400
SLACK = 16 * RMSS


def test_it_begins_small_and_never_beyond_the_limit() -> None:
    assert ReceiveWindow(256 * KIB, 4 * MIB, 0).size == 256 * KIB
    assert ReceiveWindow(256 * KIB, 64 * KIB, 0).size == 64 * KIB


def test_it_holds_twice_what_was_consumed_in_a_round_trip() -> None:
    window = ReceiveWindow(256 * KIB, 4 * MIB, 0)
    window.on_consumed(200 * KIB, 50 * MS, RMSS, 20 * MS)
    assert window.size == 256 * KIB  # the round is not over
    window.on_consumed(100 * KIB, 50 * MS, RMSS, 50 * MS)
    assert window.size == 600 * KIB + SLACK
    window.on_consumed(3 * MIB, 50 * MS, RMSS, 100 * MS)
    assert window.size == 4 * MIB


def test_short_round_trips_are_measured_over_ten_milliseconds() -> None:
    window = ReceiveWindow(256 * KIB, 4 * MIB, 0)
    for at in range(1, 10):
        window.on_consumed(100 * KIB, 100, RMSS, at * MS)
    assert window.size == 256 * KIB
    window.on_consumed(100 * KIB, 100, RMSS, 10 * MS)
    assert window.size == 2000 * KIB + SLACK


def test_it_never_shrinks() -> None:
    window = ReceiveWindow(256 * KIB, 4 * MIB, 0)
    window.on_consumed(MIB, 0, RMSS, 10 * MS)
    window.on_consumed(1, 0, RMSS, 20 * MS)
    assert window.size == 2 * MIB + SLACK
