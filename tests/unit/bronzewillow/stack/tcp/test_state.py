from __future__ import annotations

import itertools

import pytest

from bronzewillow.stack.errors import LocalError
from bronzewillow.stack.tcp.state import OPENING, RECEIVING, SENDING, TRANSITIONS, State, enter
from bronzewillow.stack.tcp.tcb import Tcb


@pytest.mark.parametrize(("old", "new"), list(itertools.product(State, State)))
def test_enter_allows_the_table_and_nothing_else(old: State, new: State) -> None:
    tcb = Tcb(state=old)
    if new in TRANSITIONS[old]:
        enter(tcb, new)
        assert tcb.state is new
    else:
        with pytest.raises(LocalError, match="no transition"):
            enter(tcb, new)
        assert tcb.state is old


def test_every_state_can_end() -> None:
    for state in set(State) - {State.LISTEN, State.CLOSED}:
        assert State.CLOSED in TRANSITIONS[state]
    assert set(TRANSITIONS) == set(State)


def test_the_sets() -> None:  # RFC 9293 3.10.2, 3.10.7.4 seventh
    assert {State.ESTABLISHED} == RECEIVING & SENDING
    assert OPENING < SENDING
