"""Loss recovery: when a flight has a loss, and what happens until it is repaired.

RFC 6675 with SACK, RFC 6582 (NewReno) without. `Flight` knows which bytes are where, the congestion control
knows how much may be out; this decides between them. Three phases, as RFC 5681 and RFC 6675 describe them:

OPEN      no loss known; cwnd grows.
RECOVERY  fast recovery, until everything sent before it (`recover`) is acknowledged.
LOSS      after a retransmission timeout, likewise; cwnd grows from one segment by slow start.
"""

from __future__ import annotations

from enum import Enum

from bronzewillow.stack.tcp.congestion import CongestionControl
from bronzewillow.stack.tcp.flight import DUP_THRESH, Flight


class Phase(Enum):
    """Where loss recovery stands."""

    OPEN = "open"
    RECOVERY = "recovery"
    LOSS = "loss"


class Recovery:
    """One connection's loss recovery."""

    __slots__ = ("_dup_acks", "_recover", "fast_recoveries", "must_retransmit", "phase")

    def __init__(self) -> None:
        self.phase = Phase.OPEN
        self.must_retransmit = False
        """The first retransmission of a recovery leaves whatever cwnd says (RFC 6675 5, 4.3)."""
        self.fast_recoveries = 0
        self._recover = -1  # RFC 6582 3.2 step 1: nothing sent is covered by it
        self._dup_acks = 0

    def pipe(self, flight: Flight, smss: int) -> int:
        """Bytes in the network. Without SACK each duplicate ACK stands for one segment that has left it."""
        if self._dup_acks and not flight.sacked_bytes:
            return max(flight.pipe - self._dup_acks * smss, 0)
        return flight.pipe

    def on_new_ack(
        self, flight: Flight, cc: CongestionControl, acked_bytes: int, sack_on: bool, smss: int, now: int
    ) -> None:
        """SND.UNA has advanced (`flight.una` already has). SACK blocks of the same segment are in."""
        if self.phase is not Phase.OPEN and flight.una >= self._recover:
            self._leave()
        elif self.phase is Phase.RECOVERY and not sack_on:
            # RFC 6582 3.2 step 3: a partial ACK names the next hole, and deflates by what it acknowledges
            self._dup_acks = max(self._dup_acks - acked_bytes // smss, 0)
            flight.mark_oldest_lost(smss)
            self.must_retransmit = True
        else:
            self._dup_acks = 0
        self._look_for_loss(flight, cc, smss, now)

    def on_duplicate_ack(
        self, flight: Flight, cc: CongestionControl, sack_on: bool, smss: int, now: int
    ) -> None:
        """An ACK that is a duplicate by RFC 5681 2, or one that brought new SACK information."""
        if not sack_on:
            self._dup_acks += 1
            if self._dup_acks == DUP_THRESH and self.phase is Phase.OPEN and flight.una > self._recover:
                flight.mark_oldest_lost(smss)
        self._look_for_loss(flight, cc, smss, now)

    def on_timeout(self, flight: Flight, cc: CongestionControl, now: int) -> None:
        """RFC 6298 5.4 to 5.6 and RFC 6675 5.1."""
        if self.phase is not Phase.LOSS or flight.una >= self._recover:
            cc.on_timeout(flight.size, now)  # RFC 5681 3.1: ssthresh once per flight, not per timeout
        else:
            cc.on_repeated_timeout()
        flight.mark_all_lost()
        self.phase = Phase.LOSS
        self._recover = flight.nxt
        self._dup_acks = 0
        self.must_retransmit = True

    def _look_for_loss(self, flight: Flight, cc: CongestionControl, smss: int, now: int) -> None:
        flight.mark_lost_by_sack(smss)
        if self.phase is Phase.OPEN and flight.lost_bytes:
            self.phase = Phase.RECOVERY
            self.fast_recoveries += 1
            self._recover = flight.nxt
            self.must_retransmit = True
            cc.on_congestion(flight.size, now)

    def _leave(self) -> None:
        self.phase = Phase.OPEN
        self.must_retransmit = False
        self._dup_acks = 0
