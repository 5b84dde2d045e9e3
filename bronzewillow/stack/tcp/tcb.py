"""The Transmission Control Block: the variables of RFC 9293 3.3.1 under their own names.

Sequence numbers here are 32 bits wide and are compared by `wire.seqnum` only.
"""

from __future__ import annotations

from dataclasses import dataclass

from bronzewillow.stack.tcp.state import State

#: RFC 9293 3.7.1 MUST-15: what the peer can take when it sends no MSS option.
DEFAULT_SEND_MSS = 536

#: Of a path that is not known to take less than the link.
UNLIMITED_SMSS = 1 << 16

#: The least MSS that we believe: an offer of 0 or 1 would make one packet per byte.
MIN_SEND_MSS = 128


@dataclass(slots=True)
class Tcb:
    """One connection's variables."""

    state: State = State.CLOSED

    # Send sequence variables
    iss: int = 0
    snd_una: int = 0
    snd_nxt: int = 0
    snd_wnd: int = 0
    """Scaled: bytes."""
    snd_wl1: int = 0
    snd_wl2: int = 0
    snd_up: int = 0
    max_snd_wnd: int = 0
    """The largest window the peer has offered (RFC 9293 3.8.6.2.1, RFC 5961 5.2)."""

    # Receive sequence variables
    irs: int = 0
    rcv_nxt: int = 0
    rcv_wnd: int = 0
    """Bytes from rcv_nxt to the right edge that we have promised; the edge never moves left."""

    # RFC 7323
    scaling_on: bool = False
    snd_wind_shift: int = 0
    rcv_wind_shift: int = 0
    timestamps_on: bool = False
    ts_recent: int = 0
    ts_recent_at: int = 0
    """When ts_recent was taken, in microseconds: after 24 days it is no longer believed (RFC 7323 5.5)."""
    ts_offset: int = 0
    """Added to our clock so that it tells nothing about the host (RFC 7323 7.1)."""
    last_ack_sent: int = 0

    # RFC 2018
    sack_on: bool = False

    # Sizes, in bytes
    smss: int = DEFAULT_SEND_MSS
    """Sender maximum segment size, without options (RFC 5681 2)."""
    agreed_smss: int = DEFAULT_SEND_MSS
    """What both ends agreed on; `smss` is less where the path is smaller."""
    path_smss: int = UNLIMITED_SMSS
    """What the path takes, as far as it is known to take less."""
    eff_snd_mss: int = DEFAULT_SEND_MSS
    """What fits once our options are in (RFC 9293 3.7.1)."""
    rmss: int = DEFAULT_SEND_MSS
    """The MSS that we have announced."""
