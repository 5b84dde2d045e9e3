from __future__ import annotations

from dataclasses import replace

import pytest

from bronzewillow.stack.neighbours import answer_arp, answer_solicitation
from bronzewillow.testing.datagrams import solicited_node
from bronzewillow.wire import icmpv6, nd
from bronzewillow.wire.arp import REPLY, REQUEST, ArpPacket
from bronzewillow.wire.errors import DropReason, WireError
from bronzewillow.wire.ipv6 import Ipv6Packet

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


POD, ASKER = bytes.fromhex("fd00000a") + bytes(11) + b"\2", bytes.fromhex("fe80") + bytes(13) + b"\1"


def solicitation(target: bytes = POD, source: bytes = ASKER) -> Ipv6Packet:
    destination = solicited_node(target)
    payload = icmpv6.emit_icmpv6(nd.NeighborSolicitation(target, THEIR_MAC), source, destination)
    return Ipv6Packet(source, destination, icmpv6.PROTOCOL, payload, nd.HOP_LIMIT)


def test_a_solicitation_for_us_is_answered() -> None:  # RFC 4861 7.2.4
    answer = answer_solicitation(solicitation(), {POD}, OUR_MAC)
    assert answer is not None
    assert (answer.source, answer.destination, answer.hop_limit) == (POD, ASKER, 255)
    message = icmpv6.parse_icmpv6(answer.payload, POD, ASKER)
    assert message == nd.NeighborAdvertisement(POD, OUR_MAC, solicited=True, override=True)


def test_no_other_solicitation_is() -> None:
    for other in (
        solicitation(target=ASKER),
        solicitation(source=POD),  # somebody claims our address
        solicitation(source=bytes(16)),  # or is about to
    ):
        assert answer_solicitation(other, {POD}, OUR_MAC) is None


def test_a_damaged_solicitation() -> None:
    whole = solicitation()
    with pytest.raises(WireError) as caught:
        answer_solicitation(replace(whole, payload=whole.payload[:-1] + b"?"), {POD}, OUR_MAC)
    assert caught.value.reason is DropReason.BAD_ICMP_CHECKSUM
