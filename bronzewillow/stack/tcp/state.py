"""The states of RFC 9293 3.3.2 and the transitions that are legal between them.

Theory: a connection walks the picture of RFC 9293 figure 5 and nothing else. `enter` is the only writer of
`tcb.state`; a transition that the table lacks is a bug of ours, never something a peer can cause.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from bronzewillow.stack.errors import LocalError

if TYPE_CHECKING:
    from bronzewillow.stack.tcp.tcb import Tcb


class State(Enum):
    """RFC 9293 3.3.2."""

    LISTEN = "LISTEN"
    SYN_SENT = "SYN_SENT"
    SYN_RECEIVED = "SYN_RECEIVED"
    ESTABLISHED = "ESTABLISHED"
    FIN_WAIT_1 = "FIN_WAIT_1"
    FIN_WAIT_2 = "FIN_WAIT_2"
    CLOSE_WAIT = "CLOSE_WAIT"
    CLOSING = "CLOSING"
    LAST_ACK = "LAST_ACK"
    TIME_WAIT = "TIME_WAIT"
    CLOSED = "CLOSED"


# Every state may also go to CLOSED: by RST, ABORT, or a timeout (RFC 9293 3.10.5, 3.10.7.4, 3.8.3).
TRANSITIONS: dict[State, frozenset[State]] = {
    State.CLOSED: frozenset({State.SYN_SENT, State.SYN_RECEIVED}),
    State.LISTEN: frozenset(),  # a Listener stays; each passive open is a connection of its own
    State.SYN_SENT: frozenset({State.SYN_RECEIVED, State.ESTABLISHED, State.CLOSED}),
    State.SYN_RECEIVED: frozenset({State.ESTABLISHED, State.FIN_WAIT_1, State.CLOSE_WAIT, State.CLOSED}),
    State.ESTABLISHED: frozenset({State.FIN_WAIT_1, State.CLOSE_WAIT, State.CLOSED}),
    State.FIN_WAIT_1: frozenset({State.FIN_WAIT_2, State.CLOSING, State.TIME_WAIT, State.CLOSED}),
    State.FIN_WAIT_2: frozenset({State.TIME_WAIT, State.CLOSED}),
    State.CLOSE_WAIT: frozenset({State.LAST_ACK, State.CLOSED}),
    State.CLOSING: frozenset({State.TIME_WAIT, State.CLOSED}),
    State.LAST_ACK: frozenset({State.CLOSED}),
    State.TIME_WAIT: frozenset({State.CLOSED}),
}

#: States in which the peer's FIN has not been reached: data may still arrive (RFC 9293 3.10.7.4, seventh).
RECEIVING = frozenset({State.ESTABLISHED, State.FIN_WAIT_1, State.FIN_WAIT_2})

#: States in which the user may still send (RFC 9293 3.10.2).
SENDING = frozenset({State.SYN_SENT, State.SYN_RECEIVED, State.ESTABLISHED, State.CLOSE_WAIT})

#: States in which the connection is being opened.
OPENING = frozenset({State.SYN_SENT, State.SYN_RECEIVED})


def enter(tcb: Tcb, state: State) -> None:
    """Move `tcb` to `state`; LocalError where RFC 9293 has no such arrow."""
    if state not in TRANSITIONS[tcb.state]:
        raise LocalError(f"no transition from {tcb.state.value} to {state.value}")
    tcb.state = state
