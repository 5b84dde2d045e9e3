from __future__ import annotations

from bronzewillow.stack.tcp.flight import Flight, SentRange
from bronzewillow.stack.tcp.rack import Rack
from bronzewillow.stack.tcp.rtt import RttEstimator

MSS = 1000
RTT = 40_000


def estimator() -> RttEstimator:
    rtt = RttEstimator(1_000_000, 200_000, 60_000_000)
    rtt.on_sample(RTT, 0)
    return rtt


def sent(start: int, at: int, departure: int, *, again: bool = False) -> SentRange:
    made = SentRange(start, start + MSS, at, departure)
    made.retransmitted = again
    return made


def test_the_newest_departure_counts() -> None:  # RFC 8985 6.2 step 2
    rack = Rack(1_000)
    rack.on_delivered([sent(0, 0, 1), sent(2000, 10, 3), sent(1000, 5, 2)], None, estimator(), 100)
    assert (rack.departure, rack.end, rack.rtt, rack.fack) == (3, 3000, 90, 3000)


def test_an_ambiguous_retransmission_does_not_count() -> None:
    rack, rtt = Rack(1_000), estimator()
    rack.on_delivered([sent(0, 50_000, 7, again=True)], None, rtt, 50_000 + RTT - 1)
    rack.on_delivered([sent(0, 50_000, 7, again=True)], 49, rtt, 50_000 + RTT)
    assert rack.departure == 0
    rack.on_delivered([sent(0, 50_000, 7, again=True)], 50, rtt, 50_000 + RTT)
    assert (rack.departure, rack.rtt) == (7, RTT)


def test_an_arrival_that_was_mistaken_gives_way_to_what_left_before_it() -> None:
    rack, rtt = Rack(1_000), estimator()
    rack.on_delivered([sent(0, 50_000, 7, again=True)], None, rtt, 50_000 + RTT)
    rack.forget_arrivals()
    rack.on_delivered([sent(1000, 10_000, 2)], None, rtt, 51_000 + RTT)
    assert (rack.departure, rack.end, rack.rtt) == (2, 2000, 41_000 + RTT)


def test_reordering_is_what_arrives_below_and_was_sent_once() -> None:  # step 3
    rack, rtt = Rack(1_000), estimator()
    rack.on_delivered([sent(5000, 0, 2)], None, rtt, RTT)
    rack.on_delivered([sent(0, 0, 3, again=True)], None, rtt, 2 * RTT)
    assert not rack.reordering_seen
    rack.on_delivered([sent(1000, 0, 1)], None, rtt, RTT)
    assert rack.reordering_seen


def test_the_window_and_when_there_is_none() -> None:  # step 4
    rack, rtt, flight = Rack(1_000), estimator(), Flight()
    flight.on_send(10 * MSS, 0)
    assert rack.reo_wnd(flight, False, MSS, rtt) == RTT // 4
    assert rack.reo_wnd(flight, True, MSS, rtt) == 0
    flight.on_sack([(MSS, 4 * MSS)])
    assert rack.reo_wnd(flight, False, MSS, rtt) == 0
    rack.reordering_seen = True
    assert rack.reo_wnd(flight, True, MSS, rtt) == RTT // 4
    assert Rack(15_000).reo_wnd(Flight(), False, MSS, rtt) == 15_000


def test_the_window_grows_once_a_round_up_to_a_round_trip_and_shrinks_after_16_recoveries() -> None:
    rack, rtt, flight = Rack(1_000), estimator(), Flight()
    rack.reordering_seen = True
    seen = []
    for _ in range(6):
        flight.on_send(MSS, 0)
        rack.on_dsack(flight)
        rack.on_dsack(flight)
        seen.append(rack.reo_wnd(flight, False, MSS, rtt))
        flight.on_ack(flight.nxt)
    assert seen == [20_000, 30_000, 40_000, 40_000, 40_000, 40_000]  # never more than SRTT
    for _ in range(15):
        rack.on_recovery_left()
    assert rack.reo_wnd(flight, False, MSS, rtt) == 40_000
    rack.on_recovery_left()
    assert rack.reo_wnd(flight, False, MSS, rtt) == 10_000


def test_losses_and_when_to_look_again() -> None:  # step 5
    rack, flight = Rack(1_000), Flight()
    for at in (0, 3, 6):
        flight.on_send(MSS, at)
    rack.on_delivered(flight.on_sack([(2 * MSS, 3 * MSS)]), None, estimator(), 6 + RTT)
    assert rack.mark_lost(flight, 5, 6 + RTT) == 3 + RTT + 5
    assert flight.lost_bytes == MSS
    assert rack.mark_lost(flight, 5, 8 + RTT) is None
    assert flight.lost_bytes == 2 * MSS


def test_a_timeout() -> None:
    rack, flight = Rack(1_000), Flight()
    flight.on_send(MSS, 0)
    flight.on_send(MSS, 100)
    rack.rtt = 50
    rack.mark_lost_on_timeout(flight, 10, 120)
    assert flight.lost_bytes == MSS
