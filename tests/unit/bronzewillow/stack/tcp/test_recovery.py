from __future__ import annotations

from bronzewillow.stack.counters import StackCounters
from bronzewillow.stack.tcp.congestion.reno import Reno
from bronzewillow.stack.tcp.flight import Flight, SentRange
from bronzewillow.stack.tcp.rack import Rack
from bronzewillow.stack.tcp.recovery import Ack, Phase, Recovery
from bronzewillow.stack.tcp.rtt import RttEstimator
from bronzewillow.stack.tcp.tcb import Tcb

MSS = 1000
DUPLICATE = Ack(0, [], is_duplicate=True)


def in_flight(segments: int, *, sack: bool = False, rack: bool = False) -> tuple[Recovery, Flight, Reno]:
    flight, reno = Flight(), Reno(MSS, 10)
    tcb = Tcb(smss=MSS, eff_snd_mss=MSS, sack_on=sack)
    rtt = RttEstimator(1_000_000, 200_000, 60_000_000)
    rtt.on_sample(40_000, 0)
    flight.on_send(segments * MSS, 0)
    recovery = Recovery(tcb, flight, reno, rtt, Rack(1_000) if rack else None, StackCounters())
    return recovery, flight, reno


def acknowledge(recovery: Recovery, flight: Flight, una: int, now: int = 0) -> None:
    acked = una - flight.una
    recovery.on_ack(Ack(acked, flight.on_ack(una)), now)


def selectively(recovery: Recovery, flight: Flight, left: int, right: int, now: int = 0) -> list[SentRange]:
    delivered = flight.on_sack([(left, right)])
    recovery.on_ack(Ack(0, delivered), now)
    return delivered


def test_three_duplicates_start_a_recovery_that_ends_at_recover() -> None:  # RFC 6582 3.2
    recovery, flight, reno = in_flight(10)
    phases = []
    for _ in range(4):
        recovery.on_ack(DUPLICATE, 0)
        phases.append(recovery.phase)
    assert phases == [Phase.OPEN, Phase.OPEN, Phase.RECOVERY, Phase.RECOVERY]
    assert recovery.must_retransmit and flight.lost_bytes == MSS and reno.ssthresh == 5 * MSS
    acknowledge(recovery, flight, 4 * MSS)
    assert flight.lost_bytes == MSS
    acknowledge(recovery, flight, 10 * MSS)
    assert recovery.phase is Phase.OPEN and recovery._counters.fast_recoveries == 1
    assert reno.cwnd == 5 * MSS


def test_each_duplicate_has_left_the_network() -> None:
    recovery, _, _ = in_flight(10)
    recovery.on_ack(DUPLICATE, 0)
    assert recovery.pipe == 9 * MSS
    for _ in range(50):
        recovery.on_ack(DUPLICATE, 0)
    assert recovery.pipe == 0


def test_with_sack_the_scoreboard_decides() -> None:
    recovery, flight, _ = in_flight(10, sack=True)
    for _ in range(5):
        recovery.on_ack(DUPLICATE, 0)
    assert recovery._counters.fast_recoveries == 0
    selectively(recovery, flight, MSS, 5 * MSS)
    assert recovery.phase is Phase.RECOVERY and recovery.pipe == 5 * MSS


def test_with_rack_the_time_decides() -> None:
    recovery, flight, _ = in_flight(10, sack=True, rack=True)
    selectively(recovery, flight, MSS, 2 * MSS, 40_000)
    assert flight.lost_bytes == 0 and recovery.look_again_at == 50_000
    recovery.look_for_loss(50_000)
    assert recovery.phase is Phase.RECOVERY and recovery.look_again_at is None
    assert flight.lost_bytes == MSS


def test_a_timeout_halves_once_and_resets_cwnd_each_time() -> None:  # RFC 5681 3.1
    recovery, flight, reno = in_flight(10)
    recovery.on_timeout(0)
    assert (recovery.phase, reno.ssthresh, reno.cwnd) == (Phase.LOSS, 5 * MSS, MSS)
    reno.on_ack(2 * MSS, 0, 0)
    assert reno.cwnd == 3 * MSS
    recovery.on_timeout(0)
    assert (reno.ssthresh, reno.cwnd) == (5 * MSS, MSS)
    assert flight.lost_bytes == 10 * MSS


def test_duplicates_after_a_timeout_start_no_fast_recovery() -> None:  # RFC 6582 4
    recovery, flight, _ = in_flight(10)
    recovery.on_timeout(0)
    acknowledge(recovery, flight, 10 * MSS)
    flight.on_send(5 * MSS, 1)
    for _ in range(5):
        recovery.on_ack(DUPLICATE, 1)
    assert recovery.phase is Phase.OPEN


def test_when_a_probe_is_of_use() -> None:  # RFC 8985 7.2
    recovery, flight, _ = in_flight(10, sack=True, rack=True)
    assert recovery.may_probe
    recovery.probe.on_sent(flight.nxt, is_retransmission=True)
    assert not recovery.may_probe
    acknowledge(recovery, flight, 10 * MSS)
    assert not recovery.may_probe  # nothing is in flight
    assert not in_flight(10, sack=True)[0].may_probe
    assert not in_flight(10, rack=True)[0].may_probe


def test_only_dsacks_of_our_own_retransmissions_are_believed() -> None:
    recovery, flight, _ = in_flight(10, sack=True, rack=True)
    assert recovery.rack is not None
    recovery.on_ack(Ack(0, [], (0, MSS)), 0)
    assert recovery.rack._reo_wnd_mult == 1
    recovery.on_retransmit(flight.take_tail(flight.nxt, MSS), 0)
    recovery.on_ack(Ack(0, [], (9 * MSS, 10 * MSS)), 0)
    assert recovery.rack._reo_wnd_mult == 2
    flight.on_ack(10 * MSS)
    recovery.on_ack(Ack(0, [], (9 * MSS, 10 * MSS)), 0)
    assert recovery.rack._reo_wnd_mult == 2
