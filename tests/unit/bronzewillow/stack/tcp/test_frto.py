from __future__ import annotations

import pytest

from bronzewillow.stack.tcp.flight import SentRange
from bronzewillow.stack.tcp.frto import Frto, Step, Verdict


def sent(start: int, end: int, *, again: bool = False) -> SentRange:
    one = SentRange(start, end, 0, 0)
    one.retransmitted = again
    return one


def judging() -> Frto:
    """[0, 1000) of 5,000 bytes has left again and is acknowledged; new data has left."""
    frto = Frto(5_000)
    assert frto.on_ack(1_000, True, [sent(0, 1_000, again=True)], True) is None
    assert frto.step is Step.NEW_DATA
    frto.step = Step.SECOND_ACK
    return frto


def test_what_left_but_once_arrives() -> None:
    assert judging().on_ack(2_000, True, [sent(1_000, 2_000)], True) is Verdict.SPURIOUS


def test_also_by_sack() -> None:
    assert judging().on_ack(1_000, False, [sent(3_000, 4_000)], True) is Verdict.SPURIOUS


def test_only_the_new_data_arrives() -> None:
    assert judging().on_ack(1_000, False, [sent(5_000, 6_000)], True) is Verdict.GENUINE


@pytest.mark.parametrize("sack_on", [True, False])
def test_nothing_arrives(sack_on: bool) -> None:
    assert judging().on_ack(1_000, False, [], sack_on) is Verdict.GENUINE


def test_what_left_again_and_all_behind_it() -> None:
    """Without SACK what is behind may have arrived long before."""
    delivered = [sent(1_000, 2_000, again=True), sent(2_000, 5_000)]
    assert judging().on_ack(5_000, True, delivered, True) is Verdict.SPURIOUS
    assert judging().on_ack(5_000, True, delivered, False) is Verdict.GENUINE


def test_everything_is_acknowledged_at_once() -> None:
    assert Frto(5_000).on_ack(5_000, True, [sent(0, 5_000)], True) is Verdict.GENUINE


def test_a_duplicate_before_the_first_acknowledgment() -> None:
    """SACK goes on waiting for it (RFC 5682 3.1 step 2), without there is nothing to go by (2.1 step 2 a)."""
    assert Frto(5_000).on_ack(0, False, [sent(2_000, 3_000)], True) is None
    assert Frto(5_000).on_ack(0, False, [], False) is Verdict.GENUINE
