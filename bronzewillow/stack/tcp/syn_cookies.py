"""SYN cookies: a flood of SYNs is answered without memory (RFC 4987 3.6).

The SYN-ACK's sequence number holds which secret made it (1 bit), the peer's MSS as an index (3 bits) and a
keyed hash of the connection (28 bits). What else the SYN offered comes back in the peer's echo of our
timestamp, whose lowest six bits are given up for it; a peer without timestamps gets neither scaling nor SACK.
The ACK that returns both is then all that the handshake needs.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from typing import TYPE_CHECKING

from bronzewillow.stack.tcp import options
from bronzewillow.stack.tcp.tcb import Tcb
from bronzewillow.wire.seqnum import add
from bronzewillow.wire.tcp import Flags, TcpOptions, TcpSegment

if TYPE_CHECKING:
    import random

    from bronzewillow.stack.config import StackConfig

PERIOD = 64_000_000
"""A secret makes cookies for so long, in microseconds, and is believed for as long again."""

_MSS = (128, 536, 1220, 1340, 1390, 1410, 1460, 8910)  # what is offered in practice, and what we may answer
_SYN = int(Flags.SYN)
_SYN_ACK = int(Flags.SYN | Flags.ACK)
_UNSCALED = 0xFFFF
_HASH_BITS = 28
_OPTION_BITS = 6
_SACK = 1 << 4
_NO_SCALING = 0xF  # the shift is 14 at most

Endpoint = tuple[bytes, int]


class SynCookies:
    """The cookies of one stack."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._period = -2
        self._secrets = [b"", b""]
        self._issued_at: int | None = None

    def answer(
        self, config: StackConfig, local: Endpoint, remote: Endpoint, syn: TcpSegment, ts_value: int, now: int
    ) -> TcpSegment:
        """The SYN-ACK to `syn`; nothing is remembered but that there are cookies about."""
        self._turn(now)
        self._issued_at = now
        agreed = Tcb()
        options.agree(agreed, config, config.tcp, syn.options, now)
        bits = 0
        if agreed.timestamps_on:
            bits = agreed.snd_wind_shift if agreed.scaling_on else _NO_SCALING
            bits |= _SACK if agreed.sack_on else 0
        else:
            agreed.scaling_on = agreed.sack_on = False
        mss_index = bisect_right(_MSS, max(agreed.smss, _MSS[0])) - 1
        parity = self._period & 1
        cookie = parity << 31 | mss_index << _HASH_BITS
        cookie |= self._hash(parity, local, remote, syn.seq, mss_index, bits)
        answered = options.answer(config, _stamped(ts_value, bits), agreed)
        wnd = min(config.tcp.initial_receive_bytes, config.tcp.receive_buffer_bytes, _UNSCALED)
        return TcpSegment(local[1], remote[1], cookie, add(syn.seq, 1), _SYN_ACK, wnd, answered)

    def recall(self, local: Endpoint, remote: Endpoint, ack: TcpSegment, now: int) -> TcpSegment | None:
        """The SYN, as far as it matters, whose cookie `ack` brings back; None when it brings none of ours.

        Asked only while cookies are about: outside a flood nobody can open a connection by guessing.
        """
        if self._issued_at is None or now - self._issued_at > 2 * PERIOD:
            return None
        self._turn(now)
        cookie, peer_isn = add(ack.ack, -1), add(ack.seq, -1)
        stamps = ack.options.timestamps
        bits = stamps[1] & ((1 << _OPTION_BITS) - 1) if stamps else 0
        parity, mss_index = cookie >> 31, cookie >> _HASH_BITS & 7
        expected = self._hash(parity, local, remote, peer_isn, mss_index, bits)
        if cookie & ((1 << _HASH_BITS) - 1) != expected:
            return None
        shift = bits & 0xF
        offered = TcpOptions(
            _MSS[mss_index],
            None if not stamps or shift == _NO_SCALING else shift,
            bool(bits & _SACK),
            stamps and (stamps[0], 0),
        )
        return TcpSegment(remote[1], local[1], peer_isn, 0, _SYN, ack.wnd, offered)

    def _turn(self, now: int) -> None:
        """A new secret each period; the one before the last is forgotten."""
        period = now // PERIOD
        if period == self._period:
            return
        if period != self._period + 1:
            self._secrets[period + 1 & 1] = self._rng.randbytes(16)  # no cookie of it is about any more
        self._secrets[period & 1] = self._rng.randbytes(16)
        self._period = period

    def _hash(
        self, parity: int, local: Endpoint, remote: Endpoint, peer_isn: int, mss_index: int, bits: int
    ) -> int:
        parts = (
            local[0],
            local[1].to_bytes(2, "big"),
            remote[0],
            remote[1].to_bytes(2, "big"),
            peer_isn.to_bytes(4, "big"),
            bytes((mss_index, bits)),
        )
        key = self._secrets[parity]
        digest = hashlib.blake2s(b"".join(parts), key=key, person=b"cookie", digest_size=4).digest()
        return int.from_bytes(digest, "big") & ((1 << _HASH_BITS) - 1)


def _stamped(ts_value: int, bits: int) -> int:
    """The latest timestamp with these lowest bits that is not later than `ts_value`."""
    stamp = ts_value >> _OPTION_BITS << _OPTION_BITS | bits
    return stamp if stamp <= ts_value else (stamp - (1 << _OPTION_BITS)) & 0xFFFFFFFF
