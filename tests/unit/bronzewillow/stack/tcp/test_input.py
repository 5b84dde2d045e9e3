from __future__ import annotations

import itertools

import pytest

from bronzewillow.stack import State
from bronzewillow.testing.script import Scripted

OPENED = "listen\n< S 0:0(0) <mss 1000>\nignore\n< . 1:1(0) ack 1\naccept\n"
SCRIPTS = {
    State.SYN_SENT: "connect",
    State.SYN_RECEIVED: "connect\nignore\n< S 0:0(0) <mss 1000>",
    State.ESTABLISHED: OPENED,
    State.FIN_WAIT_1: OPENED + "shutdown",
    State.FIN_WAIT_2: OPENED + "shutdown\nignore\n< . 1:1(0) ack 2",
    State.CLOSE_WAIT: OPENED + "< F. 1:1(0) ack 1",
    State.CLOSING: OPENED + "shutdown\nignore\n< F. 1:1(0) ack 1",
    State.LAST_ACK: OPENED + "< F. 1:1(0) ack 1\nignore\nshutdown",
    State.TIME_WAIT: OPENED + "shutdown\nignore\n< F. 1:1(0) ack 2",
}


@pytest.mark.parametrize("state", SCRIPTS)
def test_every_segment_in_every_state_leaves_a_legal_state(state: State) -> None:
    """The whole table of (state, flags, place of the sequence number, place of the ACK)."""
    for flags, seq, ack, size in itertools.product(
        ("S", "S.", ".", "F.", "R", "-", "FS."), (-5, 0, 1, 2, 10**6), (0, 1, 9), (0, 3)
    ):
        s = Scripted()
        s.script(SCRIPTS[state] + "\nignore")
        assert s.c.state is state
        text = f"{flags} {seq}:{seq + size}({size})" + (f" ack {ack}" if "." in flags else "")
        s.received = max(seq, 1) - 1 if seq > 1 else 0
        s.inject(s.segment(text))
        s.advance(300_000_000)  # and every timer that it started ends
        s.take()


@pytest.mark.parametrize("state", SCRIPTS)
def test_an_exact_rst_ends_every_state(state: State) -> None:
    s = Scripted()
    s.script(SCRIPTS[state] + "\nignore")
    nxt = 0 if state is State.SYN_SENT else (s.c.tcb.rcv_nxt - s.peer_isn) % 2**32
    s.inject(s.segment(f"R. {nxt}:{nxt}(0) ack 1"))
    assert s.c.state is State.CLOSED and s.stack.connections() == []
    s.script("nothing")
