"""What the congestion window becomes when ACKs come in few large steps, as they do through GRO."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from bronzewillow.stack import TcpConfig
from bronzewillow.testing.script import Scripted

Open = Callable[..., Scripted]
PLAIN = TcpConfig(window_scale=False, timestamps=False, sack=True)


def test_ssthresh_is_of_the_window_and_not_of_what_one_large_ack_left_of_it(open_with: Open) -> None:
    """Forty segments leave together, the 31st is lost, and one ACK tells of all: RFC 9438 4.6.

    Thirty ACKs would have let cwnd grow to 70 segments before the loss was told.
    """
    s = open_with(replace(PLAIN, congestion_control="cubic"), options="mss 1000,sackOK")
    s.c.congestion.cwnd = 40_000
    s.script("""
        send 60000
        >  .  1:40001(40000) ack 1
        +50ms <  .  1:1(0) ack 30001 <sack {31001:40001}>
        ignore
    """)
    assert s.c.congestion.ssthresh == 49_000


def test_all_of_a_batch_of_acks_counts_for_slow_start(open_with: Open) -> None:
    s = open_with(PLAIN, options="mss 1000,sackOK")
    s.script("send 60000\n> . 1:10001(10000) ack 1")
    s.now += 50_000
    s.inject(*(s.segment(f". 1:1(0) ack {at}") for at in range(2001, 10_002, 2000)))
    s.take()
    assert s.c.congestion.cwnd == 20_000


@pytest.mark.parametrize("options", ["mss 1000,sackOK", "mss 1000"], ids=["SACK", "NewReno"])
def test_what_a_batch_allows_before_it_tells_of_a_loss_leaves(open_with: Open, options: str) -> None:
    """The window would let it leave, had these ACKs come one by one; after the loss it no longer does.

    Twenty segments, of which the eleventh is lost: ten ACKs, two that may be due to reordering, and the rest.
    """
    tcp = replace(PLAIN, congestion_control="reno", sack="sack" in options)
    s = open_with(tcp, options=options)
    s.c.congestion.cwnd = s.c.congestion.ssthresh = 20_000
    s.script("send 60000\n> . 1:20001(20000) ack 1")
    told = [f"ack {at}" for at in range(1001, 10_002, 1000)]
    for at in range(12_001, 20_002, 1000):
        told.append(f"ack 10001 <sack {{11001:{at}}}>" if tcp.sack else "ack 10001")
    s.now += 50_000
    s.inject(*(s.segment(f". 1:1(0) {ack}") for ack in told))
    sent = len(s.take())
    assert s.c.congestion.ssthresh == 10_000
    assert s.c.flight.nxt >= 32_000  # ten segments for ten ACKs, two by limited transmit (RFC 3042)
    assert sent <= 5  # and not in as many pieces


def test_what_a_user_with_little_to_say_did_not_use_does_not_count(open_with: Open) -> None:
    s = open_with(replace(PLAIN, congestion_control="cubic"), options="mss 1000,sackOK")
    s.c.congestion.cwnd = 40_000
    s.script("""
        send 10000
        >  P. 1:10001(10000) ack 1
        +50ms <  .  1:1(0) ack 1 <sack {1001:10001}>
        ignore
    """)
    assert s.c.congestion.ssthresh == 7_000
