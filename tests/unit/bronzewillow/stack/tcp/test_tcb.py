from __future__ import annotations

from bronzewillow.stack.tcp.state import State
from bronzewillow.stack.tcp.tcb import DEFAULT_SEND_MSS, MIN_SEND_MSS, Tcb


def test_a_fresh_tcb_is_closed_and_knows_only_defaults() -> None:
    tcb = Tcb()
    assert tcb.state is State.CLOSED
    assert tcb.smss == tcb.eff_snd_mss == tcb.rmss == DEFAULT_SEND_MSS == 536  # RFC 9293 3.7.1 MUST-15
    assert 0 < MIN_SEND_MSS < DEFAULT_SEND_MSS
    assert not (tcb.sack_on or tcb.timestamps_on or tcb.scaling_on)
