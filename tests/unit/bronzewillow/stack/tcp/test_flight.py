from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bronzewillow.stack.tcp.flight import MAX_RANGES, Flight
from bronzewillow.testing.invariants import check_flight


def flight_of(*sizes: int) -> Flight:
    flight = Flight()
    for now, size in enumerate(sizes):
        flight.on_send(size, now)
    return flight


def marks(flight: Flight) -> list[tuple[int, int, str]]:
    return [
        (sent.start, sent.end, "S" if sent.sacked else "L" if sent.lost else "-") for sent in flight.ranges()
    ]


def test_sending_and_acknowledging() -> None:
    flight = flight_of(1000, 1000)
    assert (flight.size, flight.pipe, bool(flight)) == (2000, 2000, True)
    newest = flight.on_ack(1500)
    assert newest is not None and newest.sent_at == 1
    assert marks(flight) == [(1500, 2000, "-")]
    flight.on_ack(2000)
    assert not flight and flight.oldest is None


def test_sack_cuts_ranges() -> None:
    flight = flight_of(10_000)
    assert flight.on_sack([(2000, 3000), (5000, 10_000)]) == 6000
    assert marks(flight) == [
        (0, 2000, "-"),
        (2000, 3000, "S"),
        (3000, 5000, "-"),
        (5000, 10_000, "S"),
    ]
    assert flight.on_sack([(2000, 3000), (2500, 3500)]) == 500
    assert flight.pipe == 3500
    check_flight(flight)


def test_a_sack_block_over_many_ranges() -> None:
    flight = flight_of(*[100] * 10)
    assert flight.on_sack([(150, 850)]) == 700
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


def test_what_was_sacked_before_gives_no_rtt_sample() -> None:
    flight = flight_of(1000, 1000)
    flight.on_sack([(1000, 2000)])
    newest = flight.on_ack(2000)
    assert newest is not None and newest.sent_at == 0


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
            st.sampled_from(["send", "ack", "sack", "lost", "all", "oldest", "again"]),
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
        elif what == "all":
            flight.mark_all_lost()
        elif what == "oldest":
            flight.mark_oldest_lost(size)
        elif (sent := flight.next_lost()) is not None:
            flight.split_range(sent, size)
            flight.on_retransmit(sent, now)
        check_flight(flight)
