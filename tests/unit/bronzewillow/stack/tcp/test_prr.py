from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bronzewillow.stack.tcp.prr import Prr

MSS = 1000


def test_above_ssthresh_what_leaves_is_to_what_arrives_as_ssthresh_is_to_the_flight() -> None:
    prr, pipe, left = Prr(), 20 * MSS, []
    prr.begin(20 * MSS, 5 * MSS)
    for _ in range(16):
        pipe -= MSS
        room = (prr.on_ack(MSS, pipe, False, MSS) - pipe) // MSS
        prr.on_sent(room * MSS)
        pipe += room * MSS
        left.append(room)
    assert sum(left) == 4 and max(left) == 1
    assert pipe == 8 * MSS


def test_below_ssthresh_it_catches_up_by_one_more_for_each_safe_ack() -> None:  # PRR-SSRB
    prr, pipe = Prr(), 3 * MSS  # a burst loss has emptied the network
    prr.begin(20 * MSS, 10 * MSS)
    prr.on_sent(MSS)
    assert prr.on_ack(MSS, pipe, True, MSS) - pipe == 2 * MSS
    prr.on_sent(2 * MSS)
    assert prr.on_ack(MSS, pipe + 2 * MSS, False, MSS) - pipe == 3 * MSS  # PRR-CRB: packets are conserved
    assert prr.on_ack(50 * MSS, 9 * MSS, True, MSS) == 10 * MSS  # never beyond ssthresh


def test_the_fast_retransmit_leaves_in_any_case() -> None:
    prr = Prr()
    prr.begin(20 * MSS, 10 * MSS)
    assert prr.on_ack(0, 30 * MSS, False, MSS) == 31 * MSS


@given(
    st.integers(1, 100),
    st.lists(st.tuples(st.integers(0, 5), st.booleans()), max_size=60),
)
def test_it_ends_near_ssthresh_and_never_sends_more_than_arrives_and_one(
    flight: int, acks: list[tuple[int, bool]]
) -> None:
    """RFC 9937 5: prr_out exceeds prr_delivered by no more than one segment per safe ACK."""
    prr, pipe, out, delivered, safe = Prr(), flight * MSS, 0, 0, 0
    prr.begin(flight * MSS, max(flight // 2, 2) * MSS)
    for arrived, is_safe in acks:
        arrived = min(arrived * MSS, pipe)
        pipe -= arrived
        delivered += arrived
        safe += is_safe
        room = prr.on_ack(arrived, pipe, is_safe, MSS) - pipe
        assert room >= 0
        prr.on_sent(room)
        pipe += room
        out += room
        assert out <= delivered + (1 + safe) * MSS
