from __future__ import annotations

from bronzewillow.stack.tcp.congestion.reno import Reno
from bronzewillow.stack.tcp.flight import Flight
from bronzewillow.stack.tcp.recovery import Phase, Recovery

MSS = 1000


def in_flight(segments: int) -> tuple[Recovery, Flight, Reno]:
    flight = Flight()
    flight.on_send(segments * MSS, 0)
    return Recovery(), flight, Reno(MSS, 10)


def test_three_duplicates_start_a_recovery_that_ends_at_recover() -> None:  # RFC 6582 3.2
    recovery, flight, reno = in_flight(10)
    phases = []
    for _ in range(4):
        recovery.on_duplicate_ack(flight, reno, False, MSS, 0)
        phases.append(recovery.phase)
    assert phases == [Phase.OPEN, Phase.OPEN, Phase.RECOVERY, Phase.RECOVERY]
    assert recovery.must_retransmit and flight.lost_bytes == MSS and reno.cwnd == 5 * MSS
    flight.on_ack(4 * MSS)
    recovery.on_new_ack(flight, reno, 4 * MSS, False, MSS, 0)
    assert flight.lost_bytes == MSS
    flight.on_ack(10 * MSS)
    recovery.on_new_ack(flight, reno, 6 * MSS, False, MSS, 0)
    assert recovery.phase is Phase.OPEN and recovery.fast_recoveries == 1


def test_each_duplicate_has_left_the_network() -> None:
    recovery, flight, reno = in_flight(10)
    recovery.on_duplicate_ack(flight, reno, False, MSS, 0)
    assert recovery.pipe(flight, MSS) == 9 * MSS
    for _ in range(50):
        recovery.on_duplicate_ack(flight, reno, False, MSS, 0)
    assert recovery.pipe(flight, MSS) == 0


def test_with_sack_the_scoreboard_decides() -> None:
    recovery, flight, reno = in_flight(10)
    for _ in range(5):
        recovery.on_duplicate_ack(flight, reno, True, MSS, 0)
    assert recovery.fast_recoveries == 0
    flight.on_sack([(MSS, 5 * MSS)])
    recovery.on_duplicate_ack(flight, reno, True, MSS, 0)
    assert recovery.phase is Phase.RECOVERY and recovery.pipe(flight, MSS) == 5 * MSS


def test_a_timeout_halves_once_and_resets_cwnd_each_time() -> None:  # RFC 5681 3.1
    recovery, flight, reno = in_flight(10)
    recovery.on_timeout(flight, reno, 0)
    assert (recovery.phase, reno.ssthresh, reno.cwnd) == (Phase.LOSS, 5 * MSS, MSS)
    reno.on_ack(2 * MSS, 0, 0)
    assert reno.cwnd == 3 * MSS
    recovery.on_timeout(flight, reno, 0)
    assert (reno.ssthresh, reno.cwnd) == (5 * MSS, MSS)
    assert flight.lost_bytes == 10 * MSS


def test_duplicates_after_a_timeout_start_no_fast_recovery() -> None:  # RFC 6582 4
    recovery, flight, reno = in_flight(10)
    recovery.on_timeout(flight, reno, 0)
    flight.on_ack(10 * MSS)
    recovery.on_new_ack(flight, reno, 10 * MSS, False, MSS, 0)
    flight.on_send(5 * MSS, 1)
    for _ in range(5):
        recovery.on_duplicate_ack(flight, reno, False, MSS, 1)
    assert recovery.phase is Phase.OPEN
