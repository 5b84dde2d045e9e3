from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bronzewillow.stack.tcp.flight import MAX_RANGES, Flight, SentRange
from bronzewillow.testing.invariants import check_flight


def flight_of(*sizes: int) -> Flight:
    flight = Flight()
    for now, size in enumerate(sizes):
        flight.on_send(size, now)
    return flight


def size(delivered: list[SentRange]) -> int:
    return sum(sent.end - sent.start for sent in delivered)


def marks(flight: Flight) -> list[tuple[int, int, str]]:
    return [
        (sent.start, sent.end, "S" if sent.sacked else "L" if sent.lost else "-") for sent in flight.ranges()
    ]


def test_sending_and_acknowledging() -> None:
    flight = flight_of(1000, 1000)
    assert (flight.size, flight.pipe, bool(flight)) == (2000, 2000, True)
    assert [(sent.start, sent.end, sent.sent_at) for sent in flight.on_ack(1500)] == [
        (0, 1000, 0),
        (1000, 1500, 1),
    ]
    assert marks(flight) == [(1500, 2000, "-")]
    flight.on_ack(2000)
    assert not flight and flight.oldest is None


def test_sack_cuts_ranges() -> None:
    flight = flight_of(10_000)
    assert size(flight.on_sack([(2000, 3000), (5000, 10_000)])) == 6000
    assert marks(flight) == [
        (0, 2000, "-"),
        (2000, 3000, "S"),
        (3000, 5000, "-"),
        (5000, 10_000, "S"),
    ]
    assert size(flight.on_sack([(2000, 3000), (2500, 3500)])) == 500
    assert flight.pipe == 3500
    check_flight(flight)


def test_a_sack_block_over_many_ranges() -> None:
    flight = flight_of(*[100] * 10)
    assert size(flight.on_sack([(150, 850)])) == 700
    check_flight(flight)


def test_loss_by_bytes_and_by_runs() -> None:  # RFC 6675 4
    flight = flight_of(10_000)
    flight.on_sack([(1000, 3000)])
    assert flight.mark_lost_by_sack(1000) == 0
    flight.on_sack([(3000, 3001)])
    assert flight.mark_lost_by_sack(1000) == 1000
    assert flight.mark_lost_by_sack(1000) == 0
    runs = flight_of(10_000)
    runs.on_sack([(1000, 1001), (2000, 2001), (3000, 3001)])
    assert runs.mark_lost_by_sack(1000) == 1000


def test_what_was_sent_again_is_not_lost_by_the_same_evidence() -> None:
    flight = flight_of(5000)
    flight.on_sack([(1000, 5000)])
    flight.mark_lost_by_sack(1000)
    lost = flight.next_lost()
    assert lost is not None
    flight.on_retransmit(lost, 50)
    assert flight.next_lost() is None and flight.mark_lost_by_sack(1000) == 0
    flight.mark_all_lost()
    assert flight.lost_bytes == 1000


def test_what_was_sacked_before_is_not_delivered_again() -> None:
    flight = flight_of(1000, 1000)
    assert size(flight.on_sack([(1000, 2000)])) == 1000
    (delivered,) = flight.on_ack(2000)
    assert (delivered.start, delivered.sent_at) == (0, 0)


def test_blocks_that_grow_leave_one_range() -> None:
    flight = flight_of(10_000, 1000)
    for right in range(3000, 9001, 1000):
        assert size(flight.on_sack([(2000, right)])) == 1000
    flight.on_sack([(10_000, 11_000)])
    flight.on_sack([(9000, 10_000)])
    assert marks(flight) == [(0, 2000, "-"), (2000, 11_000, "S")]
    check_flight(flight)


def test_loss_by_time() -> None:  # RFC 8985 6.2 step 5
    flight = flight_of(1000, 1000, 1000, 1000)  # sent at 0, 1, 2 and 3
    (third,) = flight.on_sack([(2000, 3000)])
    assert flight.mark_lost_by_time(third.departure, third.end, 0) == 1
    assert marks(flight) == [(0, 1000, "L"), (1000, 2000, "-"), (2000, 3000, "S"), (3000, 4000, "-")]
    assert flight.mark_lost_by_time(third.departure, third.end, 1) is None
    assert flight.lost_bytes == 2000 and flight.newest_lost_resend_at == -1


def test_pieces_of_one_departure_are_told_apart_by_position() -> None:
    flight = flight_of(3000)
    (middle,) = flight.on_sack([(1000, 2000)])
    flight.mark_lost_by_time(middle.departure, middle.end, 0)
    assert marks(flight) == [(0, 1000, "L"), (1000, 2000, "S"), (2000, 3000, "-")]


