"""Loss recovery: when a flight has a loss, and what happens until it is repaired.

RFC 8985 (RACK-TLP) or RFC 6675 with SACK, RFC 6582 (NewReno) without. `Flight` knows which bytes are where,
the congestion control knows how much may be out; this decides between them. Three phases, as RFC 5681 and
RFC 6675 describe them:

OPEN      no loss known; cwnd grows.
RECOVERY  fast recovery, until everything sent before it (`recover`) is acknowledged; cwnd by RFC 9937 (PRR).
LOSS      after a retransmission timeout, likewise; cwnd grows from one segment by slow start.
"""

from __future__ import annotations

from enum import Enum

from bronzewillow.stack.counters import StackCounters
from bronzewillow.stack.tcp.congestion import CongestionControl
from bronzewillow.stack.tcp.flight import DUP_THRESH, Flight, SentRange
from bronzewillow.stack.tcp.frto import Frto, Verdict
from bronzewillow.stack.tcp.loss_probe import LossProbe
from bronzewillow.stack.tcp.prr import Prr
from bronzewillow.stack.tcp.rack import Rack
from bronzewillow.stack.tcp.rtt import RttEstimator
from bronzewillow.stack.tcp.spurious import Episode
from bronzewillow.stack.tcp.tcb import Tcb


class Phase(Enum):
    """Where loss recovery stands."""

    OPEN = "open"
    RECOVERY = "recovery"
    LOSS = "loss"


class Ack:
    """What one acknowledgment tells loss recovery."""

    __slots__ = ("acked_bytes", "delivered", "dsack", "echo_ms", "is_duplicate")

    def __init__(
        self,
        acked_bytes: int,
        delivered: list[SentRange],
        dsack: tuple[int, int] | None = None,
        echo_ms: int | None = None,
        is_duplicate: bool = False,
    ) -> None:
        self.acked_bytes = acked_bytes
        """By how much SND.UNA has advanced; `flight.una` already has."""
        self.delivered = delivered
        """What is newly acknowledged or newly SACKed."""
        self.dsack = dsack
        """What the peer has got twice (RFC 2883), as positions; of our own retransmissions only."""
        self.echo_ms = echo_ms
        """The millisecond at which the timestamp that it echoes was made."""
        self.is_duplicate = is_duplicate
        """By RFC 5681 2."""


