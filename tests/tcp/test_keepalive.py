"""RFC 9293 3.8.4."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bronzewillow.stack import TcpConfig
from bronzewillow.stack.config import SECOND
from bronzewillow.testing.script import Scripted

Open = Callable[..., Scripted]


@pytest.fixture
def kept_alive(open_with: Open) -> Scripted:
    return open_with(
        TcpConfig(
            window_scale=False, timestamps=False, sack=False, keepalive=True, keepalive_idle=60 * SECOND
        )
    )


@pytest.mark.rfc("9293:MUST-25")
def test_it_is_off_by_default(established: Scripted) -> None:
    established.script("+48h nothing\nstate ESTABLISHED")


@pytest.mark.rfc("9293:MUST-26")
@pytest.mark.rfc("9293:SHLD-12")
@pytest.mark.rfc("9293:MUST-27")
def test_an_idle_peer_is_probed_and_its_answer_counts(kept_alive: Scripted) -> None:
    kept_alive.script("""
        +60s >  .  0:0(0) ack 1
        +1s  <  .  1:1(0) ack 1
        +60s >  .  0:0(0) ack 1
        +0   <  .  1:1(0) ack 1
    """)


def test_each_answer_starts_the_count_again(kept_alive: Scripted) -> None:
    for _ in range(10):
        kept_alive.script("+60s > . 0:0(0) ack 1\n< . 1:1(0) ack 1")
    kept_alive.script("state ESTABLISHED")


def test_traffic_postpones_it(kept_alive: Scripted) -> None:
    kept_alive.script("""
        +59s <  P. 1:11(10) ack 1
        +40ms >  .  1:1(0) ack 11
        +59s nothing
        +960ms >  .  0:0(0) ack 11
    """)


@pytest.mark.rfc("9293:MUST-29")
def test_only_several_unanswered_probes_end_it(kept_alive: Scripted) -> None:
    kept_alive.script("""
        +60s >  .  0:0(0) ack 1
        +15s >  .  0:0(0) ack 1
        +15s >  .  0:0(0) ack 1
        +15s >  .  0:0(0) ack 1
        state ESTABLISHED
        +15s >  R. 1:1(0) ack 1
        state CLOSED
        events Reset Closed
    """)


def test_we_answer_the_peers(established: Scripted) -> None:
    established.script("""
        +2h <  .  0:0(0) ack 1
        +0 >  .  1:1(0) ack 1
        +2h <  .  0:1(1) ack 1        # with a byte of garbage, as old stacks send it
        +0 >  .  1:1(0) ack 1
        events
    """)