def test_departures_within_one_tick_are_in_order() -> None:
    flight = flight_of(3000)
    (tail,) = flight.on_sack([(2000, 3000)])
    flight.mark_lost_by_time(tail.departure, tail.end, 0)
    lost = flight.next_lost()
    assert lost is not None
    flight.on_retransmit(lost, 0)
    flight.mark_lost_by_time(tail.departure, tail.end, 0)  # the original says nothing of the retransmission
    assert flight.lost_bytes == 0
    flight.on_send(1000, 0)
    (new,) = flight.on_sack([(3000, 4000)])
    flight.mark_lost_by_time(new.departure, new.end, 0)  # what left after it does
    assert flight.lost_bytes == 2000 and flight.newest_lost_resend_at == 0


def test_a_timeout_spares_what_left_a_moment_ago() -> None:  # RFC 8985 6.3
    flight = flight_of(1000, 1000, 1000)
    flight.mark_all_lost(overdue=1)
    assert marks(flight) == [(0, 1000, "L"), (1000, 2000, "L"), (2000, 3000, "-")]
    recent = flight_of(1000)
    recent.mark_all_lost(overdue=-5)
    assert recent.lost_bytes == 1000


def test_dup_thresh_by_bytes_and_by_runs() -> None:
    flight = flight_of(10_000)
    flight.on_sack([(1000, 3000)])
    assert not flight.has_dup_thresh(1000) and flight.has_dup_thresh(999)
    flight.on_sack([(4000, 4001), (5000, 5001)])
    assert flight.has_dup_thresh(5000)


def test_the_tail_is_a_segment_and_the_fin_behind_it() -> None:
    flight = flight_of(2501)
    tail = flight.take_tail(2500, 1000)
    assert (tail.start, tail.end) == (2000, 2501)
    assert flight.take_tail(2500, 1000) is tail
    check_flight(flight)
    even = flight_of(2000)
    assert even.take_tail(2000, 1000).start == 1000


def test_reneging_is_noticed_at_the_front() -> None:  # RFC 2018 8
    flight = flight_of(3000)
    flight.on_sack([(1000, 3000)])
    flight.on_ack(1000)
    flight.mark_all_lost()
    assert (flight.sacked_bytes, flight.lost_bytes) == (0, 2000)


def test_the_number_of_ranges_is_bounded() -> None:
    flight = flight_of(100_000)
    for at in range(1, 100_000, 2):
        flight.on_sack([(at, at + 1)])
    assert len(list(flight.ranges())) <= MAX_RANGES + 2
    check_flight(flight)


def test_clear() -> None:
    flight = flight_of(3000)
    flight.on_sack([(1000, 3000)])
    flight.clear()
    assert not flight and flight.size == flight.pipe == 0


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["send", "ack", "sack", "lost", "late", "all", "oldest", "tail", "again"]),
            st.integers(0, 5000),
            st.integers(1, 3000),
        ),
        max_size=40,
    )
)
def test_the_sums_hold_whatever_happens(steps: list[tuple[str, int, int]]) -> None:
    flight = Flight()
    for now, (what, at, size) in enumerate(steps):
        if what == "send":
            flight.on_send(size, now)
        elif what == "ack":
            flight.on_ack(min(flight.una + at, flight.nxt))
        elif what == "sack":
            left = flight.una + 1 + at
            if left < flight.nxt:
                flight.on_sack([(left, min(left + size, flight.nxt))])
        elif what == "lost":
            flight.mark_lost_by_sack(1000)
        elif what == "late":
            flight.mark_lost_by_time(at % 40, flight.una + size, now - at % 10)
        elif what == "all":
            flight.mark_all_lost(None if at % 2 else now - at % 10)
        elif what == "tail":
            if flight:
                flight.on_retransmit(flight.take_tail(flight.nxt, size), now)
        elif what == "oldest":
            flight.mark_oldest_lost(size)
        elif (sent := flight.next_lost()) is not None:
            flight.split_range(sent, size)
            flight.on_retransmit(sent, now)
        check_flight(flight)


def test_what_was_in_use_is_not_forgotten_before_something_leaves_again() -> None:
    """One ACK for nearly a whole window: what has been in flight says how much the path took."""
    flight = Flight()
    flight.on_send(80_000, 0)
    flight.on_ack(70_000)
    assert (flight.size, flight.used) == (10_000, 80_000)
    flight.on_send(5_000, 1)
    assert flight.used == 15_000