class Recovery:
    """One connection's loss recovery."""

    __slots__ = (
        "_congestion",
        "_counters",
        "_dup_acks",
        "_episode",
        "_flight",
        "_prr",
        "_recover",
        "_reduced_at",
        "_rtt",
        "_tcb",
        "_unmatched_resends",
        "frto",
        "look_again_at",
        "must_retransmit",
        "phase",
        "probe",
        "rack",
    )

    def __init__(
        self,
        tcb: Tcb,
        flight: Flight,
        congestion: CongestionControl,
        rtt: RttEstimator,
        rack: Rack | None,
        counters: StackCounters,
    ) -> None:
        """`rack` None: losses are found by RFC 6675 4 alone, and no tail loss probe is sent."""
        self._tcb = tcb
        self._flight = flight
        self._congestion = congestion
        self._rtt = rtt
        self.rack = rack
        self.probe = LossProbe()
        self.frto: Frto | None = None
        """While a timeout is being judged by it."""
        self.phase = Phase.OPEN
        self.must_retransmit = False
        """The first retransmission of a recovery leaves whatever cwnd says (RFC 6675 5, 4.3)."""
        self.look_again_at: int | None = None
        """When something that was overtaken will count as lost (RFC 8985 6.2 step 5)."""
        self._counters = counters
        self._prr = Prr()
        self._episode = Episode()
        self._recover = -1  # RFC 6582 3.2 step 1: nothing sent is covered by it
        self._reduced_at = 0  # when this recovery has last lowered cwnd
        self._dup_acks = 0
        self._unmatched_resends = 0  # bytes sent again of which no DSACK has come

    @property
    def pipe(self) -> int:
        """Bytes in the network. Without SACK each duplicate ACK stands for one segment that has left it."""
        if self._dup_acks and not self._flight.sacked_bytes:
            return max(self._flight.pipe - self._dup_acks * self._tcb.eff_snd_mss, 0)
        return self._flight.pipe

    @property
    def may_probe(self) -> bool:
        """RFC 8985 7.2: the peer speaks SACK, and nothing tells of a loss yet."""
        flight = self._flight
        quiet = self.phase is Phase.OPEN and not flight.sacked_bytes and not flight.lost_bytes
        return (
            quiet and self.rack is not None and self._tcb.sack_on and not self.probe.is_out and bool(flight)
        )

    def on_send(self, size: int, now: int) -> None:
        """New bytes have left, directly behind the last."""
        self._flight.on_send(size, now)
        self._prr.on_sent(size)
        self.probe.is_wanted = True

    def on_retransmit(self, sent: SentRange, now: int) -> None:
        """The whole of `sent` has left again."""
        self._flight.on_retransmit(sent, now)
        self._prr.on_sent(sent.end - sent.start)
        if self._episode.is_open:
            self._episode.on_retransmit(sent.start, sent.end, now)
        self._unmatched_resends += sent.end - sent.start

    def on_ack(self, ack: Ack, now: int) -> None:
        """An ACK that advances SND.UNA, brings SACK information, or is a duplicate by RFC 5681 2."""
        flight, rack = self._flight, self.rack
        dsack = None if ack.dsack is None else self._believable(ack.dsack)
        if self.probe.is_out:
            needless_probe = dsack is not None and self.probe.is_duplicate_of(dsack)
            if self.probe.on_ack(flight.una, dsack, ack.is_duplicate):
                self._congestion.on_congestion(flight.used, now)  # RFC 8985 7.4.2: the repaired loss counts
            if needless_probe:
                dsack = None  # it tells nothing about reordering
        was_needless = self.frto is not None and self._is_timeout_spurious(self.frto, ack)
        if rack is not None:
            if was_needless:
                rack.forget_arrivals()  # it took the arrival of an original for that of its repetition
            rack.on_delivered(ack.delivered, ack.echo_ms, self._rtt, now)
            if dsack is not None:
                rack.on_dsack(flight)
        if not was_needless and self._episode.is_open:
            was_needless = self._episode.is_spurious(flight.una, ack.echo_ms, dsack)
        if was_needless:
            self._undo()
        dup_acks, lost_bytes = self._dup_acks, flight.lost_bytes
        if ack.acked_bytes:
            self._on_progress(ack.acked_bytes)
        elif ack.is_duplicate and not self._tcb.sack_on:
            self._dup_acks += 1
            if self._dup_acks == DUP_THRESH and self.phase is Phase.OPEN and flight.una > self._recover:
                flight.mark_oldest_lost(self._tcb.eff_snd_mss)
        if flight.is_in_order and not flight.lost_bytes and self.phase is Phase.OPEN:
            self.look_again_at = None
            return
        delivered = self._delivered_bytes(ack, dup_acks)
        self.look_for_loss(now, delivered)
        if self.phase is Phase.RECOVERY and delivered:
            is_safe = ack.acked_bytes > 0 and flight.lost_bytes <= lost_bytes
            cwnd = self._prr.on_ack(delivered, self.pipe, is_safe, self._tcb.eff_snd_mss)
            self._congestion.cwnd = cwnd

    def on_timeout(self, now: int) -> None:
        """RFC 6298 5.4 to 5.6, and RFC 6675 5.1 or RFC 8985 6.3."""
        flight, rack = self._flight, self.rack
        self.frto = None
        if self.phase is Phase.OPEN:
            self._remember()
            if not self._tcb.timestamps_on:  # which tell it sooner (`spurious`)
                self.frto = Frto(flight.nxt)
        else:
            self._episode.end()
        if self.phase is not Phase.LOSS or flight.una >= self._recover:
            self._congestion.on_timeout(flight.used, now)  # RFC 5681 3.1: ssthresh once per flight
        else:
            self._congestion.on_repeated_timeout()
        if rack is not None and self._tcb.sack_on:
            rack.mark_lost_on_timeout(
                flight, rack.reo_wnd(flight, True, self._tcb.eff_snd_mss, self._rtt), now
            )
        else:
            flight.mark_all_lost()
        self.phase = Phase.LOSS
        self._recover = flight.nxt
        self._dup_acks = 0
        self.must_retransmit = True
        self.look_again_at = None
        self.probe.forget()

    def look_for_loss(self, now: int, delivered: int = 0) -> None:
        """After an ACK that told of `delivered` bytes, and when the reordering timer expires."""
        flight, rack, smss = self._flight, self.rack, self._tcb.eff_snd_mss
        self.look_again_at = None
        if rack is not None and self._tcb.sack_on:
            reo_wnd = rack.reo_wnd(flight, self.phase is not Phase.OPEN, smss, self._rtt)
            self.look_again_at = rack.mark_lost(flight, reo_wnd, now)
        else:
            flight.mark_lost_by_sack(smss)
        if self.phase is Phase.OPEN and flight.lost_bytes:
            self.phase = Phase.RECOVERY
            self._counters.fast_recoveries += 1
            self.must_retransmit = True
            self.probe.forget()
            self._remember()
            self._reduce(delivered, now)
        elif self.phase is Phase.RECOVERY and flight.newest_lost_resend_at >= self._reduced_at:
            self._reduce(
                delivered, now
            )  # RFC 5681 4.3: a lost retransmission is a second indication of congestion

    def _is_timeout_spurious(self, frto: Frto, ack: Ack) -> bool:
        """RFC 5682. Its step 3 a for what was not: slow start goes on from three segments at most."""
        verdict = frto.on_ack(self._flight.una, ack.acked_bytes > 0, ack.delivered, self._tcb.sack_on)
        if verdict is Verdict.GENUINE:
            self._congestion.cwnd = min(self._congestion.cwnd, 3 * self._tcb.eff_snd_mss)
        if verdict is not None:
            self.frto = None
        return verdict is Verdict.SPURIOUS

    def _remember(self) -> None:
        """For the case that this turns out to be needless."""
        self._episode.begin(self._flight.una)
        self._congestion.remember()

    def _undo(self) -> None:
        """RFC 9438 4.9: nothing was lost. The window of before is right, and nothing more is sent again."""
        self._counters.spurious_recoveries += 1
        self._episode.end()
        self.frto = None
        self._congestion.restore()
        if self.phase is Phase.RECOVERY and self.rack is not None:
            self.rack.reordering_seen = True
        if self.phase is not Phase.OPEN:
            self._flight.forgive_lost()
            self.phase = Phase.OPEN
            self.must_retransmit = False
            self._dup_acks = 0

    def _reduce(self, delivered: int, now: int) -> None:
        """cwnd goes down to ssthresh, by RFC 9937 5: in step with what arrives."""
        flight, congestion = self._flight, self._congestion
        self._recover = flight.nxt
        self._reduced_at = now
        congestion.on_congestion(self._window_in_use(), now)
        self._prr.begin(flight.size - flight.sacked_bytes + delivered, congestion.ssthresh)
        congestion.cwnd = self.pipe + self._tcb.eff_snd_mss

    def _window_in_use(self) -> int:
        """What RFC 9438 4.6 has of flight_size; in slow start cwnd itself, unless the user had less to send.

        ACKs have let it grow by what could not leave yet, since the loss was told in the same batch.
        """
        used, congestion = self._flight.used, self._congestion
        in_slow_start = congestion.cwnd < congestion.ssthresh
        return max(used, congestion.cwnd) if in_slow_start and used * 2 >= congestion.cwnd else used

    def _delivered_bytes(self, ack: Ack, dup_acks: int) -> int:
        """DeliveredData of RFC 9937 5: without SACK each duplicate ACK stands for a segment."""
        if self._tcb.sack_on:
            return sum(sent.end - sent.start for sent in ack.delivered)
        return max(ack.acked_bytes + (self._dup_acks - dup_acks) * self._tcb.eff_snd_mss, 0)

    def _on_progress(self, acked_bytes: int) -> None:
        flight, smss = self._flight, self._tcb.eff_snd_mss
        if self.phase is Phase.OPEN:
            self._dup_acks = 0
        elif flight.una >= self._recover:
            self._leave()
        elif self.phase is Phase.RECOVERY and not self._tcb.sack_on:
            # RFC 6582 3.2 step 3: a partial ACK names the next hole, and deflates by what it acknowledges
            self._dup_acks = max(self._dup_acks - acked_bytes // smss, 0)
            flight.mark_oldest_lost(smss)
            self.must_retransmit = True
        else:
            self._dup_acks = 0

    def _believable(self, dsack: tuple[int, int] | None) -> tuple[int, int] | None:
        """`dsack` if it can be of our own retransmissions: the network's duplicates tell nothing of those."""
        if dsack is None or dsack[1] - dsack[0] > self._unmatched_resends:
            return None
        self._unmatched_resends -= dsack[1] - dsack[0]
        return dsack

    def _leave(self) -> None:
        self._episode.on_left(self._flight.nxt)
        if self.phase is Phase.RECOVERY:
            self._congestion.cwnd = self._congestion.ssthresh  # RFC 9937 5
        self.phase = Phase.OPEN
        self.must_retransmit = False
        self._dup_acks = 0
        if self.rack is not None:
            self.rack.on_recovery_left()
