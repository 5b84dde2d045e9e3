from __future__ import annotations

from dataclasses import replace

from bronzewillow.stack.neighbours import answer_arp
from bronzewillow.wire.arp import REPLY, REQUEST, ArpPacket

OURS, THEIRS = bytes((10, 0, 0, 1)), bytes((10, 0, 0, 2))
OUR_MAC, THEIR_MAC = b"\2\0\0\0\0\1", b"\2\0\0\0\0\2"
ASKED = ArpPacket(REQUEST, THEIR_MAC, THEIRS, bytes(6), OURS)


def test_a_request_for_us_is_answered() -> None:
    assert answer_arp(ASKED, OURS, OUR_MAC) == ArpPacket(REPLY, OUR_MAC, OURS, THEIR_MAC, THEIRS)


def test_nothing_else_is() -> None:
    for other in (
        replace(ASKED, operation=REPLY),
        replace(ASKED, tpa=THEIRS),
        replace(ASKED, spa=OURS),  # somebody claims our address
        replace(ASKED, operation=9),
    ):
        assert answer_arp(other, OURS, OUR_MAC) is None
