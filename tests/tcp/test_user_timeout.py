"""RFC 5482: a peer that will be away for a while says for how long."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from bronzewillow.stack import TcpConfig
from bronzewillow.stack.config import SECOND
from bronzewillow.testing.script import Scripted
from bronzewillow.wire.packet import TcpPacket

Open = Callable[..., Scripted]
PLAIN = TcpConfig(window_scale=False, timestamps=False, sack=False)
ON = replace(PLAIN, user_timeout_option=True)


def asked(s: Scripted, text: str, seconds: int) -> None:
    seg = s.segment(text)
    s.inject(replace(seg, options=replace(seg.options, user_timeout_s=seconds)))


def offered(s: Scripted) -> list[int | None]:
    return [packet.segment.options.user_timeout_s for packet in s.take() if isinstance(packet, TcpPacket)]


@pytest.mark.rfc("5482:3.1")
def test_it_is_off_by_default(script_with: Open) -> None:
    s = script_with(PLAIN)
    s.script("listen")
    asked(s, "S 0:0(0) <mss 1000>", 3000)
    assert offered(s) == [None]
    s.script("< . 1:1(0) ack 1\naccept")
    assert s.c.user_timeout == PLAIN.user_timeout


@pytest.mark.rfc("5482:3.1")
@pytest.mark.parametrize(
    ("theirs_s", "used_s"), [(0, 180), (60, 180), (500, 500), (32_767, 3600), (60_000, 3600)]
)
def test_the_longer_of_both_counts_within_bounds(script_with: Open, theirs_s: int, used_s: int) -> None:
    s = script_with(ON)
    s.script("listen")
    asked(s, "S 0:0(0) <mss 1000>", theirs_s)
    assert offered(s) == [180]
    s.script("< . 1:1(0) ack 1\naccept")
    assert s.c.user_timeout == used_s * SECOND


def test_a_syn_ack_may_ask_too_and_so_may_a_later_segment(script_with: Open) -> None:
    s = script_with(ON)
    s.script("connect\nignore")
    asked(s, "S. 0:0(0) ack 1 <mss 1000>", 300)
    s.take()
    assert s.c.user_timeout == 300 * SECOND
    asked(s, ". 1:1(0) ack 1", 700)
    assert s.c.user_timeout == 700 * SECOND


@pytest.mark.rfc("5482:3.2")
def test_silence_is_borne_for_as_long_as_was_asked(script_with: Open) -> None:
    s = script_with(ON)
    s.script("listen")
    asked(s, "S 0:0(0) <mss 1000>", 600)
    s.take()
    s.script("< . 1:1(0) ack 1\naccept\nsend 10\nignore\n+590s ignore\nstate ESTABLISHED")
    s.script("+120s ignore\nstate CLOSED")


def test_what_the_user_has_set_no_peer_changes(script_with: Open) -> None:
    s = script_with(ON)
    s.script("listen\n< S 0:0(0) <mss 1000>\nignore\n< . 1:1(0) ack 1\naccept")
    s.c.set_user_timeout(20 * SECOND)
    asked(s, ". 1:1(0) ack 1", 700)
    assert s.c.user_timeout == 20 * SECOND
